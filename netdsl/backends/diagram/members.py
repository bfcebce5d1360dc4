"""Tables and repeats → their members, equal neighbours as one; and how many boxes a network comes to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from netdsl.graph.graph import (
    Child,
    Choice,
    Costs,
    Fan,
    Graph,
    Group,
    Network,
    Node,
    Operation,
    Series,
    SharedUse,
    Use,
)
from netdsl.records import record

DEEPEST = 64
"""More levels than any text comes to that one would look at."""


@record
class Members:
    """Equal neighbours."""

    first: int
    """The number of the first."""
    count: int
    begin: Child
    end: Child
    costs: Costs

    @property
    def last(self) -> int:
        return self.first + self.count - 1

    @property
    def numbers(self) -> str:
        return str(self.first) if self.count == 1 else f"{self.first}–{self.last}"


def folded(children: Sequence[Child], *, closed: bool) -> list[Members]:
    """Equal neighbours as one.

    Args:
        closed: whether their insides are not shown; then uses of one block are alike whatever their
            arguments, such as the layers of a DenseNet's block.
    """
    found: list[Members] = []
    first = 0
    for _, group in groupby(children, key=lambda child: _likeness(child.graph, closed=closed)):
        members = list(group)
        number = sum(child.count for child in members)
        costs = sum((child.graph.costs * child.count for child in members), Costs())
        found.append(Members(first, number, members[0], members[-1], costs))
        first += number
    return found


def repeated(operation: Operation) -> Child | None:
    """The one member of a series that is nothing but its repeats."""
    if not isinstance(operation, Series):
        return None
    found = folded(operation.children, closed=False)
    return found[0].begin if len(found) == 1 else None


def _likeness(graph: Graph, *, closed: bool) -> object:
    operation = graph.nodes[0].operation if graph.is_single else None
    if not isinstance(operation, Use):
        return id(graph)
    return operation.block if closed else id(operation.graph)


def levels_within(network: Network, limit: int) -> int:
    """How deep a network can be opened up with at most so many boxes; at least 1."""
    sizes = _Sizes()
    levels = 1
    while levels < DEEPEST:
        if sizes.of_network(network, levels + 1) > limit:
            break
        levels += 1
    return levels


def box_count(network: Network, levels: int) -> int:
    """How many boxes a drawing comes to that is opened up so deep, heads and merges included."""
    return _Sizes().of_network(network, levels)


class _Sizes:
    """Counts without building, each graph once at each depth."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, int], int] = {}

    def of_network(self, network: Network, levels: int) -> int:
        heads = sum(self._of_node(head.node, levels) for head in network.heads)
        return self._of_graph(network.graph, levels) + heads

    def _of_graph(self, graph: Graph, levels: int) -> int:
        key = (id(graph), levels)
        if key not in self._found:
            self._found[key] = sum(self._of_node(node, levels) for node in graph.nodes)
        return self._found[key]

    def _of_node(self, node: Node, levels: int) -> int:
        match node.operation:
            case Choice(graph=graph):
                return self._of_graph(graph, levels)
            case Group(graph=graph) if graph.is_single:
                return self._of_node(graph.nodes[0], levels)
            case Use(graph=graph) | Group(graph=graph) | SharedUse(graph=graph):
                return 1 + (self._of_graph(graph, levels - 1) if levels > 1 else 0)
            case Fan(children=children):
                return 1 + self._of_members(children, levels)
            case Series(children=children) as series:
                one = repeated(series)
                if one is not None:
                    return self._of_member(one.graph, levels)
                return 1 + (self._of_members(children, levels - 1) if levels > 1 else 0)
            case _:
                return 1

    def _of_members(self, children: Sequence[Child], levels: int) -> int:
        return sum(
            self._of_member(members.begin.graph, levels) for members in folded(children, closed=levels == 1)
        )

    def _of_member(self, graph: Graph, levels: int) -> int:
        if graph.is_single:
            return self._of_node(graph.nodes[0], levels)
        return 1 + (self._of_graph(graph, levels - 1) if levels > 1 else 0)
