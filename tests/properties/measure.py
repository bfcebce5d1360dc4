"""Runs a built network on the CPU and notes what every node of it was seen to do."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

BATCH = 2

_MERGES = {
    "add": "add", "__add__": "add", "sub": "sub", "__sub__": "sub", "mul": "mul", "__mul__": "mul",
    "cat": "concat",
}  # fmt: skip


class Seen(NamedTuple):
    """What torch did with a network."""

    outputs: list[tuple[str, tuple[int, ...]]]
    """Path and output of every leaf module's call, and kind and output of every merge, as they ran."""
    macs: dict[str, int]
    """Multiply-adds of each module by path, for one sample."""
    output: tuple[int, ...]


class _Merges(TorchFunctionMode):
    """Notes operators between tensors outside of leaf modules."""

    def __init__(self, outputs: list[tuple[str, tuple[int, ...]]]) -> None:
        self.outputs = outputs
        self.depth = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        kind = _MERGES.get(getattr(func, "__name__", ""))
        if kind and self.depth == 0:
            self.outputs.append((kind, tuple(result.shape[1:])))
        return result


@contextmanager
def _hooked(
    model: nn.Module, paths: set[str], seen: list[tuple[str, tuple[int, ...]]], mode: _Merges
) -> Iterator[None]:
    handles = []
    for path in paths:
        module = model.get_submodule(path)

        def enter(*_: Any) -> None:
            mode.depth += 1

        def leave(_: nn.Module, __: Any, output: torch.Tensor, path: str = path) -> None:
            mode.depth -= 1
            seen.append((path, tuple(output.shape[1:])))

        handles += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def measure(model: nn.Module, inputs: list[tuple[int, ...]], paths: set[str], batch: int = BATCH) -> Seen:
    """Runs forward and, where anything can be learned, backward in train mode.

    Args:
        model: the network.
        inputs: each input's shape without the batch.
        paths: the paths of its leaf modules.
        batch: samples at once.
    """
    seen: list[tuple[str, tuple[int, ...]]] = []
    mode = _Merges(seen)
    tensors = [torch.randn(batch, *shape) for shape in inputs]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's advice about odd arguments
        model.train()
        counter = FlopCounterMode(model, display=False)
        with _hooked(model, paths, seen, mode), mode, counter:
            output = model(*tensors)
        if output.requires_grad:
            output.sum().backward()
    counts = counter.get_flop_counts()
    root = type(model).__name__
    macs = {
        name.removeprefix(root + "."): sum(by_operator.values()) // (2 * batch)
        for name, by_operator in counts.items()
        if name.startswith(root + ".")
    }
    return Seen(seen, macs, tuple(output.shape[1:]))
