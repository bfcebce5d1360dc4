"""Receptive fields: what part of the input a unit of each value can depend on, through branches and gates.

A unit is a position of a value with all of its channels; its field along an axis is the smallest span that
holds every position of the network's input that some path of layers leads it back to. It is that of a unit
away from borders: padding is not cut off, so that a field may be larger than the input. Branches that meet
are united position by position. Where units differ by their phase, as behind upsampling, the size is the
largest.

    first + stride·p ≤ positions that unit p depends on ≤ last + stride·p

For a chain of windows without phases it is the known recursion, size + (kernel − 1)·stride·dilation
(Araujo et al. 2019, Computing Receptive Fields of Convolutional Neural Networks).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from netdsl.analysis.plan import Call, Plan, Plans, network_plan
from netdsl.analysis.positions import Dependence, Span, joined
from netdsl.graph.graph import Graph, Network
from netdsl.graph.shapes import Shape
from netdsl.layers.layer import Layer
from netdsl.records import record, value_record

Axis = tuple[int, int]
"""An axis of a source: the source's number among the inputs, and the axis' own."""


@record
class View:
    """What the units of a value depend on."""

    sources: frozenset[int]
    along: Mapping[Axis, Dependence]
    """For each source, every axis but that of the channels."""


@value_record()
class Field:
    """What a unit depends on along one axis of an input."""

    axis: str
    """`d`, `h` or `w`."""
    size: int
    """Positions from the first to the last, those between included; the largest of all phases."""
    is_global: bool
    """Whether every unit depends on what all units of some value before it depend on, as behind a global
    pooling; `size` is then cut off at the borders, and there is no stride."""
    stride: Fraction | None
    """Positions between the fields of neighbouring units, on average over the phases. None where there is
    none, or where neighbours follow no period, as where branches of different strides meet."""
    centre: Fraction | None
    """The middle of unit 0's field, where 0 is the middle of the input's first position: the mean of
    (first + last)/2 − stride·r over the phases r."""
    first: tuple[int, ...]
    """The first position of unit r's field, for each phase r; for those that read nothing, 0."""
    last: tuple[int, ...]
    """The last position, included; for those that read nothing, −1."""


@record
class Fields:
    """The fields of the units of a value."""

    path: str
    output: Shape
    by_input: Mapping[str, tuple[Field, ...]]
    """For each input that it depends on, the fields along its spatial axes."""
    is_member: bool
    """Whether the path's last part numbers a member of a series or a fan."""


def receptive_fields(network: Network, levels: int = 1) -> tuple[Fields, ...]:
    """The fields of the steps of a network, each behind what it contains; heads only where they are kept.

    Args:
        levels: how deep steps are opened up; 1, the stages, by default.
    """
    plan = network_plan(network, training=False)
    views = [_on_itself(number, shape) for number, shape in enumerate(plan.inputs)]
    return tuple(
        Fields(path, call.output, _fields(network, view, call.output), call.is_member)
        for path, call, view in _Views().walk(plan, views, levels, "")
    )


def by_path(fields: Sequence[Fields]) -> Mapping[str, Fields]:
    """Fields by path; a series has those of its last member."""
    found = {}
    for one in fields:
        found[one.path] = one
        if one.is_member:
            found[one.path.rpartition(".")[0]] = one
    return found


class _Views:
    """What graphs' results depend on in their own inputs, each found once, and what that makes of others."""

    def __init__(self) -> None:
        self.plans = Plans()
        self._found: dict[int, View] = {}

    def walk(
        self, plan: Plan, views: Sequence[View], levels: int, path: str
    ) -> Iterator[tuple[str, Call, View]]:
        """The path, the call and the output's view of each step.

        Args:
            views: those of the plan's inputs.
        """
        every = list(views)
        for call in plan.calls:
            inputs = [every[value] for value in call.inputs]
            here = ".".join(part for part in (path, call.name) if part)
            if isinstance(call.runs, Graph):
                inner = self.plans.of(call.runs)
                if call.name == "":  # a choice, whose steps belong to the scope around it
                    yield from self.walk(inner, inputs, levels, path)
                elif levels > 1:
                    yield from self.walk(inner, inputs, levels - (not call.runs.is_single), here)
            every.append(self._after(call, inputs))
            if call.name:
                yield here, call, every[-1]

    def _of(self, graph: Graph) -> View:
        found = self._found.get(id(graph))
        if found is None:
            plan = self.plans.of(graph)
            views = [_on_itself(number, shape) for number, shape in enumerate(graph.inputs)]
            for call in plan.calls:
                views.append(self._after(call, [views[value] for value in call.inputs]))
            found = self._found[id(graph)] = views[plan.results[0]]
        return found

    def _after(self, call: Call, inputs: Sequence[View]) -> View:
        """What a call's output depends on, where its inputs have these views."""
        relation = self._relation(call)
        parts: dict[Axis, list[Dependence]] = {}
        for number in relation.sources:
            for axis, first in inputs[number].along.items():
                if first.moving is not None:
                    first = relation.along[number, first.moving.axis].after(first, call.output)
                parts.setdefault(axis, []).append(first)
        sources = frozenset[int]().union(*(inputs[number].sources for number in relation.sources))
        return View(sources, {axis: joined(found, call.output) for axis, found in parts.items()})

    def _relation(self, call: Call) -> View:
        """What a call's output depends on in its inputs."""
        if isinstance(call.runs, Graph):
            return self._of(call.runs)
        if isinstance(call.runs, Layer):
            (shape,) = call.shapes
            pairs = zip(shape.axes, call.runs.reads(shape), strict=True)
            return View(
                frozenset([0]),
                {(0, n): Dependence.of(r, a.size) for n, (a, r) in enumerate(pairs) if a.name != "c"},
            )
        along = {
            (number, axis): _stretched(axis, own.size, merged.size)
            for number, shape in enumerate(call.shapes)
            for axis, (own, merged) in enumerate(zip(shape.axes, call.output.axes, strict=True))
            if own.name != "c"
        }
        return View(frozenset(range(len(call.shapes))), along)


def _on_itself(number: int, shape: Shape) -> View:
    """The view of an input."""
    own = {
        (number, n): Dependence.on_itself(n, axis.size)
        for n, axis in enumerate(shape.axes)
        if axis.name != "c"
    }
    return View(frozenset([number]), own)


def _stretched(axis: int, size: int, merged: int) -> Dependence:
    """An operand of a merge: its units are seen one by one, but for one that stands for all, as in a gate."""
    return Dependence.on_itself(axis, size) if size == merged else Dependence(size, None, Span(0, size - 1))


def _fields(network: Network, view: View, output: Shape) -> Mapping[str, tuple[Field, ...]]:
    """Fields by the inputs' names."""
    found: dict[str, tuple[Field, ...]] = {}
    for source, (name, shape) in enumerate(zip(network.input_names, network.graph.inputs, strict=True)):
        if source in view.sources:
            found[name] = tuple(
                _field(axis.name, view.along[source, number], output)
                for number, axis in enumerate(shape.axes)
                if axis.name != "c"
            )
    return found


def _field(axis: str, found: Dependence, output: Shape) -> Field:
    moving = found.moving
    if moving is None or found.fixed is not None:
        units = output.sizes[moving.axis] - 1 if moving else 0
        every = Span.around([found.fixed, moving.of_all(0, units, found.size) if moving else None])
        first, last = every or Span(0, -1)  # a stride may jump over all there is but padding
        return Field(axis, last - first + 1, True, None, None, (first,), (last,))
    ends = [(s.low, s.high) if s.bits else (0, -1) for s in moving.sets]
    size = max(last - first + 1 for first, last in ends)
    firsts, lasts = tuple(first for first, _ in ends), tuple(last for _, last in ends)
    stride = None if moving.is_table else Fraction(moving.step, moving.period)
    return Field(axis, size, False, stride, _centre(ends, stride), firsts, lasts)


def _centre(ends: Sequence[tuple[int, int]], stride: Fraction | None) -> Fraction | None:
    """The mean middle, once each phase is moved back to unit 0; of those that read anything."""
    read = [(phase, first, last) for phase, (first, last) in enumerate(ends) if first <= last]
    if stride is None or not read:
        return None
    return sum((Fraction(a + b, 2) - stride * r for r, a, b in read), Fraction()) / len(read)
