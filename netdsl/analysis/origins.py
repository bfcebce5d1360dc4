"""Where an axis got its size: from a tensor back through the graph to the layer that last changed it.

Two branches that do not fit are seldom wrong where they meet: one was halved three layers before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netdsl.analysis.prelude import PRELUDE
from netdsl.analysis.scope import Tensor
from netdsl.diagnostics import Label, Span
from netdsl.graph.graph import Choice, Fan, Graph, Group, Leaf, Merge, Operation, Series, SharedUse, Use
from netdsl.graph.shapes import WORDS, Shape
from netdsl.records import record


@record
class Origin:
    """A layer or merge that gave an axis its size."""

    span: Span
    before: int | None
    """The axis' size in front of it; None where there was no such axis."""
    after: int
    layer: Any | None
    """The bound layer; None for a merge."""


def origin_labels(branch: Tensor, axes: Sequence[str]) -> list[Label]:
    """Where the first of some axes got its size, spatial ones first; nothing where the branch shows that."""
    for axis in sorted(axes, key=lambda axis: axis == "c"):
        found = origin_of(branch, axis) if axis in branch.known else None
        if found is None or found.span == branch.span or found.span.source.name == PRELUDE:
            continue
        return [Label(found.span, _said(found, WORDS.get(axis, f"axis `{axis}`")))]
    return []


def _said(origin: Origin, word: str) -> str:
    if origin.before is None or word == "channels":
        return f"makes {origin.after} {word}" if word == "channels" else f"makes {word} {origin.after}"
    stride = getattr(origin.layer, "stride", None)
    strides = stride if isinstance(stride, tuple) else (stride,)
    why = f": stride={strides[0]}" if len(set(strides)) == 1 and strides[0] not in (None, 1) else ""
    return f"{word} {origin.before} becomes {origin.after} here{why}"


def origin_of(tensor: Tensor, axis: str) -> Origin | None:
    """The layer that last changed an axis; None where the tensor entered the net with it."""
    scope, (kind, number) = tensor.scope, tensor.position
    while scope is not None:
        if kind == "input":
            outer = scope.entered if number == 0 else scope.captured[number - 1]
            if outer is None:
                return None
            scope, (kind, number) = outer.scope, outer.position
            continue
        if kind != "node":
            return None
        operation, inputs, made = scope.made(number)
        found = _through(operation, [one.known for one in inputs], made.known, made.span, axis)
        if isinstance(found, Origin):
            return found
        kind, number = inputs[found].position
    return None


def _through(
    operation: Operation, inputs: Sequence[Shape], output: Shape, span: Span, axis: str
) -> Origin | int:
    """The origin within a node; else the number of its input that the axis came with."""
    match operation:
        case Leaf(layer=layer):
            if axis in inputs[0] and inputs[0].size(axis) == output.size(axis):
                return 0
            return _origin(inputs[0], output, span, axis, layer)
        case Merge(kind=kind):
            if kind == "concat" and axis == "c":
                return _origin(inputs[0], output, span, axis, None)
            sizes = [shape.size(axis) if axis in shape else 0 for shape in inputs]
            return sizes.index(output.size(axis)) if output.size(axis) in sizes else 0
        case Use(graph=graph) | Group(graph=graph) | Choice(graph=graph) | SharedUse(graph=graph):
            return _within(graph, axis)
        case Series(children=children):
            for child in reversed(children):
                found = _within(child.graph, axis)
                if isinstance(found, Origin):
                    return found
                if found:
                    return child.captures[found - 1]
            return 0
        case Fan(kind=kind, children=children):
            if kind == "concat" and axis == "c":
                return _origin(inputs[0], output, span, axis, None)
            found = _within(children[0].graph, axis)
            return found if isinstance(found, Origin) or not found else children[0].captures[found - 1]


def _within(graph: Graph, axis: str) -> Origin | int:
    """The same for a finished graph, from its result."""
    value = graph.result
    while value >= len(graph.inputs):
        node = graph.nodes[value - len(graph.inputs)]
        shapes = [graph.shape(number) for number in node.inputs]
        found = _through(node.operation, shapes, node.output, node.span, axis)
        if isinstance(found, Origin):
            return found
        value = node.inputs[found]
    return value


def _origin(input: Shape, output: Shape, span: Span, axis: str, layer: Any | None) -> Origin:
    before = int(input.size(axis)) if axis in input else None
    return Origin(span, before, int(output.size(axis)), layer)
