"""What the operators between branches require and give: `+`, `-`, `*` and `|`.

They compute no more than torch's own operators, but ask for more: equal shapes, not merely shapes that
broadcast, since a residual whose branches differ is a mistake far more often than not. Only `*` lets axes
of size 1 stretch, for gates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce

from netdsl.graph.formula import plus
from netdsl.graph.graph import MergeKind
from netdsl.graph.shapes import Axis, Shape
from netdsl.layers.layer import Problem

_CANNOT = {
    "add": "cannot add {} and {}",
    "sub": "cannot subtract {1} from {0}",
    "mul": "cannot multiply {} and {}",
    "concat": "cannot concatenate {} and {}",
}


def merge_problems(kind: MergeKind, shapes: Sequence[Shape]) -> Iterator[Problem]:
    """Everything that keeps branches from being merged, each against those before it.

    `Problem.axes` says in which axes they differ.
    """
    so_far = shapes[0]
    for shape in shapes[1:]:
        if shape.names != so_far.names:
            yield _axes_problem(kind, so_far, shape)
            continue
        if kind == "concat" and "c" not in shape:
            yield _no_channels(shape)
            continue
        differing = tuple(
            a.name for a, b in zip(so_far.axes, shape.axes, strict=True) if not _agree(kind, a, b)
        )
        if differing:
            message = _CANNOT[kind].format(so_far, shape)
            help = _remedy(kind, differing, so_far, shape)
            yield Problem(f"{kind}-shapes", message, axes=differing, help=help)
        elif kind == "mul":
            so_far = _stretched(so_far, shape)


def merge_output(kind: MergeKind, shapes: Sequence[Shape]) -> Shape:
    """The shape of merged branches, for branches without problems."""
    if kind == "concat":
        return shapes[0].with_sizes(c=reduce(plus, [shape.c for shape in shapes]))
    return reduce(_stretched, shapes) if kind == "mul" else shapes[0]


def _agree(kind: MergeKind, left: Axis, right: Axis) -> bool:
    if kind == "concat" and left.name == "c":
        return True
    return left.size == right.size or (kind == "mul" and 1 in (left.size, right.size))


def _stretched(left: Shape, right: Shape) -> Shape:
    return Shape(tuple(b if a.size == 1 else a for a, b in zip(left.axes, right.axes, strict=True)))


def _axes_problem(kind: MergeKind, left: Shape, right: Shape) -> Problem:
    message = _CANNOT[kind].format(left, right)
    named = f"their axes are `{' '.join(left.names)}` and `{' '.join(right.names)}`"
    differing = sorted({*left.names} ^ {*right.names})
    return Problem(
        "merge-axes",
        f"{message}: {named}",
        axes=tuple(differing) or left.names,
        help=_axes_remedy(kind, left, right),
    )


def _axes_remedy(kind: MergeKind, left: Shape, right: Shape) -> str:
    fewer, more = (left, right) if left.rank < right.rank else (right, left)
    if fewer.names != ("c",) or not more.channels_first:
        return "bring both to the same axes with `rearrange`"
    if kind == "mul":
        return "leave the gate's `flatten` out: `linear` acts on the channels, and axes of size 1 stretch"
    return "put `global_avgpool -> flatten` on the branch with more axes, or leave `flatten` out of the other"


def _no_channels(shape: Shape) -> Problem:
    return Problem(
        "merge-axes",
        f"branches without channels cannot be concatenated: their axes are `{' '.join(shape.names)}`",
        help="say which axis the channels are: call it `c` with `rearrange`",
    )


def _remedy(kind: MergeKind, differing: tuple[str, ...], left: Shape, right: Shape) -> str:
    """The edit that most likely makes two branches fit."""
    if kind == "concat":
        return "give the branches the same strides, and padding that keeps sizes: `padding=k//2`"
    if kind == "mul":
        end = "conv(x.c, 1)" if "c" in differing else "global_avgpool"
        return f"a gate has the sizes of what it weights, or 1: end it with `{end}`, or match the strides"
    spatial = [name for name in differing if name != "c"]
    if not spatial:
        shortcut = f"x if x.c == {right.c} else conv({right.c}, 1)"
        return f"change one branch's channels by a 1×1 convolution; for a shortcut, `{shortcut}`"
    if any(all(shape.size(name) == 1 for name in spatial) for shape in (left, right)):
        return "only `*` lets axes of size 1 stretch: write a gate by `*`, or leave the global pooling out"
    stride = _stride([(left.size(name), right.size(name)) for name in spatial])
    if stride is None:
        equal = f", and end both with {right.c} channels" if "c" in differing else ""
        return f"give both branches the same strides, and padding that keeps sizes: `padding=k//2`{equal}"
    small = left if left.size(spatial[0]) < right.size(spatial[0]) else right
    if "c" in differing:
        return f"bring the larger branch along by `conv({small.c}, 1, stride={stride})`"
    return f"match the strides: {small} is {stride} times smaller, give the other `stride={stride}` as well"


_LARGEST_STRIDE = 8
"""Beyond it, sizes differ for another reason than a forgotten stride."""


def _stride(pairs: list[tuple[int, int]]) -> int | None:
    """The stride of a 1×1 convolution that takes the larger size of every pair to the smaller."""
    small, large = sorted(pairs[0])
    stride = -(-large // small)
    if stride > _LARGEST_STRIDE:
        return None
    fits = all(-(-max(pair) // stride) == min(pair) and min(pair) != max(pair) for pair in pairs)
    return stride if fits and len({a < b for a, b in pairs}) == 1 else None
