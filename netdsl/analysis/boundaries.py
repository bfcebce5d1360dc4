"""What a shape and a number are called on both sides of a block's border.

Inside a block its input's channels are `in_channels` and its parameters have their names; outside they are
what the use gives. Formulas cross the border by substitution.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netdsl.analysis.scope import Tensor
from netdsl.analysis.values import (
    is_layer,
)
from netdsl.graph.formula import Formula, formula_of, operand, plain, traced
from netdsl.graph.graph import (
    LayerArgument,
)
from netdsl.graph.polynomial import gathered, grown
from netdsl.graph.shapes import INPUT_SIZES, Axis, Shape


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


def outside(shape: Shape, arguments: Iterable[tuple[str, Any]], input: Shape) -> Shape:
    """A block's output with the formulas of the names around its use."""
    values = {name: operand(value) for name, value in arguments if not is_layer(value)}
    values |= {INPUT_SIZES[axis.name]: operand(axis.size) for axis in input.axes if axis.name in INPUT_SIZES}

    def size(axis: Axis) -> int:
        formula = formula_of(axis.size)
        return traced(plain(axis.size), formula.substitute(values)) if formula else axis.size

    return Shape(tuple(Axis(axis.name, size(axis)) for axis in shape.axes))


def called(value: Any, name: str) -> Any:
    """A block's argument as its body calls it."""
    return value if is_layer(value) else traced(plain(value), Formula.name(name))


def as_argument(value: Any) -> Any:
    """A block's argument as the graph holds it."""
    if not is_layer(value):
        return value
    return LayerArgument(value.span.text, getattr(value, "origin", None) or None)
