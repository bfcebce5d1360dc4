"""The graph: what a spec is once every name is looked up and every shape known.

Frozen and hierarchical: the use of a block is a node that holds the block's own graph, and two uses with
the same arguments on the same shape hold the very same graph. So a graph is as large as the text that made
it, not as the network, and a total is a sum over shared graphs times their counts.

Values inside a graph are numbered: first the graph's inputs, then its nodes in the order in which they run.
Numbers and sizes may carry formulas (`formula`) in the names of the block they stand in.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal

from netdsl.diagnostics import Span
from netdsl.graph.formula import Formula
from netdsl.graph.shapes import Shape
from netdsl.records import record, value_record

MergeKind = Literal["add", "sub", "mul", "concat"]


@record
class Costs:
    """What a graph costs, its repeats counted."""

    layers: int = 0
    """Leaf layers, expanded."""
    params: int = 0
    """Trainable parameters, those of shared modules not included: they are counted once, by `Network`."""
    macs: int = 0
    """Multiply-adds of convolutions and linears for one sample."""

    def __add__(self, other: Costs) -> Costs:
        return Costs(self.layers + other.layers, self.params + other.params, self.macs + other.macs)

    def __mul__(self, count: int) -> Costs:
        return Costs(self.layers * count, self.params * count, self.macs * count)


@record
class Leaf:
    """A layer with its arguments bound: one torch module."""

    layer: Any
    """The bound layer: see `netdsl.layers.layer.Layer`."""
    costs: Costs


@record
class Merge:
    """A pointwise operator on the node's inputs, or the concatenation of their channels. No module."""

    kind: MergeKind


@value_record()
class LayerArgument:
    """What a block's parameter is bound to when it is a layer, not a number."""

    text: str
    """The layer as one would write it: `relu`, `conv(64, 3) -> batchnorm`."""
    origin: str | None = None
    """The parameter of the block around the use that it was handed on from, where it was."""


REQUIRED = LayerArgument("required")
"""In the place of a parameter's default: it has none that is the same for every use."""


@record
class Signature:
    """A block's parameters."""

    name: str
    parameters: tuple[tuple[str, Any], ...]
    """Each parameter's name and its default: a plain value, a `LayerArgument`, or `REQUIRED`."""


@record
class Use:
    """The use of a block: a module of the block's class."""

    block: str
    arguments: tuple[tuple[str, Any], ...]
    """The block's parameters in their order with the values bound here; their formulas speak of the names
    around the use. A parameter bound to a layer holds a `LayerArgument`."""
    graph: Graph
    """The block's graph. Inside it, formulas speak of the block's own parameters, and of its input's sizes as
    `in_channels`, `in_depth`, `in_height`, `in_width`."""


@record
class Group:
    """A named scope: a stage, a named step, or a chain that was passed as an argument. Formulas inside
    speak of the names of the block around it."""

    graph: Graph
    is_stage: bool


@record
class Child:
    """One member of a series or a fan."""

    graph: Graph
    count: int
    """How many equal ones stand here, one after another; 1 in a fan."""
    captures: tuple[int, ...]
    """For each input of the graph after its first, which of the node's inputs it is."""


@record
class Series:
    """Modules one after another, numbered from 0: an unrolled table or a repeat."""

    children: tuple[Child, ...]
    count: int | None
    """How often the one thing is repeated, perhaps with its formula; None for an unrolled table."""


@record
class Fan:
    """Modules beside each other on the same input, numbered from 0, and merged: an unrolled `concat(…)`."""

    kind: MergeKind
    children: tuple[Child, ...]


@record
class Choice:
    """`a if condition else b` between layers, decided. No module of its own: the names of its graph's nodes
    belong to the graph around it."""

    condition: Formula
    taken: bool
    graph: Graph


@record
class SharedUse:
    """A use of a module of `shared`."""

    name: str
    graph: Graph


Operation = Leaf | Merge | Use | Group | Series | Fan | Choice | SharedUse


@record
class Node:
    """One step of a graph."""

    name: str
    """The module's name in its scope: `conv1`, `stem`. Empty for a node that is the whole of its scope, and
    then the scope's name is the module's; empty for a choice."""
    operation: Operation
    inputs: tuple[int, ...]
    """The values it takes: the current tensor first, then what it captures from the scopes around it."""
    output: Shape
    span: Span
    """The text that made it."""
    origin: str | None = None
    """The block's parameter that a layer came through (`act`), where it did."""

    @property
    def costs(self) -> Costs:
        operation = self.operation
        if isinstance(operation, Leaf):  # by far the most frequent
            return operation.costs
        match operation:
            case Use(graph=graph) | Group(graph=graph) | Choice(graph=graph):
                return graph.costs
            case SharedUse(graph=graph):
                return Costs(graph.costs.layers, 0, graph.costs.macs)
            case Series(children=children) | Fan(children=children):
                return sum((child.graph.costs * child.count for child in children), Costs())
            case Merge():
                return Costs()


@record
class Graph:
    """A scope: inputs, nodes in the order in which they run, and which value comes out."""

    inputs: tuple[Shape, ...]
    """The shape of the current tensor, then of what the scope captures."""
    nodes: tuple[Node, ...]
    result: int
    """The value that comes out."""
    constraints: tuple[tuple[Formula, Any], ...] = ()
    """Formulas whose value the graph's layout was made for, such as the length of an unrolled list."""

    @cached_property
    def costs(self) -> Costs:
        every = [node.costs for node in self.nodes]
        return Costs(
            sum([costs.layers for costs in every]),
            sum([costs.params for costs in every]),
            sum([costs.macs for costs in every]),
        )

    @property
    def output(self) -> Shape:
        return self.shape(self.result)

    def shape(self, value: int) -> Shape:
        """The shape of a value."""
        count = len(self.inputs)
        return self.inputs[value] if value < count else self.nodes[value - count].output

    @property
    def is_single(self) -> bool:
        """Whether the scope is one module: its only node, which has no name of its own."""
        return (
            len(self.nodes) == 1
            and self.nodes[0].name == ""
            and not isinstance(self.nodes[0].operation, Choice | Merge)
        )


@record
class Head:
    """A side output."""

    name: str
    at: str
    weight: float
    keep: bool
    """Whether it is there outside of training as well."""
    node: Node
    """A `Group` on the value of the stage `at`; its inputs number values of the net's graph."""


@record
class Network:
    """A whole spec, elaborated."""

    name: str
    about: str
    parameters: tuple[tuple[str, Any], ...]
    """The spec's parameters with their values; one bound to a layer holds a `LayerArgument`."""
    blocks: tuple[Signature, ...]
    """The blocks that are used."""
    input_names: tuple[str, ...]
    graph: Graph
    """Its inputs are the network's; formulas speak of the spec's parameters."""
    shared: tuple[tuple[str, Graph], ...]
    heads: tuple[Head, ...]

    @property
    def costs(self) -> Costs:
        """The network as it stands outside of training, each shared module's parameters once."""
        kept = sum((head.node.costs for head in self.heads if head.keep), Costs())
        shared = sum((Costs(params=graph.costs.params) for _, graph in self.shared), Costs())
        return self.graph.costs + kept + shared


@record
class Step:
    """One executed node of an expanded network: a leaf layer, a merge, or the merge that ends a fan."""

    path: str
    node: Node
    input: Shape


def walk(graph: Graph, path: str = "") -> Iterator[Step]:
    """Every leaf layer and merge in the order of execution, with its path (`body.3.conv2`)."""
    for node in graph.nodes:
        yield from walk_node(graph, node, path)


def walk_node(graph: Graph, node: Node, path: str) -> Iterator[Step]:
    """The leaf layers and merges that one node expands to."""
    here = ".".join(part for part in (path, node.name) if part)
    match node.operation:
        case Leaf():
            yield Step(here, node, graph.shape(node.inputs[0]))
        case Merge():
            yield Step(here, node, graph.shape(node.inputs[0]))
        case Use(graph=inner) | Group(graph=inner):
            yield from walk(inner, here)
        case Choice(graph=inner):
            yield from walk(inner, path)
        case SharedUse(name=name, graph=inner):
            yield from walk(inner, name)
        case Series(children=children) | Fan(children=children):
            position = 0
            for child in children:
                for _ in range(child.count):
                    yield from walk(child.graph, f"{here}.{position}")
                    position += 1
            if isinstance(node.operation, Fan):
                yield Step(here, node, graph.shape(node.inputs[0]))
