"""A graph as rows: what stands in a network, opened up as deep as one wants to read.

Separate from the table that is printed of it, because the rows are facts of the graph and the table is taste.
Equal neighbours are one row with a count, so an outline costs what the text costs, not the network.

    body: stem -> block(64) * 3   →   body
                                        stem1
                                        block1 ×3
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

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
from netdsl.records import replace, value_record


@value_record()
class Row:
    """One line of an outline."""

    depth: int
    """How deep it is nested; 0 for the network's own stages."""
    name: str
    """The module's name in its scope, or the span of names of equal neighbours: `0–2`."""
    what: str
    """The block that it uses, or how its branches are merged; empty where the name says it."""
    count: int
    """How many equal neighbours the row stands for."""
    layer: str | None
    """The layer as one would write it, where the row is a single one."""
    layers: Mapping[str, int]
    """How many layers of each kind, in the order of their first appearance."""
    output: Shape
    costs: Costs
    path: str
    """What it stands for, as `walk` has it: `body.0`; of equal neighbours the last."""
    members: int
    """How many members of a table or a repeat it stands for; 1 for all else."""


class Outline:
    """Walks a network's graphs and remembers the layers of each, for blocks are used many times."""

    def __init__(self) -> None:
        self._layers: dict[int, Counter[str]] = {}

    def rows(self, graph: Graph, levels: int, depth: int = 0, path: str = "") -> Iterator[Row]:
        """The rows of a graph's nodes, and below each those of its inside, `levels` in all."""
        for node in graph.nodes:
            if isinstance(node.operation, Choice):  # decided: its nodes belong to the scope around it
                yield from self.rows(node.operation.graph, levels, depth, path)
            else:
                here = joined(path, node.name)
                yield self.row(node, depth, path=here)
                yield from self._inside(node, levels - 1, depth + 1, here)

    def row(
        self, node: Node, depth: int = 0, name: str | None = None, count: int = 1, path: str | None = None
    ) -> Row:
        """The row of a node, or of several equal ones that stand one after another."""
        repeated = _repeated(node)
        core = _core(node)
        return Row(
            depth=depth,
            name=node.name if name is None else name,
            what=_describe(core, node.name if name is None else name),
            count=count * (repeated.count if repeated else 1),
            layer=repr(core.operation.layer) if isinstance(core.operation, Leaf) else None,
            layers=_times(self._of_node(node), count),
            output=node.output,
            costs=node.costs * count,
            path=path or name or node.name,
            members=count,
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
                    total.update(_times(self.layers(child.graph), child.count))
                return total

    def _inside(self, node: Node, levels: int, depth: int, path: str) -> Iterator[Row]:
        if levels < 1:
            return
        repeated = _repeated(node)
        match node.operation:
            case Use(graph=graph) | Group(graph=graph) | SharedUse(graph=graph):
                yield from self._opened(graph, levels, depth, path)
            case Series() if repeated:
                yield from self._opened(repeated.graph, levels, depth, joined(path, repeated.count - 1))
            case Series(children=children) | Fan(children=children):
                yield from self._members(children, levels, depth, path)

    def _opened(self, graph: Graph, levels: int, depth: int, path: str) -> Iterator[Row]:
        if graph.is_single:  # the one node inside is the module itself
            yield from self._inside(graph.nodes[0], levels, depth, path)
        else:
            yield from self.rows(graph, levels, depth, path)

    def _members(self, children: tuple[Child, ...], levels: int, depth: int, path: str) -> Iterator[Row]:
        """The numbered members of a series or a fan, equal neighbours as one."""
        first = 0
        for child in _folded(children):
            last = first + child.count - 1
            name = str(first) if child.count == 1 else f"{first}–{last}"
            here = joined(path, last)
            yield self._member(child, name, depth, here)
            if levels > 1:
                yield from self._opened(child.graph, levels - 1, depth + 1, here)
            first = last + 1

    def _member(self, child: Child, name: str, depth: int, path: str) -> Row:
        graph, count = child.graph, child.count
        if graph.is_single:
            return self.row(graph.nodes[0], depth, name, count, path)
        return Row(
            depth=depth,
            name=name,
            what="",
            count=count,
            layer=None,
            layers=_times(self.layers(graph), count),
            output=graph.output,
            costs=graph.costs * count,
            path=path,
            members=count,
        )


def joined(path: str, name: str | int) -> str:
    """A path with a name behind it, where both are there."""
    return ".".join(part for part in (path, str(name)) if part)


def _times(layers: Counter[str], count: int) -> Counter[str]:
    return Counter({word: number * count for word, number in layers.items()})


def _folded(children: tuple[Child, ...]) -> list[Child]:
    """Equal neighbours as one, with their number."""
    folded: list[Child] = []
    for child in children:
        if folded and _identity(folded[-1].graph) == _identity(child.graph):
            folded[-1] = replace(folded[-1], count=folded[-1].count + child.count)
        else:
            folded.append(child)
    return folded


def _identity(graph: Graph) -> object:
    """What is the same for two members that are equal: the use of a block holds the block's own graph, which
    equal uses share."""
    operation = graph.nodes[0].operation if graph.is_single else None
    return id(operation.graph) if isinstance(operation, Use) else id(graph)


def _repeated(node: Node) -> Child | None:
    """The one member of a series that is nothing but its repeats."""
    node = _within(node)
    if not isinstance(node.operation, Series):
        return None
    folded = _folded(node.operation.children)
    return folded[0] if len(folded) == 1 else None


def _within(node: Node) -> Node:
    """The node that a scope of a single module is."""
    while isinstance(node.operation, Group) and node.operation.graph.is_single:
        node = node.operation.graph.nodes[0]
    return node


def _core(node: Node) -> Node:
    """What a row is about: the module behind scopes of a single one and behind repeats."""
    node = _within(node)
    repeated = _repeated(node)
    return _core(repeated.graph.nodes[0]) if repeated and repeated.graph.is_single else node


def _describe(core: Node, name: str) -> str:
    match core.operation:
        case Use(block=word):
            return "" if name.rstrip("0123456789") == word else word
        case SharedUse(name=word):
            return f"{word}, shared"
        case Merge(kind=word):
            return "" if name.rstrip("0123456789") == word else word
        case _:
            return ""
