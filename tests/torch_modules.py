"""What torch makes of a layer: the judge of shapes, parameters and multiply-adds."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from netdsl.graph.formula import plain
from netdsl.graph.shapes import Shape
from netdsl.layers.layer import Layer, TorchArgument, TorchCall

BATCH = 2


class Measured(NamedTuple):
    """What a module was seen to do."""

    output: tuple[int, ...]
    weights: dict[str, tuple[int, ...]]
    macs: int


def build(call: TorchCall) -> nn.Module:
    """The module of a torch call, with the arguments that would be printed."""
    scope: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "math": math}
    if call.helper:
        exec(call.helper, scope)  # noqa: S102 - source of netdsl's own, which a printed file would hold
    target = getattr(nn, call.target.removeprefix("nn.")) if call.helper is None else scope[call.target]
    printed = [argument for argument in call.arguments if is_printed(argument)]
    positional = [plain(argument.value) for argument in printed if argument.name is None]
    module = target(*positional, **{a.name: plain(a.value) for a in printed if a.name is not None})
    assert isinstance(module, nn.Module)
    return module


def is_printed(argument: TorchArgument) -> bool:
    """Whether an argument stands in printed source: one that is torch's default does not."""
    return bool(plain(argument.value) != plain(argument.default))


def measure(layer: Layer, input: Shape) -> Measured:
    """Runs a layer's module in train mode on a batch of two.

    Raises:
        Exception: whatever torch raises where it refuses.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's advice about speed and odd arguments
        module = build(layer.torch(input)).train()
        counter = FlopCounterMode(display=False)
        with counter:
            output = module(torch.randn(BATCH, *input.sizes))
    weights = {name: tuple(parameter.shape) for name, parameter in module.named_parameters()}
    return Measured(tuple(output.shape), weights, counter.get_total_flops() // (2 * BATCH))
