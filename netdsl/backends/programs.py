"""The graph → the steps of `forward`: which module is called with which values.

A choice that every use of a class decided alike is gone here, and its steps stand where it stood; one that
they decided differently has both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from netdsl.backends.naming import checked
from netdsl.backends.wiring import Wiring, channel_axis
from netdsl.graph.graph import Choice, Graph, Group, Merge, MergeKind, Node, SharedUse, Use
from netdsl.graph.shapes import Shape


@dataclass(frozen=True, eq=False)
class Step:
    """One step of `forward`: a module's call, a merge, or a choice between programs."""

    output: int
    """The number of the value that comes out; values are numbered through the whole of a `forward`."""
    inputs: tuple[int, ...]
    node: Node
    module: str = ""
    """What is called, such as `self.conv1`; empty for a merge and a choice."""
    handed_on: tuple[str, ...] = ()
    """Shared modules that the call takes as well."""
    kind: MergeKind | None = None
    axis: int = 1
    """The axis of a concatenation."""
    condition: str = ""
    sides: tuple[Program, ...] = ()
    """What a choice does where its condition holds, and where it does not."""

    @property
    def values_read(self) -> Iterator[int]:
        if not self.sides:
            yield from self.inputs
        for side in self.sides:
            yield from side.values_read


@dataclass(frozen=True, eq=False)
class Program:
    """Steps in the order in which they run, and the value that comes out of them."""

    steps: tuple[Step, ...]
    result: int

    @property
    def values_read(self) -> Iterator[int]:
        for step in self.steps:
            yield from step.values_read
        yield self.result


class ProgramBuilder:
    """Builds the program of one `forward` for all uses of its class."""

    def __init__(self, wiring: Wiring, conditions: Mapping[int, str], shared: Callable[[str], str]) -> None:
        """
        Args:
            conditions: the attribute that holds the condition of each choice with two sides, by the identity
                of the choice's node in the first use.
            shared: what a shared module is called in this `forward`.
        """
        self.wiring = wiring
        self.conditions = conditions
        self.shared = shared
        self.shapes: dict[int, dict[int, Shape]] = {}
        """The shape of every value of the program, by the number of the use."""
        self._numbers = count()

    def whole(self, graphs: Sequence[Graph]) -> tuple[Program, tuple[int, ...]]:
        """The program of a scope, and its values: the scope's inputs, then what its nodes give."""
        uses = range(len(graphs))
        columns = zip(*(graph.inputs for graph in graphs), strict=True)
        inputs = [self._value(uses, shapes) for shapes in columns]
        steps, values = self._steps(uses, graphs, inputs)
        return Program(tuple(steps), values[graphs[0].result]), tuple(values)

    def _value(self, uses: Iterable[int], shapes: Iterable[Shape]) -> int:
        number = next(self._numbers)
        self.shapes[number] = dict(zip(uses, shapes, strict=True))
        return number

    def _steps(
        self, uses: Sequence[int], graphs: Sequence[Graph], inputs: Sequence[int]
    ) -> tuple[list[Step], list[int]]:
        steps: list[Step] = []
        values = list(inputs)
        for index, node in enumerate(graphs[0].nodes):
            nodes = [graph.nodes[index] for graph in graphs]
            if isinstance(node.operation, Choice):
                more, output = self._choice(uses, nodes, values)
                steps += more
            else:
                output = self._value(uses, (one.output for one in nodes))
                steps.append(self._step(node, values, output))
            values.append(output)
        return steps, values

    def _step(self, node: Node, values: Sequence[int], output: int) -> Step:
        inputs = tuple(values[number] for number in self.wiring.node_takes(node))
        if isinstance(node.operation, Merge):
            axis = channel_axis(node.output)
            return Step(output, inputs, node, kind=node.operation.kind, axis=axis)
        needs = self.wiring.node_needs(node)
        name = self._shared_name(node)
        if name is None:
            return Step(output, inputs, node, f"self.{checked(node.name)}", tuple(map(self.shared, needs)))
        handed_on = tuple(self.shared(other) for other in needs if other != name)
        return Step(output, inputs, node, self.shared(name), handed_on)

    def _shared_name(self, node: Node) -> str | None:
        """The shared module that a node is a use of."""
        if isinstance(node.operation, SharedUse):
            return node.operation.name
        if isinstance(node.operation, Use | Group):
            return self.wiring.shared_module(node.operation.graph)
        return None

    def _choice(
        self, uses: Sequence[int], nodes: Sequence[Node], values: Sequence[int]
    ) -> tuple[list[Step], int]:
        """The steps of a choice and the value that comes out of it."""
        condition = self.conditions.get(id(nodes[0]))
        if condition is None:
            return self._side(uses, nodes, values)
        output = self._value(uses, (node.output for node in nodes))
        programs = []
        for taken in (True, False):
            side = [number for number, node in enumerate(nodes) if _is_taken(node) is taken]
            steps, result = self._side([uses[n] for n in side], [nodes[n] for n in side], values)
            programs.append(Program(tuple(steps), result))
        current = values[nodes[0].inputs[0]]
        return [Step(output, (current,), nodes[0], condition=condition, sides=tuple(programs))], output

    def _side(
        self, uses: Sequence[int], nodes: Sequence[Node], values: Sequence[int]
    ) -> tuple[list[Step], int]:
        graphs = [node.operation.graph for node in nodes if isinstance(node.operation, Choice)]
        steps, inner = self._steps(uses, graphs, [values[number] for number in nodes[0].inputs])
        return steps, inner[graphs[0].result]


def _is_taken(node: Node) -> bool:
    assert isinstance(node.operation, Choice)
    return node.operation.taken
