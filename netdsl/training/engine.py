"""How a module is trained: as it stands, or by several processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from netdsl.training.forward import Outputs
from netdsl.training.parallel.ranks import ALONE, Ranks


class Engine:
    """A module of one process."""

    def __init__(self, module: nn.Module, ranks: Ranks = ALONE) -> None:
        self.module = module
        """As checkpoints know it."""
        self.ranks = ranks
        """The processes that train it."""
        self.run: nn.Module = module
        """What is called to train it."""
        self.is_sharded = False
        """Whether each process holds a share of every parameter, so that all are needed to compute."""

    def loss(self, loss: torch.Tensor, samples: int, of: int) -> torch.Tensor:
        """The part of a batch's loss that some of its samples make.

        Args:
            loss: the mean over the samples.
            samples: how many they are.
            of: how many the batch has, those of all processes.
        """
        return loss if samples == of else loss * (samples / of)

    def nothing(self, outputs: Outputs) -> torch.Tensor:
        """The loss of what does not count: 0, with gradients of 0."""
        return torch.stack([output.sum() for output in outputs.values()]).sum() * 0

    @contextmanager
    def piece(self, *, is_last: bool, counts: bool) -> Iterator[None]:
        """Around forward and backward of a piece of a batch.

        Args:
            is_last: whether gradients are whole after it, and are to be exchanged.
            counts: whether its samples are the batch's, and not in the place of none.
        """
        del is_last, counts  # a process alone has nothing to exchange
        yield


def make_engine(module: nn.Module, kind: str | None, ranks: Ranks, device: torch.device) -> Engine:
    """What trains a module.

    Args:
        module: on its device; the engines of several processes change it in place, and keep its names.
        kind: what each of several processes has of it, `ddp` unless given.
        ranks: the processes.
        device: that of this one.
    """
    if ranks.ranks == 1:
        return Engine(module)
    from netdsl.training.parallel.engines import Replicated, Sharded  # a second that one process is spared

    return Sharded(module, ranks, device) if kind == "fsdp" else Replicated(module, ranks, device)
