"""The engines of several processes: torch's DDP and FSDP2.

A step does what it would do in one process with the whole batch: each process' samples weigh what they are of
it, and batch normalisations see all of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.nn.parallel import DistributedDataParallel

from netdsl.training.engine import Engine
from netdsl.training.parallel.batchnorm import Counted, exchange_batchnorm
from netdsl.training.parallel.ranks import Ranks


class ParallelEngine(Engine):
    """A module of several processes. Gradients are averaged, so losses are multiplied by their number."""

    def __init__(self, module: nn.Module, ranks: Ranks) -> None:
        super().__init__(module, ranks)
        self._counted = Counted()
        exchange_batchnorm(module, self._counted)

    def loss(self, loss: torch.Tensor, samples: int, of: int) -> torch.Tensor:
        return loss * (samples * self.ranks.ranks / of)

    @contextmanager
    def piece(self, *, is_last: bool, counts: bool) -> Iterator[None]:
        self._counted.weight = float(counts)
        with self._exchanging(is_last):
            yield

    @contextmanager
    def _exchanging(self, now: bool) -> Iterator[None]:
        raise NotImplementedError


class Replicated(ParallelEngine):
    """DDP: every process holds the whole network."""

    def __init__(self, module: nn.Module, ranks: Ranks, device: torch.device) -> None:
        super().__init__(module, ranks)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # `broadcast_buffers` has a new name in torch 2.15
            self._ddp = DistributedDataParallel(
                module,
                device_ids=[device] if device.type == "cuda" else None,
                broadcast_buffers=False,  # they follow from the batch of all processes, and are equal
                gradient_as_bucket_view=True,
            )
        self.run = self._ddp

    @contextmanager
    def _exchanging(self, now: bool) -> Iterator[None]:
        if now:
            yield
        else:
            with self._ddp.no_sync():
                yield


class Sharded(ParallelEngine):
    """FSDP2: each process holds a share of every parameter; stages are gathered as they are needed."""

    def __init__(self, module: nn.Module, ranks: Ranks, device: torch.device) -> None:
        super().__init__(module, ranks)
        self.is_sharded = True
        mesh = init_device_mesh(device.type, (ranks.ranks,))
        module.to(memory_format=torch.contiguous_format)  # FSDP takes no other; activations keep theirs
        for stage in stages(module):
            fully_shard(stage, mesh=mesh)
        self._sharded: Any = fully_shard(module, mesh=mesh)
        assert isinstance(module, FSDPModule)

    @contextmanager
    def _exchanging(self, now: bool) -> Iterator[None]:
        self._sharded.set_requires_gradient_sync(now)
        yield


def stages(module: nn.Module) -> list[nn.Module]:
    """The parts of a module that are gathered for themselves: its children with parameters, but for those
    that share some with others or are called in parts."""
    owners: dict[nn.Parameter, int] = {}
    for child in module.children():
        for parameter in set(child.parameters()):
            owners[parameter] = owners.get(parameter, 0) + 1
    return [
        child
        for child in module.children()
        if any(True for _ in child.parameters())
        and all(owners[parameter] == 1 for parameter in child.parameters())
        and not isinstance(child, nn.ModuleList | nn.ModuleDict)
    ]
