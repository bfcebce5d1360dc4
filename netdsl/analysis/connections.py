"""The connections of a network: the measure of the LeNets' papers, worked out where a claim asks for it.

A unit's connections are the inputs that it reads, its bias among them; a weight that is shared counts at
every place. Apart from `Costs`, which every check sums, since only networks of the nineties are measured so.
"""

from __future__ import annotations

from netdsl.graph.graph import (
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


class Connections:
    """Counts connections. A graph that stands in several places is counted once, and multiplied."""

    def __init__(self) -> None:
        self._known: dict[Graph, int] = {}

    def of_network(self, network: Network) -> int:
        """Those of the network as it stands outside of training."""
        kept = sum(self.of_node(network.graph, head.node) for head in network.heads if head.keep)
        return self._of_graph(network.graph) + kept

    def of_node(self, graph: Graph, node: Node) -> int:
        """Those of one node of a graph."""
        match node.operation:
            case Leaf(layer=layer):
                found: int = layer.connections(graph.shape(node.inputs[0]))
                return found
            case Merge():
                return 0
            case Series(children=children) | Fan(children=children):
                return sum(self._of_graph(child.graph) * child.count for child in children)
            case Use(graph=inner) | Group(graph=inner) | Choice(graph=inner) | SharedUse(graph=inner):
                return self._of_graph(inner)

    def _of_graph(self, graph: Graph) -> int:
        if graph not in self._known:
            self._known[graph] = sum(self.of_node(graph, node) for node in graph.nodes)
        return self._known[graph]
