"""Every spec's twins, and how a twin is measured and filled with weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from tests.specs.plain import (
    alexnets,
    compact,
    images,
    inceptions,
    lenets,
    mobilenets,
    nins,
    resnets,
    segmentation,
)
from tests.specs.twin import Twin

TWINS: tuple[Twin, ...] = (
    *lenets.TWINS,
    *alexnets.TWINS,
    *nins.TWINS,
    *inceptions.TWINS,
    *resnets.TWINS,
    *mobilenets.TWINS,
    *compact.TWINS,
    *images.TWINS,
    *segmentation.TWINS,
)


def figures(make: Callable[[], nn.Module], inputs: Sequence[tuple[int, ...]]) -> tuple[int, int]:
    """A network's parameters and multiply-adds for one sample, as torch counts them.

    Args:
        inputs: a sample's shapes, without the batch.
    """
    with torch.device("meta"):
        module = make().eval()
        counter = FlopCounterMode(display=False)
        with counter:
            module(*(torch.empty(1, *shape) for shape in inputs))
    return sum(parameter.numel() for parameter in module.parameters()), counter.get_total_flops() // 2


def with_random_weights(make: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """A network whose weights and running statistics are random, in eval mode.

    Weights are uniform with a variance of 2 / fan-in (He et al. 2015), so that what flows keeps its size.
    """
    with torch.device("meta"):
        module = make()
    module.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if not tensor.is_floating_point():
                tensor.zero_()
            elif tensor.dim() > 1:
                bound = (6 / tensor[0].numel()) ** 0.5
                tensor.uniform_(-bound, bound, generator=generator)
            elif name.endswith(("running_var", "weight")):
                tensor.uniform_(0.5, 1.5, generator=generator)
            else:
                tensor.uniform_(-0.1, 0.1, generator=generator)
    return module.eval()


def settle(network: nn.Module, inputs: Sequence[Tensor]) -> None:
    """Gives a network in eval mode the running statistics of one batch."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        network.train()(*inputs)
    for norm in norms:
        norm.momentum = 0.1
    network.eval()
