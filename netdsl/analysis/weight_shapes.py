"""Whether two graphs have weights of the same shapes, without expanding them."""

from __future__ import annotations

from typing import Any

from netdsl.graph.graph import Choice, Fan, Graph, Group, Leaf, Node, Series, SharedUse, Use


class WeightShapes:
    """The shapes of graphs' parameters by path, equal ones under one number, so that nothing is expanded."""

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}
        self.done: dict[int, int] = {}

    def of(self, graph: Graph) -> int:
        """The number of a graph; those of two graphs are equal where their parameters are."""
        if id(graph) not in self.done:
            key = tuple((node.name, self._node(graph, node)) for node in graph.nodes)
            self.done[id(graph)] = self.numbers.setdefault(key, len(self.numbers))
        return self.done[id(graph)]

    def _node(self, graph: Graph, node: Node) -> Any:
        match node.operation:
            case Leaf(layer=layer):
                return tuple(layer.weights(graph.shape(node.inputs[0])).items())
            case Use(graph=inner) | Group(graph=inner) | Choice(graph=inner) | SharedUse(graph=inner):
                return self.of(inner)
            case Series(children=children) | Fan(children=children):
                runs: list[list[int]] = []
                for child in children:
                    number = self.of(child.graph)
                    if runs and runs[-1][0] == number:
                        runs[-1][1] += child.count
                    else:
                        runs.append([number, child.count])
                return tuple(map(tuple, runs))
            case _:
                return None
