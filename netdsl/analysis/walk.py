"""What the walk over a spec remembers, and the scopes it opens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from netdsl.analysis.environment import Environment, Program
from netdsl.analysis.evaluate import as_layer, evaluate
from netdsl.analysis.labels import Labels, label_body
from netdsl.analysis.leaves import several_inputs
from netdsl.analysis.scope import Scope, Tensor
from netdsl.analysis.values import LayerValue
from netdsl.analysis.weight_shapes import WeightShapes
from netdsl.diagnostics import Collector, Span
from netdsl.graph.graph import Child, Graph
from netdsl.language import syntax
from netdsl.records import replace, value_record

STEPS_OF_A_SCOPE = 5
"""What going into a compound counts for."""


@value_record()
class Elaborated:
    """What a use of a block came to, once for all uses with the same arguments on the same shape."""

    graph: Graph | None
    captured: tuple[Tensor, ...]
    doubt: frozenset[str]


class Walk(ABC):
    """What the walk over a spec remembers. Faults go to `found`; what depends on them is passed over in
    silence."""

    def __init__(self, program: Program, found: Collector) -> None:
        self.program = program
        self.found = found
        self.elaborated: dict[Any, Elaborated] = {}
        self.active: list[str] = []
        self.shared: dict[str, Graph] = {}
        self.used: dict[str, syntax.Block] = {}
        self.labels: dict[int, Labels] = {}
        self.weight_shapes = WeightShapes()
        self.told_before = found.told
        self.is_sound = True
        """Whether nothing that was gone through is at fault."""
        self.channels_last: list[Span] = []
        """The inputs that look like pictures whose channels were written last."""
        self.known: tuple[int, Tensor] | None = None
        """The net's nodes in front of the first fault, and what comes out of them."""

    def _environment(self, body: syntax.Body, environment: Environment, **changes: Any) -> Environment:
        """An environment in which the body's modules have their labels."""
        return replace(environment, labels=self._labels(body), **changes)

    def _labels(self, body: syntax.Body) -> Labels:
        if id(body) not in self.labels:
            self.labels[id(body)] = label_body(body)
        return self.labels[id(body)]

    def body(self, body: syntax.Body, environment: Environment, scope: Scope, current: Tensor) -> Tensor:
        """A body applied to the current tensor."""
        value = as_layer(evaluate(body, environment), body.span, environment)
        return self.apply(value, scope, current, environment)

    def _note(self, scope: Scope, current: Tensor) -> None:
        """Remembers how far the net is known, where a step of it has been gone through."""
        self.is_sound = self.is_sound and self.found.told == self.told_before
        if scope.parent is None and self.is_sound and current.shape is not None:
            self.known = (len(scope), current)

    def _seen(self, tensor: Tensor, span: Span) -> Tensor:
        """The same tensor, pointed at where it is used."""
        return replace(tensor, span=span)

    def _is_tensor(self, current: Tensor, span: Span, environment: Environment) -> bool:
        if current.several:
            several_inputs(span, environment)
        return current.shape is not None

    def _child(
        self, value: LayerValue, scope: Scope, current: Tensor, environment: Environment
    ) -> tuple[Scope, Tensor]:
        """A layer in a scope of its own."""
        environment.spend(STEPS_OF_A_SCOPE, value.span)
        inner = Scope(scope)
        inner.entered = current
        entered = inner.enter(current.shape, current.span, current.doubt)
        return inner, self._alone(value, inner, entered, environment)

    def _as_child(
        self, inner: Scope, result: Tensor, count: int, scope: Scope, inputs: list[Tensor]
    ) -> Child:
        captures = []
        for tensor in inner.captured:
            reached = scope.reach(tensor)
            if reached not in inputs[1:]:
                inputs.append(reached)
            captures.append(inputs.index(reached, 1))
        return Child(inner.finish(result), count, tuple(captures))

    @abstractmethod
    def apply(self, value: LayerValue, scope: Scope, current: Tensor, environment: Environment) -> Tensor:
        """What comes out of a layer when the current tensor goes in."""

    @abstractmethod
    def _alone(self, value: LayerValue, scope: Scope, current: Tensor, environment: Environment) -> Tensor:
        """A layer that is the whole of its scope: a single module takes the scope's name."""
