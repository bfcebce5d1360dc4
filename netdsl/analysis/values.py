"""What an expression is worth: a number, text, a list, or a layer that waits for its input.

A layer's value is closed: its arguments are evaluated and its names looked up; only the tensor is missing.
Values compare by meaning, not by place, so that two uses of a block with equal arguments are one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from netdsl.diagnostics import Span
from netdsl.graph.formula import Formula
from netdsl.graph.graph import MergeKind
from netdsl.language import syntax
from netdsl.layers.layer import Layer
from netdsl.records import record, replace, value_record

if TYPE_CHECKING:
    from netdsl.analysis.environment import Environment
    from netdsl.analysis.scope import Tensor


class Unknown:
    """The value of what is wrong and reported already; everything computed from it is unknown as well."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


class _Layer:
    """What all values have in common that stand for layers."""


@value_record(ignoring=("span",))
class BrokenValue(_Layer):
    """In the place of a layer: what is wrong and reported already. What comes out of it is in doubt."""

    span: Span


@value_record(ignoring=("spans", "span"))
class LayerUse(_Layer):
    """A layer, block or shared module with its arguments."""

    target: type[Layer] | syntax.Block
    layer: Layer | None
    """The bound layer, where the target is one and its arguments are right."""
    arguments: tuple[tuple[str, Any], ...] | None
    """The values of a block's parameters; None where they are wrong."""
    spans: Mapping[str, Span]
    """Where each argument stands."""
    label: str
    """The module's name in its scope."""
    span: Span
    bare: bool = False
    """Whether it is a name without arguments, which may still be called."""
    is_shared: bool = False
    origin: str | None = None
    """The parameter it came through."""
    kinds: Any = None
    """The types of the arguments' numbers: uses are equal where these are, too."""


@value_record(ignoring=("span",))
class ChainValue(_Layer):
    """Layers one after another."""

    steps: tuple[LayerValue, ...]
    span: Span


@value_record(ignoring=("span",))
class MergeValue(_Layer):
    """Branches on the same input, added, subtracted, multiplied or concatenated."""

    kind: MergeKind
    branches: tuple[LayerValue, ...]
    label: str
    span: Span


@value_record(ignoring=("span",))
class FanValue(_Layer):
    """The branches of an unrolled `concat(… for …)`, numbered from 0."""

    kind: MergeKind
    elements: tuple[LayerValue, ...]
    label: str
    span: Span


@value_record(ignoring=("span", "count_span"))
class RepeatValue(_Layer):
    """`layer * count`."""

    body: LayerValue
    count: int
    label: str
    span: Span
    count_span: Span


@value_record(ignoring=("span",))
class SeriesValue(_Layer):
    """The layers of an unrolled table, numbered from 0."""

    elements: tuple[LayerValue, ...]
    label: str
    span: Span


@value_record(ignoring=("span",))
class ChoiceValue(_Layer):
    """`a if condition else b` between layers, decided by a condition that the block's parameters set."""

    condition: Formula
    taken: bool
    body: LayerValue
    span: Span


@value_record(ignoring=("span",))
class ScopedValue(_Layer):
    """A compound layer that came through a parameter: it gets a scope of its own."""

    body: LayerValue
    label: str
    span: Span
    origin: str | None


@value_record(ignoring=("span",))
class InputValue(_Layer):
    """`x`, as a layer: the tensor that entered the block."""

    tensor: Tensor
    span: Span


@value_record(ignoring=("span",))
class IdentityValue(_Layer):
    """`id`: the current tensor."""

    span: Span


@record
class RecallValue(_Layer):
    """`from(name)`: looked up when it is applied, since stages are named as they are passed."""

    name: str
    span: Span
    environment: Environment


@record
class StagesValue(_Layer):
    """Named steps; each is evaluated when it is reached."""

    stages: syntax.Stages
    environment: Environment

    @property
    def span(self) -> Span:
        return self.stages.span


LayerValue = (
    BrokenValue
    | LayerUse
    | ChainValue
    | MergeValue
    | FanValue
    | RepeatValue
    | SeriesValue
    | ChoiceValue
    | ScopedValue
    | InputValue
    | IdentityValue
    | RecallValue
    | StagesValue
)


def is_layer(value: Any) -> bool:
    return isinstance(value, _Layer)


def relabelled(value: LayerValue, label: str, span: Span, origin: str | None) -> LayerValue:
    """A layer as it is called where it is used: by the parameter it came through."""
    if isinstance(value, LayerUse):
        return replace(value, label=label, span=span, origin=origin)
    if isinstance(value, RepeatValue | SeriesValue | FanValue):
        return replace(value, label=label, span=span)
    if isinstance(value, InputValue | IdentityValue | RecallValue | BrokenValue):
        return value
    if isinstance(value, ScopedValue):
        return replace(value, label=label, span=span, origin=origin)
    return ScopedValue(value, label, span, origin)


def describe(value: Any) -> str:
    """What kind of thing a value is, for a message."""
    if is_layer(value):
        return "a layer"
    if isinstance(value, str):
        return f'the text "{value}"'
    if isinstance(value, tuple):
        return "a list" if value else "an empty list"
    if value is None:
        return "none"
    return f"the number {value!r}" if not isinstance(value, bool) else f"`{str(value).lower()}`"
