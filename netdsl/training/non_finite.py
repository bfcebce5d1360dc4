"""Where a value first became infinite or no number: in a weight, the data, a layer's output, a gradient."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from netdsl.diagnostics import Diagnostic, Faults
from netdsl.training.batches import Inputs
from netdsl.training.parallel.ranks import Ranks
from netdsl.training.tensors import local

SLOWER = "lower the learning rate, lengthen the warmup, or look for faulty data"


class NonFinite(Faults):
    """A loss, a gradient or a weight is not finite."""

    def __init__(self, code: str, message: str, help: str = SLOWER) -> None:
        super().__init__([Diagnostic(code=code, message=message, span=None, help=help)], exit_code=4)


def first_non_finite(tensors: Iterable[tuple[str, torch.Tensor | None]]) -> str | None:
    """The name of the first tensor with a value that is not finite."""
    found = (name for name, tensor in tensors if tensor is not None and not _is_finite(local(tensor)))
    return next(found, None)


def first_non_finite_gradient(module: nn.Module) -> str | None:
    """The parameter whose gradient is the first that is not finite, as the backward pass goes."""
    gradients = [(name, parameter.grad) for name, parameter in module.named_parameters()]
    return first_non_finite(reversed(gradients))


def gradients_look_finite(parameters: Iterable[nn.Parameter]) -> bool:
    """Whether the sum of all gradients' norms is finite: false also where a norm is merely too large."""
    gradients = [local(parameter.grad) for parameter in parameters if parameter.grad is not None]
    return not gradients or math.isfinite(torch.stack(torch._foreach_norm(gradients)).sum())


def origin(module: nn.Module, inputs: Inputs, forward: Callable[[], Any], ranks: Ranks) -> str:
    """Why a loss is not finite, as a fact of the weights, the data or the first layer.

    Args:
        module: as it was before the step.
        inputs: what the step gave it.
        forward: the step's forward pass, which is run again and watched.
        ranks: the processes that take the step. All of them have to ask, each for its own samples, and are
            told the same: the earliest that one of them has found.
    """
    weight = first_non_finite([*module.named_parameters(), *module.named_buffers()])
    layer = _first_layer(module, forward)  # whatever else is found: layers exchange what others wait for
    found: tuple[float, str]
    if weight is not None:
        found = (WEIGHT, f"`{weight}` is no longer finite since the step before")
    elif not all(map(_is_finite, _tensors(inputs))):
        found = (DATA, "the batch itself has values that are not finite")
    else:
        found = layer or (math.inf, "the outputs are finite, the loss of them is not")
    return min(ranks.gathered(found))[1]


WEIGHT, DATA = -2, -1
"""Where values that are not finite may have been before the first layer was called."""


def _first_layer(module: nn.Module, forward: Callable[[], Any]) -> tuple[float, str] | None:
    """The number of the call that first had to do with a value that is not finite, and what it is."""
    found: list[tuple[float, str]] = []
    calls = itertools.count()

    def watch(name: str) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
        def look(_: nn.Module, given: tuple[Any, ...], output: Any) -> None:
            call = next(calls)
            if not found and not all(map(_is_finite, _tensors(given))):
                found.append((call, f"what the layer `{name}` is given is the first that is not finite"))
            elif not found and not all(map(_is_finite, _tensors(output))):
                found.append((call, f"the layer `{name}` is the first whose output is not finite"))

        return look

    leaves = [(name, layer) for name, layer in module.named_modules() if not any(layer.children())]
    handles: list[RemovableHandle] = [layer.register_forward_hook(watch(name)) for name, layer in leaves]
    try:
        with torch.no_grad():
            forward()
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else None


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    return [t for item in value for t in _tensors(item)] if isinstance(value, Iterable) else []


def _is_finite(tensor: torch.Tensor) -> bool:
    return not tensor.is_floating_point() or bool(tensor.isfinite().all())
