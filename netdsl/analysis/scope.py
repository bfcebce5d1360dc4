"""Graphs under construction: a scope takes nodes, and captures tensors of the scopes around it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdsl.diagnostics import Span
from netdsl.graph.formula import Formula, formula_of, plain, traced
from netdsl.graph.graph import Graph, Head, Node, Operation
from netdsl.graph.shapes import Axis, Shape, captured_names
from netdsl.records import record, replace


@record
class Tensor:
    """A value of a graph under construction. Compares by identity."""

    scope: Scope | None
    position: tuple[str, int]
    """Where it is in its scope: `("input", i)` or `("node", i)`."""
    shape: Shape | None
    """None where a fault upstream, reported already, keeps it from being known."""
    span: Span
    """The text that made it."""
    doubt: frozenset[str] = frozenset()
    """Axes whose size follows from a fault: nothing more is said about them."""

    @property
    def several(self) -> bool:
        """Whether it stands for the input of a net that has several, none of which is *the* input."""
        return self.position == SEVERAL

    @property
    def known(self) -> Shape:
        assert self.shape is not None
        return self.shape


SEVERAL = ("several inputs", 0)
"""The place of what cannot be taken without saying which."""


def nowhere(span: Span) -> Tensor:
    """A tensor of which nothing is known."""
    return Tensor(None, ("nowhere", 0), None, span)


def in_doubt(current: Tensor, span: Span) -> Tensor:
    """What comes out of a fault: the tensor that went in, every size in doubt. So what follows is still read,
    and only what does not depend on the fault is said of it."""
    if current.shape is None:
        return nowhere(span)
    return replace(current, span=span, doubt=frozenset(current.shape.names))


_Pending = tuple[str, Operation, tuple[tuple[str, int], ...], Tensor, str | None]
"""A node but for the numbers of its inputs, which are not final yet."""


class Scope:
    """A graph under construction.

    Attributes:
        is_block: whether formulas inside speak of other names than those outside.
        inputs: the tensors that enter, the current one first.
        captured: the tensor behind each input but the first, of whichever scope around this one it is.
    """

    def __init__(self, parent: Scope | None, *, is_block: bool = False) -> None:
        self.parent = parent
        self.is_block = is_block
        self.inputs: list[Tensor] = []
        self.captured: list[Tensor] = []
        self.entered: Tensor | None = None
        """The tensor behind the first input, in the scope around this one."""
        self._pending: list[_Pending] = []
        self._imports: dict[tuple[int, tuple[str, int]], Tensor] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def enter(self, shape: Shape | None, span: Span, doubt: frozenset[str] = frozenset()) -> Tensor:
        """A new input of the scope."""
        tensor = Tensor(self, ("input", len(self.inputs)), shape, span, doubt)
        self.inputs.append(tensor)
        return tensor

    def made(self, number: int) -> tuple[Operation, list[Tensor], Tensor]:
        """A node: what it does, with which tensors of this scope, and what comes out."""
        _, operation, positions, tensor, _ = self._pending[number]
        inputs = [self.inputs[n] if kind == "input" else self._pending[n][3] for kind, n in positions]
        return operation, inputs, tensor

    def reaches(self, tensor: Tensor) -> bool:
        """Whether the tensor is of this scope or of one around it."""
        scope: Scope | None = self
        while scope is not None and scope is not tensor.scope:
            scope = scope.parent
        return scope is not None

    def reach(self, tensor: Tensor) -> Tensor:
        """The tensor as seen from this scope; one of a scope around it becomes an input."""
        if tensor.scope is self or tensor.shape is None:
            return tensor
        key = (id(tensor.scope), tensor.position)
        if key not in self._imports:
            assert self.parent is not None
            outer = self.parent.reach(tensor)
            shape = captured(outer.known, len(self.inputs)) if self.is_block else outer.known
            self._imports[key] = self.enter(shape, outer.span, outer.doubt)
            self.captured.append(tensor)
        return self._imports[key]

    def add(
        self,
        name: str,
        operation: Operation,
        inputs: Iterable[Tensor],
        shape: Shape,
        span: Span,
        *,
        doubt: frozenset[str] = frozenset(),
        origin: str | None = None,
    ) -> Tensor:
        """A new node; gives the tensor that comes out of it."""
        tensor = Tensor(self, ("node", len(self._pending)), shape, span, doubt)
        self._pending.append((name, operation, tuple(t.position for t in inputs), tensor, origin))
        return tensor

    def number(self, position: tuple[str, int]) -> int:
        """The number a value has in the finished graph."""
        kind, index = position
        return index if kind == "input" else len(self.inputs) + index

    def finish(
        self,
        result: Tensor,
        constraints: Iterable[tuple[Formula, Any]] = (),
        count: int | None = None,
    ) -> Graph:
        """The graph, with the tensor that comes out of it; where a count is given, of so many nodes."""
        nodes = tuple(
            Node(name, operation, tuple(self.number(p) for p in inputs), tensor.known, tensor.span, origin)
            for name, operation, inputs, tensor, origin in self._pending[:count]
        )
        shapes = tuple(tensor.known for tensor in self.inputs)
        return Graph(shapes, nodes, self.number(result.position), tuple(constraints))

    def head(
        self, head: tuple[str, str, float, bool], operation: Operation, inputs: Iterable[Tensor]
    ) -> Head:
        """A side output whose node is not one of the graph's own."""
        assert hasattr(operation, "graph")
        numbers = tuple(self.number(t.position) for t in inputs)
        node = Node(head[0], operation, numbers, operation.graph.output, next(iter(inputs)).span)
        return Head(*head, node)


def captured(shape: Shape, number: int) -> Shape:
    """A tensor from around a block as the block's own formulas call it: its input of that number."""
    names = captured_names(number)
    sizes = ((axis, names.get(axis.name) if formula_of(axis.size) else None) for axis in shape.axes)
    return Shape(
        tuple(Axis(a.name, traced(plain(a.size), Formula.name(name) if name else None)) for a, name in sizes)
    )
