"""Weights of another network of the same structure → ours: nothing is copied unless everything fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from netdsl.training.weights.alignment import Alignment, Ambiguous, align, align_by_name, align_by_shape
from netdsl.training.weights.explanation import (
    Explanation,
    ambiguity,
    explain,
    explain_names,
    explain_shapes,
    meets_but_for_rows,
    meets_whole,
)
from netdsl.training.weights.leaves import Leaf, Tensors, leaves

By = Literal["structure", "name", "shape"]
"""How layers find each other: by their order, by their names, or, where neither is known, by shapes that no
other layer has."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A layer of the source and the one of the target that it maps onto."""

    source: str
    target: str
    kind: str
    tensors: tuple[str, ...]
    """The tensors that are copied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingReport:
    """What maps onto what, or why nothing does."""

    by: By
    pairs: tuple[Pair, ...] = ()
    """The layers that fit, in the target's order; none where there is a problem."""
    new: tuple[str, ...] = ()
    """Layers of the target that are given nothing, as was asked for."""
    left: tuple[str, ...] = ()
    """Layers of the source that are not used, as was asked for."""
    explanation: Explanation | None = None
    """What is in the way; None where nothing is."""

    @property
    def fits(self) -> bool:
        """Whether every layer has found its counterpart."""
        return self.explanation is None

    @property
    def problem(self) -> str | None:
        """What is in the way, in a line; None where nothing is."""
        return self.explanation.problem if self.explanation else None

    def __str__(self) -> str:
        if self.explanation is not None:
            return str(self.explanation)
        lines = [f"{len(self.pairs)} layers, mapped by {self.by}"]
        lines += [f"new: {', '.join(self.new)}"] if self.new else []
        lines += [f"not used: {', '.join(self.left)}"] if self.left else []
        return "\n".join(lines)


class MappingRefused(Exception):
    """The networks differ, or could be mapped in several ways; the message is the report, line by line."""

    def __init__(self, report: MappingReport) -> None:
        assert report.explanation is not None, "only what does not fit is refused"
        self.report = report
        self.explanation = report.explanation
        super().__init__(str(report))


def map_by_structure(
    source: nn.Module | Tensors,
    target: nn.Module,
    *,
    excluding: Sequence[str] = (),
    fresh_head: bool = False,
) -> MappingReport:
    """Pairs the layers of two networks by their order, their kinds and the shapes of their tensors.

    The children of one of the two may stand in another order, as auxiliary classifiers do in some libraries,
    if there is one way only in which all layers meet.

    Args:
        source: a module, or a state dict in its order of registration, whose kinds of layers are not known
            and so not compared.
        target: the module to be given the weights.
        excluding: layers or parts of either network, by their names, that take no part.
        fresh_head: whether layers may differ in their number of rows, as classifiers of other classes do;
            those are given nothing.
    """
    return map_weights(source, target, by="structure", excluding=excluding, fresh_head=fresh_head)


def map_weights(
    source: nn.Module | Tensors,
    target: nn.Module,
    *,
    by: By,
    excluding: Sequence[str] = (),
    fresh_head: bool = False,
) -> MappingReport:
    """The same as `map_by_structure`, by a way that can be chosen."""
    return _map(source, target, by, excluding, fresh_head)[0]


def copy_weights(
    source: nn.Module | Tensors,
    target: nn.Module,
    *,
    by: By = "structure",
    excluding: Sequence[str] = (),
    fresh_head: bool = False,
) -> MappingReport:
    """Copies parameters and buffers along `map_weights`, whose arguments it takes.

    Raises:
        MappingRefused: the networks differ, or could be mapped in several ways; nothing was copied.
    """
    report, found = _map(source, target, by, excluding, fresh_head)
    if not report.fits:
        raise MappingRefused(report)
    with torch.no_grad():
        for theirs, ours in found:
            for name, tensor in ours.tensors.items():
                if name in theirs.tensors:
                    tensor.copy_(theirs.tensors[name])
    return report


def same_names(source: nn.Module | Tensors, target: nn.Module, *, excluding: Sequence[str] = ()) -> bool:
    """Whether two networks have layers of the same names, whatever their shapes."""
    theirs, ours = (_without(leaves(network), excluding)[1] for network in (source, target))
    return align_by_name(theirs, ours) is not None


def _map(
    source: nn.Module | Tensors, target: nn.Module, by: By, excluding: Sequence[str], fresh_head: bool
) -> tuple[MappingReport, Alignment]:
    """The report, and the layers that are to be copied."""
    theirs, ours = leaves(source), leaves(target)
    try:
        left, theirs = _without(theirs, excluding)
        new, ours = _without(ours, excluding)
        _check_names(excluding, (*left, *new))
        found = _aligned(theirs, ours, by, fresh_head)
    except _Explained as refused:
        return MappingReport(by=by, explanation=refused.explanation), ()
    whole = tuple(pair for pair in found if meets_whole(*pair))
    other = [pair for pair in found if not meets_whole(*pair)]
    report = MappingReport(
        by=by,
        pairs=tuple(_pair(theirs, ours) for theirs, ours in whole),
        new=tuple(leaf.name for leaf in new) + tuple(ours.name for _, ours in other),
        left=tuple(leaf.name for leaf in left) + tuple(theirs.name for theirs, _ in other),
    )
    return report, whole


class _Explained(Exception):
    """There is no mapping, and this is why."""

    def __init__(self, explanation: Explanation) -> None:
        self.explanation = explanation
        super().__init__(explanation.problem)


def _aligned(source: Sequence[Leaf], target: Sequence[Leaf], by: By, fresh_head: bool) -> Alignment:
    meets = meets_but_for_rows if fresh_head else meets_whole
    try:
        if by == "name":
            found = align_by_name(source, target)
            if found is None:
                raise _Explained(explain_names(source, target))
            source = [theirs for theirs, _ in found]
            found = found if all(meets(*pair) for pair in found) else None
        elif by == "shape":
            found = align_by_shape(source, target, meets)
            if found is None:
                raise _Explained(explain_shapes(source, target, meets))
        else:
            found = align(source, target, meets)
    except Ambiguous as reason:
        raise _Explained(ambiguity(str(reason))) from None
    if found is None:
        raise _Explained(explain(source, target, meets))
    return found


def _without(found: Sequence[Leaf], excluding: Sequence[str]) -> tuple[list[Leaf], list[Leaf]]:
    """The layers that take no part, and the others."""
    out = [leaf for leaf in found if any(leaf.is_within(name) for name in excluding)]
    return out, [leaf for leaf in found if leaf not in out]


def _check_names(excluding: Sequence[str], out: Sequence[Leaf]) -> None:
    """A name that leaves nothing out was meant for something.

    Raises:
        _Explained: there is such a name.
    """
    for name in excluding:
        if not any(leaf.is_within(name) for leaf in out):
            raise _Explained(Explanation(problem=f"neither network has a layer or part `{name}`"))


def _pair(source: Leaf, target: Leaf) -> Pair:
    copied = tuple(name for name in target.tensors if name in source.tensors)
    return Pair(source.name, target.name, target.kind, copied)
