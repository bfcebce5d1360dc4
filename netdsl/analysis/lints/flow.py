"""A network as one flat flow of layers and merges, so that a lint sees neighbours across blocks.

Of what is repeated only two are laid out: whatever holds between two equal neighbours holds between all. So a
flow is about as long as the text, not as the network.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from netdsl.diagnostics import Span
from netdsl.graph.graph import (
    Child,
    Choice,
    Fan,
    Graph,
    Group,
    Leaf,
    Merge,
    Network,
    Node,
    Series,
    SharedUse,
    Use,
)
from netdsl.graph.shapes import Shape
from netdsl.records import record

LAID_OUT = 2
"""How many of equal neighbours are laid out."""


@record
class Point:
    """A layer or a merge in the flow."""

    number: int
    path: str
    layer: Any | None
    """The bound layer; None for a merge."""
    kind: str
    """The layer's word, or the merge's kind."""
    inputs: tuple[int, ...]
    """The points whose output it takes; negative numbers are the network's inputs."""
    input: Shape
    output: Shape
    span: Span


@record
class Flow:
    """Points in the order in which they run."""

    points: tuple[Point, ...]
    result: int
    """The point whose output is the network's; negative where an input is."""
    head_results: tuple[int, ...]

    @cached_property
    def readers(self) -> dict[int, list[Point]]:
        """The points that take each point's output."""
        found: dict[int, list[Point]] = defaultdict(list)
        for point in self.points:
            for number in dict.fromkeys(point.inputs):
                found[number].append(point)
        return found

    def only_reader(self, point: Point) -> Point | None:
        """What alone takes a point's output, where there is one such."""
        readers = self.readers[point.number]
        is_result = point.number in (self.result, *self.head_results)
        return readers[0] if len(readers) == 1 and not is_result else None

    def source(self, point: Point) -> Point | None:
        """What a point takes first; None for the network's input."""
        number = point.inputs[0]
        return self.points[number] if number >= 0 else None


def flow_of(network: Network) -> Flow:
    """The flow of a network, its heads included."""
    laying = _Laying()
    graph = network.graph
    values = laying.graph_values(graph, [-1 - number for number in range(len(graph.inputs))], "")
    heads = [
        laying.node(graph, head.node, [values[number] for number in head.node.inputs], "")
        for head in network.heads
    ]
    return Flow(tuple(laying.points), values[graph.result], tuple(heads))


class _Laying:
    """Lays points out, one graph inside another."""

    def __init__(self) -> None:
        self.points: list[Point] = []

    def graph_values(self, graph: Graph, inputs: Sequence[int], path: str) -> list[int]:
        """The point behind every value of a graph."""
        values = list(inputs)
        for node in graph.nodes:
            values.append(self.node(graph, node, [values[number] for number in node.inputs], path))
        return values

    def node(self, graph: Graph, node: Node, inputs: Sequence[int], path: str) -> int:
        """Lays a node out and gives the point that its output is of."""
        here = ".".join(part for part in (path, node.name) if part)
        match node.operation:
            case Leaf(layer=layer):
                shape = graph.shape(node.inputs[0])
                return self._point(here, layer, layer.word, inputs[:1], shape, node)
            case Merge(kind=kind):
                return self._point(here, None, kind, inputs, graph.shape(node.inputs[0]), node)
            case Use(graph=inner) | Group(graph=inner):
                return self._inner(inner, inputs, here)
            case Choice(graph=inner):
                return self._inner(inner, inputs, path)
            case SharedUse(name=name, graph=inner):
                return self._inner(inner, inputs, name)
            case Series(children=children):
                return self._series(children, inputs, here)
            case Fan(kind=kind, children=children):
                branches = [
                    self._child(child, inputs, f"{here}.{number}") for number, child in enumerate(children)
                ]
                return self._point(here, None, kind, branches, graph.shape(node.inputs[0]), node)

    def _inner(self, graph: Graph, inputs: Sequence[int], path: str) -> int:
        return self.graph_values(graph, inputs, path)[graph.result]

    def _series(self, children: Sequence[Child], inputs: Sequence[int], path: str) -> int:
        current, position = inputs[0], 0
        for child in children:
            for repeat in range(min(child.count, LAID_OUT)):
                current = self._child(child, [current, *inputs[1:]], f"{path}.{position + repeat}")
            position += child.count
        return current

    def _child(self, child: Child, inputs: Sequence[int], path: str) -> int:
        taken = [inputs[0], *(inputs[number] for number in child.captures)]
        return self._inner(child.graph, taken, path)

    def _point(
        self, path: str, layer: Any | None, kind: str, inputs: Sequence[int], input: Shape, node: Node
    ) -> int:
        number = len(self.points)
        self.points.append(Point(number, path, layer, kind, tuple(inputs), input, node.output, node.span))
        return number
