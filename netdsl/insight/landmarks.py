"""Where in a network an explanation looks: its last spatial layer, its classifier, its first filters.

Found in the graph, by walking back from what comes out; only as much of it is unfolded as the walk meets.

    … conv → relu → global_avgpool → flatten → linear
              └ features                        └ classifier
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

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
    walk,
)

Producer = Callable[[], "Point | None"]

PASSED = ("flatten", "dropout", "spatial_dropout", "drop_path", "id")
"""Layers that change no value when a network is not in training."""
POOLED = ("maxpool", "avgpool", "adaptive_avgpool", "adaptive_maxpool", "global_avgpool", "global_maxpool")
AVERAGED = ("avgpool", "adaptive_avgpool", "global_avgpool")
PROBABILITIES = ("softmax", "log_softmax")
CONVOLUTIONS = ("conv", "depthwise")


@dataclass(frozen=True, slots=True)
class Place:
    """A tensor in a built module: what comes out of a submodule, or what goes into it."""

    path: str
    """The submodule, as the spec names it: `body.3.conv2`."""
    enters: bool = False
    """Whether what goes in is meant: for a sum that no module of its own computes."""

    def __str__(self) -> str:
        return f"what enters {self.path}" if self.enters else self.path


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A layer or a merge, with what comes before it."""

    path: str
    node: Node
    module: str | None
    """The module whose output is this one's; None for a merge that no block ends in."""
    before: Producer
    """What it takes first; None is the network's input."""

    @property
    def word(self) -> str:
        """The layer's word, or the merge's kind."""
        operation = self.node.operation
        if isinstance(operation, Leaf):
            return str(operation.layer.word)
        assert isinstance(operation, Merge | Fan)
        return operation.kind

    @property
    def is_plane(self) -> bool:
        """Whether maps of more than one cell come out: `(channels, height, width)`."""
        spatial = self.node.output.spatial if self.node.output.channels_first else ()
        return len(spatial) == 2 and any(axis.size > 1 for axis in spatial)


@dataclass(frozen=True, slots=True)
class Classifier:
    """The end of a network whose class scores are means of maps (Zhou et al. 2016, section 2)."""

    features: Place
    """The maps that are averaged."""
    weights: str | None
    """The linear layer, or convolution of 1×1, behind the mean; None where the maps are the classes' own."""


def last_point(network: Network) -> Point | None:
    """What comes out of a network; None where it is its input."""
    scope = _Scope(network.graph, "", tuple(lambda: None for _ in network.graph.inputs))
    return scope.producer(network.graph.result)


def probabilities_path(network: Network) -> str | None:
    """The softmax that a network ends in, whose input are the class scores; None where it has none."""
    last = last_point(network)
    return last.module if last is not None and last.word in PROBABILITIES else None


def last_spatial_place(network: Network) -> Place | None:
    """The last maps before they are pooled or flattened; None where a network has none."""
    point, behind = last_point(network), None
    while point is not None and (not point.is_plane or point.word in (*POOLED, *PASSED)):
        point, behind = point.before(), point
    return None if point is None else _place(point, behind)


def classifier(network: Network) -> Classifier | None:
    """The end of a network, where it is global average pooling and at most one linear layer behind it."""
    weights, point = None, last_point(network)
    while point is not None:
        if point.word in AVERAGED and not point.is_plane:
            source = point.before()
            features = _place(source, point) if source is not None and _averages_all(point, source) else None
            return None if features is None else Classifier(features, weights)
        is_linear = point.word in ("linear", "conv") and not point.is_plane
        if is_linear and weights is None and _sees_one_cell(point):
            weights = point.module
        elif point.word not in (*PASSED, *PROBABILITIES):
            return None
        point = point.before()
    return None


def first_convolution(network: Network) -> str | None:
    """The path of the first convolution that runs."""
    layers = ((step.path, step.node.operation) for step in walk(network.graph))
    found = (path for path, op in layers if isinstance(op, Leaf) and op.layer.word in CONVOLUTIONS)
    return next(found, None)


def _sees_one_cell(point: Point) -> bool:
    before = point.before()
    return before is not None and not before.is_plane


def _averages_all(pool: Point, source: Point) -> bool:
    """Whether one window, without padding, is the whole of the maps."""
    operation, shape = pool.node.operation, source.node.output
    assert isinstance(operation, Leaf), "a pooling is a layer"
    if not source.is_plane or pool.word != "avgpool":
        return source.is_plane
    layer = operation.layer
    window = tuple(layer.each(layer.kernel_size, shape)) == shape.sizes[1:]
    return window and not any(layer.each(layer.padding, shape)) and layer.divisor_override is None


def _place(point: Point, behind: Point | None) -> Place | None:
    """Where a built module holds what comes out of a point; None where no module gives or takes it."""
    if point.module is not None:
        return Place(point.module)
    return None if behind is None or behind.module is None else Place(behind.module, enters=True)


@dataclass(frozen=True, slots=True, eq=False)
class _Scope:
    """A graph at a path, with what its inputs are outside of it."""

    graph: Graph
    path: str
    inputs: tuple[Producer, ...]

    def producer(self, value: int) -> Point | None:
        count = len(self.inputs)
        return self.inputs[value]() if value < count else self._point(self.graph.nodes[value - count])

    def _point(self, node: Node) -> Point | None:
        here = ".".join(part for part in (self.path, node.name) if part)
        before = tuple(self._later(number) for number in node.inputs)
        match node.operation:
            case Leaf():
                return Point(here, node, here, before[0])
            case Merge() | Fan():
                return Point(here, node, None, before[0])
            case Choice(graph=inner):
                return _Scope(inner, self.path, before).producer(inner.result)
            case Use(graph=inner) | Group(graph=inner):
                return _Scope(inner, here, before).result()
            case SharedUse(name=name, graph=inner):
                return _Scope(inner, name, before).result()
            case Series(children=children):
                return _series(list(_members(children)), here, before)()

    def _later(self, number: int) -> Producer:
        return lambda: self.producer(number)

    def result(self) -> Point | None:
        """What comes out; a merge at the end is what the scope's own module gives."""
        point = self.producer(self.graph.result)
        if point is None or point.module is not None or self.graph.result < len(self.inputs):
            return point
        return Point(point.path, point.node, self.path, point.before)


def _members(children: tuple[Child, ...]) -> Iterator[Child]:
    for child in children:
        yield from [child] * child.count


def _series(members: list[Child], path: str, inputs: tuple[Producer, ...]) -> Producer:
    """What comes out of the last of members that run one after another."""
    if not members:
        return inputs[0]
    last = members[-1]

    def produce() -> Point | None:
        first = _series(members[:-1], path, inputs)
        taken = (first, *(inputs[number] for number in last.captures))
        return _Scope(last.graph, f"{path}.{len(members) - 1}", taken).result()

    return produce
