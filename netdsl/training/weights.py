"""Weights of another network of the same structure → ours: by order, kind and shape.

Names differ between libraries, the order of construction seldom does. Layers with tensors of their own are
walked in the order in which they were registered; each must meet one of the same kind with tensors of the
same shapes. Nothing is copied unless everything fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True, slots=True)
class Pair:
    """A layer of the source and the one of the target that it maps onto."""

    source: str
    target: str
    kind: str
    tensors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MappingReport:
    """What maps onto what, or why nothing does."""

    pairs: tuple[Pair, ...]
    """The layers that fit, up to the first that does not."""
    problem: str | None
    """The first difference; None where there is none."""

    @property
    def fits(self) -> bool:
        """Whether every layer has found its counterpart."""
        return self.problem is None


@dataclass(frozen=True, slots=True, eq=False)
class _Leaf:
    name: str
    kind: str
    tensors: Mapping[str, torch.Tensor]


class MappingRefused(Exception):
    """The networks differ in structure; the message says where."""


def map_by_structure(source: nn.Module | Mapping[str, torch.Tensor], target: nn.Module) -> MappingReport:
    """Pairs the layers of two networks.

    Args:
        source: a module, or a state dict in its order of registration, whose kinds of layers are not known
            and so not compared.
        target: the module to be given the weights.
    """
    theirs, ours = _leaves(source), _leaves(target)
    pairs: list[Pair] = []
    for position, (a, b) in enumerate(zip(theirs, ours, strict=False), start=1):
        difference = _difference(a, b)
        if difference is not None:
            return MappingReport(tuple(pairs), f"layer {position}: {difference}")
        pairs.append(Pair(a.name, b.name, b.kind, tuple(b.tensors)))
    if len(theirs) != len(ours):
        longer, name = (theirs, "target") if len(theirs) > len(ours) else (ours, "source")
        extra = longer[len(pairs)]
        problem = (
            f"the source has {len(theirs)} layers with weights, the target {len(ours)}: "
            f"`{extra.name}` ({extra.kind or 'layer'}) has no counterpart in the {name}"
        )
        return MappingReport(tuple(pairs), problem)
    return MappingReport(tuple(pairs), None)


def copy_weights(source: nn.Module | Mapping[str, torch.Tensor], target: nn.Module) -> MappingReport:
    """Copies parameters and buffers along `map_by_structure`.

    Raises:
        MappingRefused: the networks differ; nothing was copied.
    """
    report = map_by_structure(source, target)
    if report.problem is not None:
        raise MappingRefused(report.problem)
    with torch.no_grad():
        for theirs, ours in zip(_leaves(source), _leaves(target), strict=True):
            for name, tensor in ours.tensors.items():
                tensor.copy_(theirs.tensors[name])
    return report


def _leaves(network: nn.Module | Mapping[str, torch.Tensor]) -> list[_Leaf]:
    """The layers that own tensors, in order of registration; a shared one where it first stands."""
    if isinstance(network, nn.Module):
        kept = network.state_dict().keys()
        found = []
        for path, module in network.named_modules():
            own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
            tensors = {name: t for name, t in own if (f"{path}.{name}" if path else name) in kept}
            if tensors:
                found.append(_Leaf(path, type(module).__name__, tensors))
        return found
    grouped: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in network.items():
        path, _, name = key.rpartition(".")
        grouped.setdefault(path, {})[name] = tensor
    return [_Leaf(path, "", tensors) for path, tensors in grouped.items()]


def _difference(source: _Leaf, target: _Leaf) -> str | None:
    """What keeps one layer's tensors from the other, or None."""
    if source.kind and source.kind != target.kind:
        return f"`{source.name}` is {source.kind}, `{target.name}` is {target.kind}"
    missing = [name for name in target.tensors if name not in source.tensors]
    surplus = [name for name in source.tensors if name not in target.tensors]
    if missing:
        return f"`{source.name}` has no `{missing[0]}`, which `{target.name}` has"
    if surplus:
        return f"`{source.name}` has a `{surplus[0]}`, which `{target.name}` has not"
    for name, tensor in target.tensors.items():
        given = source.tensors[name].shape
        if given != tensor.shape:
            return (
                f"`{name}` of `{source.name}` is {tuple(given)}, "
                f"of `{target.name}` it is {tuple(tensor.shape)}"
            )
    return None
