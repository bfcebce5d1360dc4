"""Which formulas a scope makes equal.

`in_channels` in one use of a block and `4 * c` in another may be one and the same size, for the one took
`x` where `in_channels == 4 * c`, or because the two are added. Numbers that happen to agree prove nothing:
they would part ways as soon as an argument changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from netdsl.backends.scopes import nodes_of, outside
from netdsl.graph.formula import Formula, operand
from netdsl.graph.graph import Choice, Graph, Merge, Node, Use
from netdsl.graph.polynomial import difference

Pair = tuple[Formula, Any]
"""A formula and what it equals: another formula or a number."""


class Equalities:
    """The equalities of the scopes of a network, each worked out once."""

    def __init__(self) -> None:
        self._pairs: dict[int, tuple[Graph, list[Pair]]] = {}

    def proves(self, graph: Graph, left: Formula, right: Formula) -> bool:
        """Whether two formulas are equal inside a scope, whatever its names stand for."""
        if left == right or difference(left, right) == 0:
            return True
        return any(_applied(pair, left, right) for pair in self.pairs(graph))

    def pairs(self, graph: Graph) -> list[Pair]:
        """What a scope makes equal."""
        if id(graph) not in self._pairs:
            found = [pair for inside, node in nodes_of(graph) for pair in self._of_node(inside, node)]
            self._pairs[id(graph)] = (graph, list(dict.fromkeys(found)))
        return self._pairs[id(graph)][1]

    def _of_node(self, graph: Graph, node: Node) -> Iterator[Pair]:
        match node.operation:
            case Choice(condition=condition, taken=True):
                yield from _conjuncts(condition)
            case Merge(kind=kind):
                for first, second in pairwise(graph.shape(value) for value in node.inputs):
                    for one, other in zip(first.axes, second.axes, strict=False):
                        if (kind != "concat" or one.name != "c") and one.size == other.size:
                            yield from _pair(operand(one.size), operand(other.size))
            case Use(graph=inner):
                for left, right in self.pairs(inner):
                    yield from _pair(outside(left, graph, node), outside(right, graph, node))


def _conjuncts(condition: Any) -> Iterator[Pair]:
    if isinstance(condition, Formula) and condition.operator == "and":
        for part in condition.operands:
            yield from _conjuncts(part)
    elif isinstance(condition, Formula) and condition.operator == "==":
        yield from _pair(*condition.operands)


def _pair(left: Any, right: Any) -> Iterator[Pair]:
    left, right = (side.settled() if isinstance(side, Formula) else side for side in (left, right))
    if isinstance(left, Formula) and left != right:
        yield left, right
    elif isinstance(right, Formula) and left != right:
        yield right, left


def _applied(pair: Pair, left: Formula, right: Formula) -> bool:
    """Whether two formulas are equal given that those of a pair are."""
    gap = difference(left, right)
    for given in (difference(pair[0], pair[1]), difference(pair[1], pair[0])):
        if gap is not None and given is not None and difference(gap, given) == 0:
            return True
    for one, other in (pair, pair[::-1]):
        if isinstance(one, Formula) and one.operator == "name":
            values = {one.operands[0]: other}
            if difference(left.substitute(values), right.substitute(values)) == 0:
                return True
    return False
