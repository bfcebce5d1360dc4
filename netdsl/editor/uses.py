"""Which parts of a network a place in the text made, with their figures."""

from __future__ import annotations

from collections.abc import Iterator

from netdsl.diagnostics import Source
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
from netdsl.records import value_record


@value_record()
class Figures:
    """What a node gives and costs."""

    what: str
    """The layer as one would write it, or the block."""
    input: Shape
    output: Shape
    params: int
    macs: int


def nodes_of(network: Network) -> Iterator[tuple[Graph, Node]]:
    """Every node of every graph of a network, each graph once however often it is used."""
    seen: set[int] = set()
    waiting = [network.graph, *(graph for _, graph in network.shared)]
    for head in network.heads:
        yield network.graph, head.node
        waiting += _inside(head.node)
    while waiting:
        graph = waiting.pop()
        if id(graph) in seen:
            continue
        seen.add(id(graph))
        for node in graph.nodes:
            yield graph, node
            waiting += _inside(node)


def _inside(node: Node) -> list[Graph]:
    match node.operation:
        case Use(graph=graph) | Group(graph=graph) | Choice(graph=graph) | SharedUse(graph=graph):
            return [graph]
        case Series(children=children) | Fan(children=children):
            return [child.graph for child in children]
        case _:
            return []


def figures_at(network: Network, source: Source, offset: int) -> tuple[Figures, ...]:
    """What the narrowest text around a character made: once for each shape that it was used at."""
    around = [
        (graph, node)
        for graph, node in nodes_of(network)
        if node.span.source is source and node.span.start <= offset < node.span.end
    ]
    if not around:
        return ()
    narrowest = min(node.span.end - node.span.start for _, node in around)
    found = [
        figures_of(graph, node) for graph, node in around if node.span.end - node.span.start == narrowest
    ]
    return tuple(dict.fromkeys(found))


def figures_of(graph: Graph, node: Node) -> Figures:
    """A node's figures."""
    costs = node.costs
    return Figures(_what(node), graph.shape(node.inputs[0]), node.output, costs.params, costs.macs)


def _what(node: Node) -> str:
    match node.operation:
        case Leaf(layer=layer):
            return repr(layer)
        case Merge(kind=kind) | Fan(kind=kind):
            return kind
        case Use(block=block):
            return block
        case Series(children=children):
            return f"{_count(children)} modules"
        case _:
            return node.name or "a choice"


def _count(children: tuple[Child, ...]) -> int:
    return sum(child.count for child in children)
