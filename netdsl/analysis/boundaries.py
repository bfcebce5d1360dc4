"""What a shape and a number are called on both sides of a block's border.

Inside a block its input's channels are `in_channels` and its parameters have their names; outside they are
what the use gives. Formulas cross the border by substitution.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from netdsl.analysis.scope import Tensor
from netdsl.analysis.values import LayerValue, is_layer
from netdsl.graph.formula import Formula, TracedBool, formula_of, operand, plain, resting, traced
from netdsl.graph.graph import (
    LayerArgument,
)
from netdsl.graph.polynomial import gathered, grown
from netdsl.graph.shapes import INPUT_SIZES, Axis, Shape, captured_names
from netdsl.layers.layer import Layer


def short_formulas(shape: Shape) -> Shape:
    """The shape with short formulas: repeats would pile up their terms."""
    return Shape(tuple(Axis(axis.name, gathered(axis.size)) for axis in shape.axes))


def grown_shape(before: Shape, once: Shape, after: Shape, count: int) -> Shape:
    """The shape behind repeats that differ, its formulas in terms of their count where each adds the same."""
    if not before.names == once.names == after.names:
        return after
    sizes = zip(before.sizes, once.sizes, after.sizes, strict=True)
    return Shape.named(after.names, (grown(*three, count) for three in sizes))


def same_facts(left: Tensor, right: Tensor) -> bool:
    """Whether two tensors have one shape, with the same formulas: then so has every further repeat."""

    def facts(tensor: Tensor) -> list[Any]:
        return [(axis, formula_of(axis.size)) for axis in tensor.known.axes]

    return facts(left) == facts(right) and left.doubt == right.doubt


def inside(shape: Shape) -> Shape:
    """A block's input as its own formulas call it."""
    return Shape(
        tuple(
            Axis(axis.name, traced(plain(axis.size), Formula.name(INPUT_SIZES[axis.name])))
            if axis.name in INPUT_SIZES
            else Axis(axis.name, plain(axis.size))
            for axis in shape.axes
        )
    )


def outside(shape: Shape, arguments: Iterable[tuple[str, Any]], inputs: Sequence[Shape]) -> Shape:
    """A block's output with the formulas of the names around its use.

    Args:
        inputs: what enters the block, then what it captures.
    """
    values = {name: _outer_name(value) if is_layer(value) else operand(value) for name, value in arguments}
    for number, input in enumerate(inputs):
        names = captured_names(number) if number else INPUT_SIZES
        values |= {names[axis.name]: operand(axis.size) for axis in input.axes if axis.name in names}

    def size(axis: Axis) -> int:
        formula = formula_of(axis.size)
        return traced(plain(axis.size), formula.substitute(values)) if formula else axis.size

    return Shape(tuple(Axis(axis.name, size(axis)) for axis in shape.axes))


def _outer_name(layer: LayerValue) -> Formula | None:
    """The parameter around a use that a layer was handed on from."""
    origin = getattr(layer, "origin", None)
    return Formula.name(origin) if origin else None


def resting_on_choices(layer: Layer, origin: str | None, input: Shape, output: Shape) -> Shape:
    """A layer's output whose changed sizes remember what else they rest on: a parameter that the layer came
    through, and switches such as `ceil_mode`."""
    switches = [value for _, value in layer.values if isinstance(value, TracedBool)]
    reasons = [*switches, *([Formula.name(origin)] if origin else [])]
    if not reasons:
        return output
    kept = set(input.axes)

    def size(axis: Axis) -> int:
        number: int = plain(axis.size)
        return axis.size if axis in kept else traced(number, resting(number, axis.size, *reasons))

    return Shape(tuple(Axis(axis.name, size(axis)) for axis in output.axes))


def under(condition: Formula, shape: Shape) -> Shape:
    """What a condition lets through, with the sizes that it demands for those that came in.

    `x if x.c == c else conv(c, 1)` gives `c` channels either way.
    """
    parts = condition.operands if condition.operator == "and" else (condition,)
    demanded: dict[str, Any] = {}
    for part in parts:
        if isinstance(part, Formula) and part.operator == "==":
            for left, right in (part.operands, part.operands[::-1]):
                name = str(left)
                if name in INPUT_SIZES.values() and not _speaks_of_input(right):
                    demanded[name] = right

    def size(axis: Axis) -> int:
        formula = formula_of(axis.size)
        return axis.size if formula is None else traced(plain(axis.size), formula.substitute(demanded))

    return Shape(tuple(Axis(axis.name, size(axis)) for axis in shape.axes)) if demanded else shape


def _speaks_of_input(value: Any) -> bool:
    return isinstance(value, Formula) and not value.names().isdisjoint(INPUT_SIZES.values())


def called(value: Any, name: str) -> Any:
    """A block's argument as its body calls it."""
    return value if is_layer(value) else traced(plain(value), Formula.name(name))


def as_argument(value: Any) -> Any:
    """A block's argument as the graph holds it."""
    if not is_layer(value):
        return value
    return LayerArgument(value.span.text, getattr(value, "origin", None) or None)
