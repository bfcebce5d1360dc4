"""Why a layer that is as it was costs another sum: the changes that its input's sizes lead back to.

Each axis that differs at corresponding points of two networks carries the changes that made it differ. A
layer hands them on as its own shape rule does, which is tried out: the new layer on the old input, and the
old layer on the new one.

    conv(64, 3) → conv(32, 3)   makes the channels behind it differ, a stride height and width
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

from netdsl.analysis.difference.alignment import changed_arguments
from netdsl.analysis.difference.terms import LayerTerm, Names
from netdsl.graph.formula import formula_of, plain
from netdsl.graph.shapes import INPUT_SIZES, Shape
from netdsl.records import record

Causes = frozenset[int]
"""Changes by their position in the list."""


@record
class Flow:
    """The tensor at corresponding points of both networks."""

    before: Shape
    after: Shape
    causes: Mapping[str, Causes]
    """For each axis whose sizes differ, why."""

    @property
    def all_causes(self) -> Causes:
        return reduce(frozenset.union, self.causes.values(), frozenset())

    def at(self, axis: str) -> Causes:
        """Why an axis of what is computed from it differs."""
        return self.causes.get(axis) or self.all_causes


def differing(before: Shape, after: Shape) -> Iterator[str]:
    """The axes in which two shapes differ."""
    first, second = dict(before.axes), dict(after.axes)
    for name in {**first, **second}:
        if first.get(name) != second.get(name):
            yield name


def behind(entered: Flow, flow: Flow, own: Causes) -> Flow:
    """The tensor behind changes: what differed before them may still differ for its own reasons."""
    causes = {
        axis: own | entered.causes.get(axis, frozenset()) for axis in differing(flow.before, flow.after)
    }
    return Flow(flow.before, flow.after, causes)


def blamed(old: LayerTerm, new: LayerTerm, flow: Flow, own: Causes) -> Iterator[tuple[str, Causes]]:
    """Why each axis differs behind a layer: tried out, its own change and its input's each alone."""
    for axis in differing(old.output, new.output):
        by_itself = bool(own) and _makes_another(new, old.input, old.output, axis)
        by_input = bool(flow.causes) and _makes_another(old, new.input, old.output, axis)
        if by_itself == by_input:
            yield axis, own | flow.at(axis)
        else:
            yield axis, own if by_itself else flow.at(axis)


def _makes_another(term: LayerTerm, input: Shape, usual: Shape, axis: str) -> bool:
    """Whether a layer on an input gives another size of an axis than is usual."""
    if any(True for _ in term.layer.problems(input)):
        return True
    return dict(term.layer.output(input).axes).get(axis) != dict(usual.axes).get(axis)


def that_count(old: LayerTerm, new: LayerTerm) -> list[str]:
    """The axes of a layer's input whose other sizes make it cost another sum; all, if none does alone."""
    axes = list(differing(old.input, new.input))
    if old.input.names != new.input.names:
        return axes
    alone = [
        axis for axis in axes if _costs_otherwise(old, old.input.with_sizes(**{axis: new.input.size(axis)}))
    ]
    return alone or axes


def _costs_otherwise(term: LayerTerm, input: Shape) -> bool:
    """Whether a layer cannot take another input, or has other parameters or multiply-adds on it."""
    if any(True for _ in term.layer.problems(input)):
        return True
    figures = term.layer.params(input), term.layer.macs(input)
    return figures != (term.costs.params, term.costs.macs)


def own_changes(old: LayerTerm, new: LayerTerm) -> list[tuple[str, Any, Any]]:
    """The arguments that differ, but for those that follow the input's sizes as they did."""
    first, second = dict(old.layer.values), dict(new.layer.values)
    return [
        (name, plain(first.get(name)), plain(second.get(name)))
        for name in changed_arguments(old, new)
        if not _follows(first.get(name), second.get(name), old.names, new.names)
    ]


def _follows(old: Any, new: Any, old_names: Names | None, new_names: Names | None) -> bool:
    """Whether two values are computed alike, from nothing that differs but sizes of inputs."""
    if plain(old) == plain(new):
        return True
    formula = formula_of(new)
    if formula is None or formula_of(old) is None or str(formula_of(old)) != str(formula):
        return False
    if old_names is None or new_names is None:
        return False
    for name in formula.names():
        if name in INPUT_SIZES.values():
            continue
        if name not in old_names.values or name not in new_names.values:
            return False
        if not _follows(old_names.values[name], new_names.values[name], old_names.around, new_names.around):
            return False
    return True
