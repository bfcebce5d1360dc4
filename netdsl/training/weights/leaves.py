"""A network as the layers that own tensors, in the order in which they were registered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import torch
from torch import nn

Tensors = Mapping[str, torch.Tensor]
Fit = Literal["whole", "rows"]
"""How one layer's tensors fit another: as they are, or but for the number of rows, as those of a classifier
with another number of classes."""

COUNTER = "num_batches_tracked"
"""A batch normalisation's counter, which files written before torch 0.4.1 do not have."""


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A layer with tensors of its own."""

    name: str
    kind: str
    """The class of torch that it is, or its own; empty in a state dict, which does not know it."""
    tensors: Tensors

    @property
    def signature(self) -> tuple[object, ...]:
        """What two layers must have in common to be told apart by nothing but their place."""
        shapes = sorted((name, tuple(t.shape)) for name, t in self.tensors.items() if name != COUNTER)
        return (self.kind, *shapes)

    @property
    def parameters(self) -> int:
        """How many values training changes."""
        return sum(t.numel() for t in self.tensors.values() if isinstance(t, nn.Parameter))

    @property
    def has_matrix(self) -> bool:
        """Whether it mixes channels, unlike a normalisation."""
        return any(t.ndim > 1 for t in self.tensors.values())

    def is_within(self, name: str) -> bool:
        """Whether it is the layer of that name, or stands in the part of that name."""
        return self.name == name or self.name.startswith(f"{name}.")

    def __str__(self) -> str:
        name = "weight" if "weight" in self.tensors else next(iter(self.tensors))
        first = self.tensors[name]
        shape = "×".join(map(str, first.shape)) or "scalar"
        bias = " + bias" if "bias" in self.tensors and name != "bias" and first.ndim > 1 else ""
        return f"`{self.name}` {self.kind or name} {shape}{bias}"


def leaves(network: nn.Module | Tensors) -> list[Leaf]:
    """The layers that own tensors, in order of registration; a shared one where it first stands."""
    if not isinstance(network, nn.Module):
        grouped: dict[str, dict[str, torch.Tensor]] = {}
        for key, tensor in network.items():
            path, _, name = key.rpartition(".")
            grouped.setdefault(path, {})[name] = tensor
        return [Leaf(path, "", tensors) for path, tensors in grouped.items()]
    kept = network.state_dict().keys()
    found = []
    for path, module in network.named_modules():
        own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        tensors = {name: t for name, t in own if (f"{path}.{name}" if path else name) in kept}
        if tensors:
            found.append(Leaf(path, _kind(module), tensors))
    return found


def _kind(module: nn.Module) -> str:
    """The class of torch that a module is or was derived from: timm's `Conv2dSame` is a `Conv2d`."""
    of_torch = [c for c in type(module).__mro__ if c.__module__.startswith("torch.nn.modules.")]
    is_derived = of_torch and of_torch[0] is not nn.Module
    return (of_torch[0] if is_derived else type(module)).__name__


def fit(source: Leaf, target: Leaf) -> Fit | None:
    """How a layer's tensors fit another layer."""
    if source.kind and target.kind and source.kind != target.kind:
        return None
    if source.tensors.keys() | {COUNTER} != target.tensors.keys() | {COUNTER}:
        return None
    if COUNTER in source.tensors and COUNTER not in target.tensors:
        return None
    shapes = [(source.tensors[name].shape, t.shape) for name, t in target.tensors.items() if name != COUNTER]
    if all(given == wanted for given, wanted in shapes):
        return "whole"
    rows_alone = all(given and wanted and given[1:] == wanted[1:] for given, wanted in shapes)
    return "rows" if target.has_matrix and rows_alone else None


def difference(source: Leaf, target: Leaf) -> str:
    """What keeps one layer's tensors from the other."""
    if source.kind and target.kind and source.kind != target.kind:
        return f"`{source.name}` is {source.kind}, `{target.name}` is {target.kind}"
    missing = [name for name in target.tensors if name not in source.tensors and name != COUNTER]
    surplus = [name for name in source.tensors if name not in target.tensors]
    if missing:
        return f"`{source.name}` has no `{missing[0]}`, which `{target.name}` has"
    if surplus:
        return f"`{source.name}` has a `{surplus[0]}`, which `{target.name}` has not"
    for name, tensor in target.tensors.items():
        given = source.tensors.get(name, tensor).shape
        if given != tensor.shape:
            wanted = tuple(tensor.shape)
            return f"`{name}` of `{source.name}` is {tuple(given)}, of `{target.name}` it is {wanted}"
    raise AssertionError("the layers differ in nothing: this is a bug in netdsl")


def children(found: Sequence[Leaf]) -> list[tuple[str, list[Leaf]]]:
    """The network's parts on its topmost level that has several, in order, each with its layers."""
    paths = [leaf.name.split(".") for leaf in found]
    level = 0
    while len({tuple(path[: level + 1]) for path in paths}) == 1 and all(path[level + 1 :] for path in paths):
        level += 1
    return [
        (name, [found[i] for i in group])
        for name, group in groupby(range(len(found)), key=lambda i: ".".join(paths[i][: level + 1]))
    ]
