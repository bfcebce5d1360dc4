"""The values of one scope → chains and branches: what stands one below the other, and what beside each other.

A merge's branches begin where all ways into it have last been one: at the nearest common dominator of what it
merges. What a branch takes from elsewhere, as U-Net's way up does from its way down, is a value from afar.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from netdsl.graph.graph import (
    Choice,
    Fan,
    Graph,
    Group,
    Leaf,
    Merge,
    Node,
    Operation,
    Series,
    SharedUse,
    Use,
)
from netdsl.records import record


@record
class Vertex:
    """A node of the scope that is drawn."""

    node: Node
    inputs: tuple[int, ...]
    """The values behind the node's own inputs."""
    main: int
    """Which of them flows into it; the others are taken from afar. Of a merge all flow."""

    @property
    def flows(self) -> tuple[int, ...]:
        return self.inputs if isinstance(self.node.operation, Merge) else (self.inputs[self.main],)


class Flow:
    """The values of a scope, numbered: its inputs, then its vertices. Choices are opened, and what does
    nothing is no vertex."""

    def __init__(self, graph: Graph, reads: Reads, entry: int | None) -> None:
        """Args:
        entry: the input that flows into the scope; the others are taken from afar.
        """
        self.entry = entry
        self.inputs = len(graph.inputs)
        self.vertices: list[Vertex] = []
        self._reads = reads
        self._dominators: list[int | None] = [None] * self.inputs
        self._depths = [0] * self.inputs
        self._roots: list[int | None] = list(range(self.inputs))
        self.values = self._open(graph, range(self.inputs))
        """For each value of the graph the number it has here."""
        self.result = self.values[graph.result]

    def vertex(self, value: int) -> Vertex:
        """The vertex that gives a value."""
        return self.vertices[value - self.inputs]

    def add(self, node: Node, inputs: Sequence[int]) -> int:
        """A further node, and its value."""
        reads = self._reads.of_node(node)
        main = 0 if 0 in reads or not reads else min(reads)
        vertex = Vertex(node, tuple(inputs), main)
        self.vertices.append(vertex)
        dominator = self.fork(vertex.flows)
        self._dominators.append(dominator)
        self._depths.append(0 if dominator is None else self._depths[dominator] + 1)
        self._roots.append(None if dominator is None else self._roots[dominator])
        return self.inputs + len(self.vertices) - 1

    def fork(self, values: Sequence[int]) -> int | None:
        """The last value that all ways to some values pass; None where they begin at several inputs."""
        found: Sequence[int | None] = values
        return reduce(self._common, found)

    def _common(self, left: int | None, right: int | None) -> int | None:
        while left != right:
            roots = [None if value is None else self._roots[value] for value in (left, right)]
            if left is None or right is None or roots[0] != roots[1] or None in roots:
                # what is taken from afar hides no fork of what flows in
                flowing = (v for v, r in zip((left, right), roots, strict=True) if r == self.entry)
                return next(flowing, None) if self.entry is not None else None
            if self._depths[left] < self._depths[right]:
                right = self._dominators[right]
            else:
                left = self._dominators[left]
        return left

    def _open(self, graph: Graph, values: Sequence[int]) -> list[int]:
        known = list(values)
        for node in graph.nodes:
            inputs = [known[number] for number in node.inputs]
            inner = _transparent(node.operation)
            if inner is not None:
                known.append(self._open(inner, inputs)[inner.result])
            elif isinstance(node.operation, Series) and not node.operation.children:
                known.append(inputs[0])
            else:
                known.append(self.add(node, inputs))
        return known


def _transparent(operation: Operation) -> Graph | None:
    """The graph of what has no box of its own: a choice, and what does nothing, such as a shortcut that is
    its input."""
    match operation:
        case Choice(graph=graph):
            return graph
        case Use(graph=graph) | Group(graph=graph, is_stage=False) if _is_nothing(graph):
            return graph
        case _:
            return None


def _is_nothing(graph: Graph) -> bool:
    return all(
        isinstance(node.operation, Choice | Use | Group) and _is_nothing(node.operation.graph)
        for node in graph.nodes
    )


class Reads:
    """Which of its inputs a graph reads: a stage that begins with `from(…)` reads nothing before it."""

    def __init__(self) -> None:
        self._found: dict[int, frozenset[int]] = {}

    def of(self, graph: Graph) -> frozenset[int]:
        """The numbers of the inputs."""
        found = self._found.get(id(graph))
        if found is None:
            read = {graph.result}
            for node in graph.nodes:
                read.update(node.inputs[number] for number in self.of_node(node))
            found = frozenset(number for number in read if number < len(graph.inputs))
            self._found[id(graph)] = found
        return found

    def of_node(self, node: Node) -> frozenset[int]:
        """Of a node's inputs those that are read, by their place among them."""
        match node.operation:
            case Leaf():
                return frozenset((0,))
            case Use(graph=graph) | Group(graph=graph) | Choice(graph=graph) | SharedUse(graph=graph):
                return self.of(graph)
            case Merge():
                return frozenset(range(len(node.inputs)))
            case Series(children=children):
                captured = {
                    child.captures[number - 1] for child in children for number in self.of(child.graph) - {0}
                }
                first = {0} if not children or 0 in self.of(children[0].graph) else set()
                return frozenset(captured | first)
            case Fan(children=children):
                places = [
                    0 if number == 0 else child.captures[number - 1]
                    for child in children
                    for number in self.of(child.graph)
                ]
                return frozenset(places)
