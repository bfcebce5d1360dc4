"""A graph as the calls that run it, one after another: what every figure of a network is computed over.

Series and fans are the calls of their members, and `a + b + c` is two additions once all three are there. The
graph of a block or a stage stays one call, so that what is found out about it once holds for all its uses.

    body: block(64) * 2 -> x + relu   →   #1 = block(#0), #2 = block(#1), #3 = relu(#2), #4 = #2 + #3
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

from netdsl.graph.graph import (
    Choice,
    Fan,
    Graph,
    Group,
    Leaf,
    Merge,
    MergeKind,
    Network,
    Node,
    Series,
    SharedUse,
    Use,
)
from netdsl.graph.shapes import Shape
from netdsl.layers.layer import Layer
from netdsl.layers.merge import merge_output
from netdsl.records import record


@record
class Call:
    """One step. It gives the value whose number is that of the plan's inputs and the calls before it."""

    name: str
    """The path inside the graph of what it runs; several calls of one merge have the same."""
    runs: Layer | MergeKind | Graph
    """A layer, an operator between two values (`concat`: any number), or the calls of another graph."""
    inputs: tuple[int, ...]
    shapes: tuple[Shape, ...]
    """Those of the inputs."""
    output: Shape
    is_member: bool = False
    """Whether it runs a member of a series or a fan that is itself no call: its path less its number."""


@record
class Plan:
    """The calls of a graph, or of a whole network with its heads."""

    inputs: tuple[Shape, ...]
    calls: tuple[Call, ...]
    results: tuple[int, ...]
    """The values that come out."""


class Plans:
    """Plans of graphs, each made once."""

    def __init__(self) -> None:
        self._found: dict[int, Plan] = {}

    def of(self, graph: Graph) -> Plan:
        """The plan of a graph."""
        plan = self._found.get(id(graph))
        if plan is None:
            planner = _Planner(graph)
            result = planner.values[graph.result]
            plan = self._found[id(graph)] = Plan(graph.inputs, tuple(planner.calls), (result,))
        return plan


def network_plan(network: Network, *, training: bool) -> Plan:
    """The plan of a network.

    Args:
        training: whether heads are there that are left out afterwards.
    """
    planner = _Planner(network.graph)
    results = [planner.values[network.graph.result]]
    heads = [head for head in network.heads if training or head.keep]
    results += [planner.run(head.node, head.name) for head in heads]
    return Plan(network.graph.inputs, tuple(planner.calls), tuple(results))


class _Planner:
    """Numbers values anew while nodes are written as calls."""

    def __init__(self, graph: Graph) -> None:
        self.inputs = graph.inputs
        self.calls: list[Call] = []
        self.values = list(range(len(graph.inputs)))
        """The plan's value for each of the graph's."""
        for node in graph.nodes:
            self.run(node)

    def run(self, node: Node, name: str | None = None) -> int:
        """Adds a node's calls, and gives its value."""
        inputs = tuple(self.values[number] for number in node.inputs)
        value = self._run(node, node.name if name is None else name, inputs)
        self.values.append(value)
        return value

    def _run(self, node: Node, name: str, inputs: tuple[int, ...]) -> int:
        match node.operation:
            case Leaf(layer=layer):
                return self._call(name, layer, inputs, node.output)
            case Merge(kind=kind):
                return self._merge(name, kind, inputs)
            case Use(graph=graph) | Group(graph=graph) | Choice(graph=graph) | SharedUse(graph=graph):
                return self._call(name, graph, inputs, node.output)
            case Series() as series:
                current = inputs[0]
                for number, (graph, captured) in enumerate(_members(series, inputs)):
                    current = self._member(name, number, graph, (current, *captured))
                return current
            case Fan(kind=kind) as fan:
                outputs = [
                    self._member(name, number, graph, (inputs[0], *captured))
                    for number, (graph, captured) in enumerate(_members(fan, inputs))
                ]
                return self._merge(name, kind, tuple(outputs))

    def _call(
        self,
        name: str,
        runs: Layer | MergeKind | Graph,
        inputs: tuple[int, ...],
        output: Shape,
        is_member: bool = False,
    ) -> int:
        shapes = tuple(self._shape(value) for value in inputs)
        self.calls.append(Call(name, runs, inputs, shapes, output, is_member))
        return len(self.inputs) + len(self.calls) - 1

    def _member(self, name: str, number: int, graph: Graph, inputs: tuple[int, ...]) -> int:
        path = f"{name}.{number}" if name else str(number)
        return self._call(path, graph, inputs, graph.output, is_member=name != "")

    def _shape(self, value: int) -> Shape:
        count = len(self.inputs)
        return self.inputs[value] if value < count else self.calls[value - count].output

    def _merge(self, name: str, kind: MergeKind, inputs: tuple[int, ...]) -> int:
        def merge(*values: int) -> int:
            return self._call(
                name, kind, values, merge_output(kind, [self._shape(value) for value in values])
            )

        return merge(*inputs) if kind == "concat" else reduce(merge, inputs)


def _members(operation: Series | Fan, inputs: tuple[int, ...]) -> Iterator[tuple[Graph, tuple[int, ...]]]:
    """Each member's graph with what it captures."""
    for child in operation.children:
        captured = tuple(inputs[number] for number in child.captures)
        for _ in range(child.count):
            yield child.graph, captured
