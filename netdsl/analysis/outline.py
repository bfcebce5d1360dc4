"""A graph as rows: what stands in a network, opened up as deep as one wants to read.

Separate from the table that is printed of it, because the rows are facts of the graph and the table is taste.
Equal neighbours are one row with a count, so an outline costs what the text costs, not the network.

    body: bottleneck(64) * 3   →   body            64×56×56   …
                                     0–2 bottleneck ×3
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from netdsl.graph.graph import (
    Child,
    Choice,
    Costs,
    Fan,
    Graph,
    Group,
    Leaf,
    Merge,
    Node,
    Series,
    SharedUse,
    Use,
)
from netdsl.graph.shapes import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of an outline."""

    depth: int
    """How deep it is nested; 0 for the network's own stages."""
    name: str
    """The module's name in its scope, or the span of names of equal neighbours: `0–2`."""
    what: str
    """The block that it uses, or how it comes about; empty for a stage."""
    count: int
    """How many equal neighbours the row stands for."""
    layers: Mapping[str, int]
    """How many layers of each kind, in the order of their first appearance."""
    output: Shape
    costs: Costs


class Outline:
    """Walks a network's graphs and remembers the layers of each, for blocks are used many times."""

    def __init__(self) -> None:
        self._layers: dict[int, Counter[str]] = {}

    def rows(self, graph: Graph, levels: int, depth: int = 0) -> Iterator[Row]:
        """The rows of a graph's nodes, and below each those of its inside, `levels` in all."""
        for node in graph.nodes:
            if isinstance(node.operation, Choice):  # decided: its nodes belong to the scope around it
                yield from self.rows(node.operation.graph, levels, depth)
            else:
                yield self.row(node, depth)
                if levels > 1:
                    yield from self._inside(node, levels - 1, depth + 1)

    def row(self, node: Node, depth: int = 0, count: int = 1, name: str | None = None) -> Row:
        return Row(
            depth=depth,
            name=node.name if name is None else name,
            what=_describe(node),
            count=count,
            layers={word: number * count for word, number in self._of_node(node).items()},
            output=node.output,
            costs=node.costs * count,
        )

    def layers(self, graph: Graph) -> Counter[str]:
        """The layers of a graph by kind, its repeats counted."""
        found = self._layers.get(id(graph))
        if found is None:
            found = Counter()
            for node in graph.nodes:
                found.update(self._of_node(node))
            self._layers[id(graph)] = found
        return found

    def _of_node(self, node: Node) -> Counter[str]:
        match node.operation:
            case Leaf(layer=layer):
                return Counter({layer.word: 1})
            case Merge():
                return Counter()
            case Use(graph=graph) | Group(graph=graph) | Choice(graph=graph) | SharedUse(graph=graph):
                return self.layers(graph)
            case Series(children=children) | Fan(children=children):
                total: Counter[str] = Counter()
                for child in children:
                    total.update({word: n * child.count for word, n in self.layers(child.graph).items()})
                return total

    def _inside(self, node: Node, levels: int, depth: int) -> Iterator[Row]:
        match node.operation:
            case Use(graph=graph) | Group(graph=graph) | SharedUse(graph=graph):
                yield from self._opened(graph, levels, depth)
            case Series(children=children) | Fan(children=children):
                yield from self._members(children, levels, depth)

    def _members(self, children: tuple[Child, ...], levels: int, depth: int) -> Iterator[Row]:
        first = 0
        for child, count in _folded(children):
            last = first + count - 1
            name = str(first) if count == 1 else f"{first}–{last}"
            yield self._member(child, count, name, depth)
            if levels > 1:
                yield from self._opened(child.graph, levels - 1, depth + 1)
            first = last + 1

    def _opened(self, graph: Graph, levels: int, depth: int) -> Iterator[Row]:
        if graph.is_single:  # the one node inside is the module itself
            yield from self._inside(graph.nodes[0], levels, depth)
        else:
            yield from self.rows(graph, levels, depth)

    def _member(self, child: Child, count: int, name: str, depth: int) -> Row:
        graph = child.graph
        if graph.is_single:
            return self.row(graph.nodes[0], depth, count, name)
        layers = {word: number * count for word, number in self.layers(graph).items()}
        return Row(
            depth=depth,
            name=name,
            what="",
            count=count,
            layers=layers,
            output=graph.output,
            costs=graph.costs * count,
        )


def _folded(children: tuple[Child, ...]) -> Iterator[tuple[Child, int]]:
    """Neighbours that share a graph as one, with their number."""
    pending: tuple[Child, int] | None = None
    for child in children:
        if pending and pending[0].graph is child.graph:
            pending = (child, pending[1] + child.count)
            continue
        if pending:
            yield pending
        pending = (child, child.count)
    if pending:
        yield pending


def _describe(node: Node) -> str:
    match node.operation:
        case Use(block=block):
            return block
        case SharedUse(name=name):
            return f"{name}, shared"
        case Merge(kind=kind):
            return kind
        case Group(graph=graph) if graph.is_single:
            return _describe(graph.nodes[0])
        case _:
            return ""
