"""A network → a `Drawing`, opened up as deep as one wants to see it.

Equal neighbours are one box with a count. Beyond the depth nothing is built, so that a drawing costs what is
drawn and not what the network holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

from netdsl.backends.diagram.flow import Flow, Reads
from netdsl.backends.diagram.members import Members, folded, repeated
from netdsl.backends.diagram.pieces import Box, Chain, Drawing, Parallel, Piece, Port, Source
from netdsl.backends.diagram.wording import family_of, span_of, text_of, written
from netdsl.graph.graph import (
    Child,
    Choice,
    Fan,
    Graph,
    Group,
    Head,
    Merge,
    Network,
    Node,
    Series,
    SharedUse,
    Use,
)
from netdsl.graph.shapes import Shape
from netdsl.records import record, replace


def draw(network: Network, levels: int) -> Drawing:
    """The drawing of a network.

    Args:
        levels: how deep it is opened up; 1, the stages, at least.
    """
    artist = _Artist()
    graph = network.graph
    flow = Flow(graph, artist.reads, 0 if len(graph.inputs) == 1 else None)
    heads = {}
    for head in network.heads:
        values = [flow.values[number] for number in head.node.inputs]
        heads[flow.add(replace(head.node, name=head.name), values)] = head
    inputs = [
        _Giver(Source(artist.key(), name), shape)
        for name, shape in zip(network.input_names, graph.inputs, strict=True)
    ]
    main, *others = _Scope(artist, flow, inputs, "", levels, heads, is_net=True).tracks()
    output = Port(artist.key(), "output", "output", graph.output)
    return Drawing(
        network.name,
        network.about,
        (Chain((*main.pieces, output)), *others),
        network.costs,
        tuple((name, graph.costs) for name, graph in network.shared),
    )


@record
class _Giver:
    """What gives a value, and of which shape."""

    source: Source
    shape: Shape


class _Artist:
    """Makes boxes; what all scopes of a drawing have in common."""

    def __init__(self) -> None:
        self.reads = Reads()
        self._keys = count(1)

    def key(self) -> int:
        """A key that nothing else has."""
        return next(self._keys)

    def box(self, node: Node, key: int, name: str, path: str, givers: Sequence[_Giver], levels: int) -> Box:
        """The box of a node.

        Args:
            name: what it is called.
            path: the path of its module.
            givers: of the node's inputs.
        """
        if isinstance(node.operation, Group) and node.operation.graph.is_single:
            (inner,) = node.operation.graph.nodes
            box = self.box(inner, key, name, path, [givers[number] for number in inner.inputs], levels)
            return replace(box, span=span_of(node))
        one = repeated(node.operation)
        if one is not None:
            return self._repeat(node, one, key, name, path, givers, levels)
        reads = self.reads.of_node(node)
        main = 0 if 0 in reads or not reads else min(reads)
        entry, has_inside = self.key(), _has_inside(node)
        entered = list(givers)
        entered[main] = _Giver(Source(entry, name), givers[main].shape)
        return Box(
            key=key,
            entry=entry,
            path=path,
            last_path=path,
            name=name,
            text=text_of(node),
            family=family_of(node),
            count=1,
            input=givers[main].shape,
            output=node.output,
            costs=node.costs,
            span=span_of(node),
            captures=tuple(givers[number].source for number in sorted(reads - {main})),
            has_inside=has_inside,
            tracks=self._inside(node, path, entered, main, levels - 1) if has_inside and levels > 1 else (),
        )

    def _repeat(
        self,
        node: Node,
        child: Child,
        key: int,
        name: str,
        path: str,
        givers: Sequence[_Giver],
        levels: int,
    ) -> Box:
        """One thing several times: a box that shows it once."""
        assert isinstance(node.operation, Series)
        number = sum(child.count for child in node.operation.children)
        members = Members(0, number, child, child, node.costs)
        box = self._member(node, members, key, path, givers, levels)
        return replace(box, name=name, path=path, last_path=path, span=node.span)

    def _member(
        self, node: Node, members: Members, key: int, path: str, givers: Sequence[_Giver], levels: int
    ) -> Box:
        """Equal neighbours in a table or a repeat; `givers` are those of the node around them."""
        graph = members.begin.graph
        inner = graph.nodes[0] if graph.is_single else _as_node(graph, node)
        entering = [givers[0], *(givers[number] for number in members.begin.captures)]
        entering = [entering[number] for number in inner.inputs]
        box = self.box(inner, key, members.numbers, f"{path}.{members.first}", entering, levels)
        return replace(
            box,
            last_path=f"{path}.{members.last}",
            count=box.count * members.count,
            output=members.end.graph.output,
            costs=members.costs,
        )

    def _inside(
        self, node: Node, path: str, givers: Sequence[_Giver], main: int, levels: int
    ) -> tuple[Chain, ...]:
        match node.operation:
            case SharedUse(name=name, graph=graph):
                return self._opened(graph, name, givers, main, levels)
            case Use(graph=graph) | Group(graph=graph) | Choice(graph=graph):
                return self._opened(graph, path, givers, main, levels)
            case Series(children=children):
                return (self._series(node, children, path, givers, levels),)
            case Fan():
                return (Chain((self.fan(node, self.key(), path, givers, levels),)),)
            case _:
                return ()

    def _opened(
        self, graph: Graph, path: str, givers: Sequence[_Giver], main: int, levels: int
    ) -> tuple[Chain, ...]:
        return _Scope(self, Flow(graph, self.reads, main), givers, path, levels, {}).tracks()

    def _series(
        self, node: Node, children: Sequence[Child], path: str, givers: Sequence[_Giver], levels: int
    ) -> Chain:
        boxes: list[Box] = []
        for members in folded(children, closed=levels == 1):
            box = self._member(node, members, self.key(), path, givers, levels)
            boxes.append(box)
            givers = [_Giver(Source(box.key, box.name), box.output), *givers[1:]]
        return Chain(tuple(boxes))

    def fan(self, node: Node, key: int, path: str, givers: Sequence[_Giver], levels: int) -> Parallel:
        """Branches that come from a table."""
        assert isinstance(node.operation, Fan)
        found = folded(node.operation.children, closed=levels == 1)
        branches = [
            Chain((self._member(node, members, self.key(), path, givers, levels),)) for members in found
        ]
        return Parallel(key, path, node.name, node.operation.kind, tuple(branches), node.output, node.span)


class _Scope:
    """The inside of a block or of the net, as chains."""

    def __init__(
        self,
        artist: _Artist,
        flow: Flow,
        inputs: Sequence[_Giver],
        path: str,
        levels: int,
        heads: Mapping[int, Head],
        *,
        is_net: bool = False,
    ) -> None:
        self.artist = artist
        self.flow = flow
        self.path = path
        self.levels = levels
        self.heads = heads
        self.is_net = is_net
        made = [
            _Giver(Source(artist.key(), vertex.node.name), vertex.node.output) for vertex in flow.vertices
        ]
        self.givers = [*inputs, *made]
        self.drawn: set[int] = set()

    def tracks(self) -> tuple[Chain, ...]:
        """The way to the result, then heads and whatever else there is."""
        flow = self.flow
        found = [self._chain(flow.result, None if self.is_net else flow.entry)]
        ends = range(len(self.givers) - 1, flow.inputs - 1, -1)
        for value in (*self.heads, *ends):
            if value not in self.drawn:  # which each chain adds to
                found += [self._chain(value, None)]
        return tuple(found)

    def _chain(self, value: int | None, stop: int | None) -> Chain:
        """What leads from one value to another; without one, from the inputs."""
        pieces: list[Piece] = []
        while value is not None and value != stop:
            if value in self.drawn or value < self.flow.inputs:
                pieces.append(self._port(value))
                break
            self.drawn.add(value)
            vertex = self.flow.vertex(value)
            if isinstance(vertex.node.operation, Merge):
                fork = self.flow.fork(vertex.flows)
                pieces.append(self._merge(value, fork))
                value = fork
            else:
                pieces.append(self._piece(value))
                value = vertex.inputs[vertex.main]
        return Chain(tuple(reversed(pieces)))

    def _port(self, value: int) -> Port:
        """An input of the network the first time; else what gives the value is elsewhere."""
        giver = self.givers[value]
        if self.is_net and value < self.flow.inputs and value not in self.drawn:
            self.drawn.add(value)
            return Port(giver.source.key, "input", giver.source.label, giver.shape)
        return Port(self.artist.key(), "recall", giver.source.label, giver.shape, giver.source.key)

    def _merge(self, value: int, fork: int | None) -> Parallel:
        vertex = self.flow.vertex(value)
        node = vertex.node
        assert isinstance(node.operation, Merge)
        branches = tuple(self._chain(branch, fork) for branch in vertex.inputs)
        key = self.givers[value].source.key
        return Parallel(
            key, self._path(node), node.name, node.operation.kind, branches, node.output, node.span
        )

    def _piece(self, value: int) -> Piece:
        vertex = self.flow.vertex(value)
        node, key = vertex.node, self.givers[value].source.key
        givers = [self.givers[number] for number in vertex.inputs]
        if isinstance(node.operation, Fan):
            return self.artist.fan(node, key, self._path(node), givers, self.levels)
        box = self.artist.box(node, key, node.name, self._path(node), givers, self.levels)
        head = self.heads.get(value)
        if head is not None:
            return replace(box, family="head", is_training_only=not head.keep)
        return box

    def _path(self, node: Node) -> str:
        return ".".join(part for part in (self.path, node.name) if part)


def _as_node(graph: Graph, around: Node) -> Node:
    """A member of several layers as the node of a scope of its own."""
    inputs = tuple(range(len(graph.inputs)))
    return Node("", Group(graph, is_stage=False), inputs, graph.output, written(graph) or around.span)


def _has_inside(node: Node) -> bool:
    match node.operation:
        case Use(graph=graph) | Group(graph=graph) | SharedUse(graph=graph) | Choice(graph=graph):
            return bool(graph.nodes)
        case Series() | Fan():
            return True
        case _:
            return False
