"""How the module of a scope is made up and what it is called with.

A scope of the graph lists all that it captures; its module takes only what it reads, in that order, and
behind it the shared modules that it, or anything inside of it, uses: those are registered once, on the
network, and handed down through `forward`.
"""

from __future__ import annotations

from typing import Literal

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
    Operation,
    Series,
    SharedUse,
    Use,
)
from netdsl.graph.shapes import Shape

Form = Literal["identity", "shared", "single", "chain", "class"]
"""What becomes of a scope: no layer at all, a use of a shared module, its only module, an `nn.Sequential`,
or a class of its own."""


class Wiring:
    """Facts about the scopes of one network, each computed once."""

    def __init__(self, network: Network) -> None:
        self._network = network  # keeps the graphs alive, so that their identities stay theirs
        self._order = {name: number for number, (name, _) in enumerate(network.shared)}
        self._forms: dict[int, Form] = {}
        self._needs: dict[int, tuple[str, ...]] = {}
        self._takes: dict[int, tuple[int, ...]] = {}

    def form(self, graph: Graph) -> Form:
        """What becomes of a scope."""
        if id(graph) not in self._forms:
            self._forms[id(graph)] = self._form(graph)
        return self._forms[id(graph)]

    def _form(self, graph: Graph) -> Form:
        first = len(graph.inputs)
        if not graph.nodes:
            return "identity"
        if len(graph.nodes) == 1 and graph.result == first:
            if isinstance(graph.nodes[0].operation, SharedUse):
                return "shared"
            if graph.is_single:
                return "single"
        expected: tuple[int, ...] | None = None
        for number, node in enumerate(graph.nodes):
            takes = () if isinstance(node.operation, Merge | Choice | SharedUse) else self.node_takes(node)
            is_step = len(takes) == 1 and not self.node_needs(node) and not self._is_shared(node.operation)
            if not is_step or (takes != expected if expected else takes[0] >= first):
                return "class"
            expected = (first + number,)
        return "chain" if (graph.result,) == expected else "class"

    def _is_shared(self, operation: Operation) -> bool:
        return isinstance(operation, Use | Group) and self.shared_module(operation.graph) is not None

    def shared_module(self, graph: Graph) -> str | None:
        """The shared module that a scope is a use of; it has no module of its own then."""
        form = self.form(graph)
        operation = graph.nodes[0].operation if graph.nodes else None
        if form == "shared" and isinstance(operation, SharedUse):
            return operation.name
        if form == "single" and isinstance(operation, Use | Group):
            return self.shared_module(operation.graph)
        return None

    def needs(self, graph: Graph) -> tuple[str, ...]:
        """The shared modules used inside of a scope, in the network's order."""
        if id(graph) not in self._needs:
            found = {name for node in graph.nodes for name in self.node_needs(node)}
            self._needs[id(graph)] = tuple(sorted(found, key=self._order.__getitem__))
        return self._needs[id(graph)]

    def node_needs(self, node: Node) -> tuple[str, ...]:
        """The shared modules used inside of a node."""
        match node.operation:
            case SharedUse(name=name, graph=graph):
                return (name, *self.needs(graph))
            case Use(graph=graph) | Group(graph=graph) | Choice(graph=graph):
                return self.needs(graph)
            case Series(children=children) | Fan(children=children):
                found = {name for child in children for name in self.needs(child.graph)}
                return tuple(sorted(found, key=self._order.__getitem__))
            case Leaf() | Merge():
                return ()

    def takes(self, graph: Graph) -> tuple[int, ...]:
        """The inputs of a scope that its module is called with, by number."""
        if id(graph) not in self._takes:
            self._takes[id(graph)] = self._read(graph)
        return self._takes[id(graph)]

    def _read(self, graph: Graph) -> tuple[int, ...]:
        form = self.form(graph)
        if form == "identity":
            return (graph.result,)
        if form in ("single", "shared"):
            return self.node_takes(graph.nodes[0])
        if form == "chain":
            return self.node_takes(graph.nodes[0])[:1]
        read = {value for node in graph.nodes for value in self.node_takes(node)} | {graph.result}
        return tuple(sorted(value for value in read if value < len(graph.inputs)))

    def node_takes(self, node: Node) -> tuple[int, ...]:
        """The values of the surrounding scope that a node's module, or its operator, is called with."""
        match node.operation:
            case Leaf():
                return node.inputs[:1]
            case Merge():
                return node.inputs
            case Use(graph=graph) | Group(graph=graph) | SharedUse(graph=graph) | Choice(graph=graph):
                return tuple(node.inputs[number] for number in self.takes(graph))
            case Series(children=children):
                read = {0} | {number for child in children for number in self.child_takes(child)}
                return tuple(node.inputs[number] for number in sorted(read))
            case Fan(children=children):
                read = {number for child in children for number in self.child_takes(child)}
                return tuple(node.inputs[number] for number in sorted(read))

    def child_takes(self, child: Child) -> tuple[int, ...]:
        """The inputs of a series or a fan that a member of it is called with, by number."""
        return tuple(0 if number == 0 else child.captures[number - 1] for number in self.takes(child.graph))


def channel_axis(shape: Shape) -> int:
    """The axis of a batch's tensor along which channels are concatenated."""
    return shape.names.index("c") + 1 if "c" in shape else 1
