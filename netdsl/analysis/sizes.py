"""For which input sizes a network is valid, and what comes out.

A spec that never reads a size (`x.h`) is the same graph at every input, so the graph is run on other shapes,
layer by layer, with every block remembered by the shapes it was given. Sizes are tried one by one: the answer
is exact, and only then put into words, which are compared with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from netdsl.graph.graph import (
    Child,
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
    Step,
    Use,
    walk,
    walk_node,
)
from netdsl.graph.shapes import Shape
from netdsl.language import syntax
from netdsl.layers.catalog import LAYERS
from netdsl.layers.layer import Layer
from netdsl.layers.merge import merge_output, merge_problems
from netdsl.records import record, value_record

MOST_RANGES = 6
"""Ranges that are listed before only the first ones are."""
LONGEST_PERIOD = 64
"""Strides after which sizes are looked at for a pattern."""


@value_record()
class Result:
    """What a network gives at one size."""

    output: Shape
    keeps_weights: bool
    """Whether every weight has the shape that it has at the declared size."""


@record
class Sweep:
    """What became of every size along some axes, the others as declared."""

    axes: tuple[str, ...]
    """The axes that were changed together."""
    tried: range
    results: dict[int, Result]
    """The sizes that are valid."""

    @property
    def valid(self) -> tuple[int, ...]:
        return tuple(self.results)

    @property
    def keeping_weights(self) -> tuple[int, ...]:
        """The valid sizes that a network trained at the declared size can be run at."""
        return tuple(size for size, result in self.results.items() if result.keeps_weights)

    def outputs(self, axis: str) -> dict[int, int] | None:
        """The output's size along an axis, by the input's; None where some output has no such axis."""
        if not all(axis in result.output for result in self.results.values()):
            return None
        return {size: int(result.output.size(axis)) for size, result in self.results.items()}


@record
class Sizes:
    """Every input size in a range."""

    apart: bool
    """Whether axes do not depend on each other, so that any mixture of valid sizes is valid."""
    each: tuple[Sweep, ...]
    """Each axis alone."""
    together: Sweep
    """All axes alike: squares and cubes."""


Attempt = Callable[[Shape], Result | None]


def sweep_sizes(spec: syntax.Spec, network: Network, tried: range, again: Attempt) -> Sizes:
    """Tries a network with one input at all sizes.

    Args:
        again: elaborates the spec anew at a shape, for specs whose layers depend on sizes.
    """
    declared = network.graph.inputs[0]
    attempt = again if reads_sizes(spec) else _Replay(network).attempt
    axes = tuple(axis.name for axis in declared.spatial)
    each = tuple(_sweep((axis,), declared, tried, attempt) for axis in axes)
    together = each[0] if len(axes) == 1 else _sweep(axes, declared, tried, attempt)
    return Sizes(not reads_sizes(spec) and axes_stay_apart(network), each, together)


def _sweep(axes: tuple[str, ...], declared: Shape, tried: range, attempt: Attempt) -> Sweep:
    results = {}
    for size in tried:
        result = attempt(declared.with_sizes(**dict.fromkeys(axes, size)))
        if result is not None:
            results[size] = result
    return Sweep(axes, tried, results)


def reads_sizes(spec: syntax.Spec) -> bool:
    """Whether an expression of the spec reads a spatial size, so that layers may depend on it."""
    bodies = [spec.net, *(block.body for block in (*spec.blocks, *spec.shared))]
    bodies += [head.body for head in spec.heads]
    return any(isinstance(node, syntax.Attribute) and node.name != "c" for node in _nodes(bodies))


def _nodes(value: Any) -> Iterator[syntax.Node]:
    """Every node below a value of the syntax."""
    if isinstance(value, syntax.Node):
        yield value
        for field in value.__match_args__:
            yield from _nodes(getattr(value, field))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _nodes(item)


def axes_stay_apart(network: Network) -> bool:
    """Whether no layer's demand on one spatial axis rests on another.

    Told by what the layers are: behind one that mixes axes, such as `flatten`, only layers may stand that
    take whatever comes.
    """
    graph = network.graph
    hang_behind = (graph.shape(head.node.inputs[0]) for head in network.heads)
    return _stay_apart(walk(graph), is_mixed=False) and all(
        _stay_apart(walk_node(graph, head.node, ""), is_mixed=not at.spatial)
        for head, at in zip(network.heads, hang_behind, strict=True)
    )


def _stay_apart(steps: Iterable[Step], *, is_mixed: bool) -> bool:
    for step in steps:
        operation = step.node.operation
        if not isinstance(operation, Leaf):
            if is_mixed:
                return False
            continue
        kind = type(operation.layer)
        if is_mixed and kind.requires is not Layer.requires:
            return False
        has_extent = any(axis.size > 1 for axis in step.input.axes if axis.name != "c")
        if has_extent and (kind.asks_across_axes or kind not in LAYERS):
            return False
        is_mixed |= has_extent and kind.mixes_axes
    return True


class _Replay:
    """Runs a network's graph on other shapes."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._known: dict[tuple[int, tuple[Shape, ...]], Result | None] = {}

    def attempt(self, input: Shape) -> Result | None:
        """What comes out, or None where a layer or a merge refuses."""
        graph = self.network.graph
        values = self._values(graph, (input,))
        if values is None:
            return None
        results = [values[graph.result]]
        for head in self.network.heads:
            given = self._node(graph, head.node, [values[number].output for number in head.node.inputs])
            if given is None:
                return None
            results.append(given)
        return Result(results[0].output, all(value.keeps_weights for value in (*values, *results)))

    def _values(self, graph: Graph, inputs: tuple[Shape, ...]) -> list[Result] | None:
        values = [Result(shape, True) for shape in inputs]
        for node in graph.nodes:
            result = self._node(graph, node, [values[number].output for number in node.inputs])
            if result is None:
                return None
            values.append(result)
        return values

    def _graph(self, graph: Graph, inputs: tuple[Shape, ...]) -> Result | None:
        key = (id(graph), inputs)
        if key not in self._known:
            values = self._values(graph, inputs)
            self._known[key] = None if values is None else _last(values, graph)
        return self._known[key]

    def _node(self, graph: Graph, node: Node, inputs: list[Shape]) -> Result | None:
        match node.operation:
            case Leaf(layer=layer):
                return _through(layer, inputs[0], graph.shape(node.inputs[0]))
            case Merge(kind=kind):
                return _merged(kind, [Result(shape, True) for shape in inputs])
            case Use(graph=inner) | Group(graph=inner) | Choice(graph=inner) | SharedUse(graph=inner):
                return self._graph(inner, tuple(inputs))
            case Series(children=children):
                return self._series(children, inputs)
            case Fan(kind=kind, children=children):
                return self._fan(kind, children, inputs)

    def _series(self, children: Sequence[Child], inputs: list[Shape]) -> Result | None:
        current = Result(inputs[0], keeps_weights=True)
        for child in children:
            for _ in range(child.count):
                before = current.output
                result = self._child(child, [before, *inputs[1:]])
                if result is None:
                    return None
                current = Result(result.output, current.keeps_weights and result.keeps_weights)
                if result.output == before:
                    break  # the rest of equal ones does the same
        return current

    def _fan(self, kind: MergeKind, children: Sequence[Child], inputs: list[Shape]) -> Result | None:
        branches = []
        for child in children:
            result = self._child(child, inputs)
            if result is None:
                return None
            branches.append(result)
        return _merged(kind, branches)

    def _child(self, child: Child, inputs: list[Shape]) -> Result | None:
        return self._graph(child.graph, (inputs[0], *(inputs[number] for number in child.captures)))


def _last(values: Sequence[Result], graph: Graph) -> Result:
    return Result(values[graph.result].output, all(value.keeps_weights for value in values))


def _through(layer: Layer, input: Shape, declared: Shape) -> Result | None:
    if any(layer.problems(input)):
        return None
    return Result(layer.output(input), layer.weights(input) == layer.weights(declared))


def _merged(kind: MergeKind, branches: Sequence[Result]) -> Result | None:
    shapes = [branch.output for branch in branches]
    if any(merge_problems(kind, shapes)):
        return None
    return Result(merge_output(kind, shapes), all(branch.keeps_weights for branch in branches))


# In words


def ranges_of(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Sizes as runs of neighbours, each with its first and last."""
    runs: list[tuple[int, int]] = []
    for size in sizes:
        if runs and size == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], size)
        else:
            runs.append((size, size))
    return runs


def describe_sizes(sizes: Sequence[int], tried: range) -> str:
    """A set of sizes in words.

    >>> describe_sizes([32, 64, 96, 128], range(1, 129))
    'multiples of 32'
    >>> describe_sizes([*range(29, 129)], range(1, 129))
    'from 29'
    """
    if not sizes:
        return "none"
    if len(sizes) == len(tried):
        return "every size"
    for period in range(1, LONGEST_PERIOD + 1):
        text = _as_pattern(sizes, tried, period)
        if text is not None:
            return text
    runs = ranges_of(sizes)
    shown = [f"{first} to {last}" if last > first else str(first) for first, last in runs[:MOST_RANGES]]
    if len(runs) > MOST_RANGES:
        shown.append(f"and {sum(last - first + 1 for first, last in runs[MOST_RANGES:])} more")
    return ", ".join(shown)


def _as_pattern(sizes: Sequence[int], tried: range, period: int) -> str | None:
    """The sizes as remainders by a period from the smallest on, where that says exactly which they are."""
    first = sizes[0]
    if tried[-1] - first < 2 * period:  # a pattern shows in its repetition
        return None
    remainders = sorted({size % period for size in sizes})
    if len(remainders) > max(1, period // 2):
        return None
    if tuple(sizes) != tuple(n for n in range(first, tried[-1] + 1) if n % period in remainders):
        return None
    if period == 1:
        return f"from {first}"
    begins = f" from {first}" if any(n % period in remainders for n in range(tried[0], first)) else ""
    listed = " or ".join(map(str, remainders))
    return (f"multiples of {period}" if remainders == [0] else f"size mod {period} = {listed}") + begins


def describe_outputs(outputs: dict[int, int], name: str) -> str | None:
    """The output's size as a formula of the input's, where one fits all.

    >>> describe_outputs({n: (n - 1) // 32 + 1 for n in range(1, 100)}, "h")
    '(h + 31) // 32'
    """
    sizes, values = list(outputs), list(outputs.values())
    if len(set(values)) == 1:
        return str(values[0])
    for divisor in range(1, LONGEST_PERIOD + 1):
        for factor in range(1, 17):
            text = _as_formula(sizes, values, factor, divisor, name)
            if text is not None:
                return text
    return None


def _as_formula(sizes: list[int], values: list[int], factor: int, divisor: int, name: str) -> str | None:
    """`(factor * n + offset) // divisor` with the offset of least size that fits, if one does."""
    lowest = max(divisor * v - factor * n for n, v in zip(sizes, values, strict=True))
    highest = min(divisor * v + divisor - 1 - factor * n for n, v in zip(sizes, values, strict=True))
    if lowest > highest:
        return None
    offset = 0 if lowest <= 0 <= highest else min((lowest, highest), key=abs)
    scaled = name if factor == 1 else f"{factor} * {name}"
    moved = scaled if offset == 0 else f"{scaled} {'+' if offset > 0 else '-'} {abs(offset)}"
    if divisor == 1:
        return moved
    return f"({moved}) // {divisor}" if offset or factor > 1 else f"{moved} // {divisor}"
