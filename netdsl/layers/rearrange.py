"""`rearrange`: einops' notation over a sample's axes, read and checked before anything runs.

    "c d h w -> (c d) h w"            fold the depth into the channels
    "(g c) h w -> (c g) h w", g=4     channel shuffle
    "c (h p) (w q) -> (h w) (c p q)", p=4, q=4     patches as a sequence

Source: Rogozhnikov 2022, Einops. The module that a rearrangement becomes reads the same pattern, so that
the printed source says what the spec says, and needs no einops.
"""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Iterator, Mapping
from functools import reduce
from itertools import pairwise
from typing import NamedTuple, final

from netdsl.graph.formula import apply, times
from netdsl.graph.shapes import Axis, Shape
from netdsl.layers.dataflow import Kept, Reading, regrouped
from netdsl.layers.layer import Integer, Layer, Problem, Text, TorchArgument, TorchCall
from netdsl.layers.reshape import merged_axis, name_clash

_REARRANGE = '''\
class Rearrange(nn.Module):
    """Axes of every sample split, reordered and merged, by a pattern as in einops."""

    def __init__(self, pattern: str, /, **sizes: int) -> None:
        super().__init__()
        before, after = pattern.split("->")
        self.split, self.merged = self.axes(before), self.axes(after)
        self.sizes = sizes
        names = [name for axis in self.split for name in axis]
        self.order = [names.index(name) + 1 for axis in self.merged for name in axis]

    @staticmethod
    def axes(side: str) -> list[list[str]]:
        tokens = side.replace("(", " ( ").replace(")", " ) ").split()
        axes, is_open = [], False
        for token in tokens:
            if token in ("(", ")"):
                is_open = token == "("
                axes += [[]] if is_open else []
            elif is_open:
                axes[-1].append(token)
            else:
                axes.append([token] if token != "1" else [])
        return axes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        sizes = dict(self.sizes)
        for axis, size in zip(self.split, x.shape[1:], strict=True):
            for name in axis:
                if name not in self.sizes:
                    sizes[name] = size // math.prod(sizes.get(n, 1) for n in axis)
        parts = [sizes[name] for axis in self.split for name in axis]
        merged = [math.prod(sizes[name] for name in axis) for axis in self.merged]
        x = x.reshape(x.shape[0], *parts).permute(0, *self.order)
        return x.reshape(x.shape[0], *merged)
'''


class Pattern(NamedTuple):
    """Both sides of a pattern, each axis as the names it is made of; none for an axis of size 1."""

    left: tuple[tuple[str, ...], ...]
    right: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        return " -> ".join(" ".join(map(_spell, side)) for side in self)


def _spell(axis: tuple[str, ...]) -> str:
    return axis[0] if len(axis) == 1 else f"({' '.join(axis)})" if axis else "1"


class _Malformed(Exception):
    """A text that is not a pattern: the fact and the remedy."""


_TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|\d+|\S")


def read_pattern(text: str) -> Pattern:
    """The pattern of a text.

    >>> read_pattern("c (h p) -> (p c) h").left
    (('c',), ('h', 'p'))

    Raises:
        _Malformed: the text is not a pattern.
    """
    sides = text.split("->")
    if len(sides) != 2:
        raise _Malformed("has no `->`" if len(sides) < 2 else "has more than one `->`", _FORM)
    left, right = (_read_side(side) for side in sides)
    for side in (left, right):
        names = [name for axis in side for name in axis]
        for name in names:
            if names.count(name) > 1:
                raise _Malformed(f"names `{name}` twice on one side", "give every axis a name of its own")
    if not right:
        raise _Malformed("leaves no axes", "name the axes of the output after `->`")
    return Pattern(left, right)


_FORM = 'write it as "axes of the input -> axes of the output", such as "c d h w -> (c d) h w"'


def _read_side(side: str) -> tuple[tuple[str, ...], ...]:
    axes: list[tuple[str, ...]] = []
    group: list[str] | None = None
    for part in _TOKEN.findall(side):
        if part == "(":
            if group is not None:
                raise _Malformed("has parentheses inside parentheses", "put only names into parentheses")
            group = []
        elif part == ")":
            if group is None:
                raise _Malformed("closes a parenthesis that is not open", "open it before the first name")
            axes.append(tuple(group))
            group = None
        else:
            name = () if part == "1" else (_axis_name(part),)
            if group is None:
                axes.append(name)
            else:
                group.extend(name)
    if group is not None:
        raise _Malformed("never closes a parenthesis", "close it after the last name")
    return tuple(axes)


def _axis_name(part: str) -> str:
    if part.isdigit():
        raise _Malformed(f"has the size {part} in it", f"write a name, and give its size as `name={part}`")
    if not part.isidentifier():
        raise _Malformed(f"has `{part}` in it", "axes are names separated by spaces, parentheses join them")
    if keyword.iskeyword(part):
        raise _Malformed(f"calls an axis `{part}`, a word of Python's", "give it another name")
    return part


@final
class Rearrange(Layer):
    """Axes split, reordered and merged, by a pattern in einops' notation over the sample's axes.

    Input `(batch, …)`, output `(batch, …)`. Left of `->` stand the input's axes in their order, right the
    output's. `(h p)` is an axis made of two; sizes that the input does not tell are given by name,
    `rearrange("c (h p) w -> (c p) h w", p=2)`; `1` is an axis of size 1. In the output an axis of several is
    called `c` where `c` is among them, otherwise by the joined names.
    Source: Rogozhnikov 2022, Einops.
    """

    word = "rearrange"
    mixes_axes = True
    asks_across_axes = True
    pattern = Text(
        "the axes before and after, as einops writes them without the batch",
        example="c d h w -> (c d) h w",
    )
    extra = Integer("the size of a name in the pattern")

    def requires(self, input: Shape) -> Iterator[Problem]:
        try:
            pattern = read_pattern(self.pattern)
        except _Malformed as error:
            what, help = error.args
            yield self._problem("rearrange-pattern", f'the pattern "{self.pattern}" {what}', help)
            return
        if len(pattern.left) != input.rank:
            yield self._problem(
                "rearrange-axes",
                f'the pattern "{pattern}" begins with {len(pattern.left)} axes, the input has {input.rank}',
                f"begin with `{' '.join(input.names)}`, the batch is not written",
            )
            return
        named = [*self._unmatched_names(pattern), *self._misplaced_names(pattern, input)]
        yield from named or self._size_problems(pattern, input)
        if not named:
            help = "call one of them otherwise on both sides"
            yield from name_clash(self.word, _named_output(pattern), help)

    def _problem(self, code: str, message: str, help: str, axes: tuple[str, ...] = ()) -> Problem:
        return Problem(code, message, argument="pattern", help=help, axes=axes)

    def _unmatched_names(self, pattern: Pattern) -> Iterator[Problem]:
        left, right = ({name for axis in side for name in axis} for side in pattern)
        for name in sorted(left ^ right):
            side, other = ("left", "right") if name in left else ("right", "left")
            yield self._problem(
                "rearrange-names",
                f'the pattern "{pattern}" names `{name}` on the {side} of `->` only',
                f"name it on the {other} as well: rearranging neither drops nor adds values",
            )
        for name, _ in self.extras:
            if name not in left:
                yield Problem(
                    "rearrange-unused-size",
                    f'a size is given for `{name}`, which is not in the pattern "{pattern}"',
                    argument=name,
                    help="leave it out, or use the name in the pattern",
                )

    def _misplaced_names(self, pattern: Pattern, input: Shape) -> Iterator[Problem]:
        for own, parts in zip(input.names, pattern.left, strict=True):
            for name in parts:
                if name in input and name != own and input.names.count(name) == 1:
                    yield self._problem(
                        "rearrange-order",
                        f'the pattern "{pattern}" has `{name}` where the input has `{own}`',
                        f"begin with the input's axes in their order, `{' '.join(input.names)}`",
                    )

    def _size_problems(self, pattern: Pattern, input: Shape) -> Iterator[Problem]:
        given = dict(self.extras)
        for axis, parts in zip(input.axes, pattern.left, strict=True):
            known = math.prod(given.get(name, 1) for name in parts)
            unknown = [name for name in parts if name not in given]
            shown = _spell(parts)
            if len(unknown) > 1:
                listed = " and ".join(f"`{name}`" for name in unknown)
                yield self._problem(
                    "rearrange-sizes",
                    f"`{shown}` does not say how {axis.word} {axis.size} splits into {listed}",
                    f'give the sizes of all but one: `rearrange("{pattern}", {unknown[-1]}=2)`',
                )
            elif axis.size % known or (not unknown and known != axis.size):
                what = f"{axis.word} {axis.size}"
                split = f"split {what} as `{shown}`" if parts else f"drop {what}"
                sizes = ", ".join(f"{name}={int(given[name])}" for name in parts if name in given)
                yield self._problem(
                    "rearrange-divide",
                    f"`rearrange` cannot {split}" + (f" with {sizes}" if sizes else ": its size is not 1"),
                    f"the sizes must multiply to {axis.size}" if sizes else "name the axis",
                    (axis.name,),
                )

    def _sizes(self, pattern: Pattern, input: Shape) -> Mapping[str, int]:
        """The size of every name, for an input without problems."""
        sizes = dict(self.extras)
        for axis, parts in zip(input.axes, pattern.left, strict=True):
            known = reduce(times, [sizes[name] for name in parts if name in sizes], 1)
            for name in parts:
                if name not in sizes:
                    sizes[name] = axis.size if known == 1 else apply("//", axis.size, known)
        return sizes

    def output(self, input: Shape) -> Shape:
        pattern = read_pattern(self.pattern)
        return _named_output(pattern, self._sizes(pattern, input))

    def reads(self, input: Shape) -> tuple[Reading, ...]:
        pattern = read_pattern(self.pattern)
        output = self.output(input)
        channels = output.names.index("c") if "c" in output else None
        sizes = {name: int(size) for name, size in self._sizes(pattern, input).items()}
        return regrouped(pattern.left, pattern.right, sizes, channels)

    def keeps(self, input: Shape) -> Kept:
        return Kept()

    def is_view(self, input: Shape, training: bool) -> bool:
        """Whether what is merged stood side by side before, so that nothing need be copied."""
        pattern = read_pattern(self.pattern)
        order = [name for axis in pattern.left for name in axis]
        return all(
            order.index(second) == order.index(first) + 1
            for axis in pattern.right
            for first, second in pairwise(axis)
        )

    def torch(self, input: Shape) -> TorchCall:
        pattern = TorchArgument(None, str(read_pattern(self.pattern)))
        sizes = tuple(TorchArgument(name, size) for name, size in self.extras)
        return TorchCall("Rearrange", (pattern, *sizes), _REARRANGE)


def _named_output(pattern: Pattern, sizes: Mapping[str, int] | None = None) -> Shape:
    """The output's axes; all of size 1 where only the names are asked for."""
    axes = []
    for parts in pattern.right:
        merged = merged_axis(tuple(Axis(name, sizes[name] if sizes else 1) for name in parts))
        axes.append(merged if parts else Axis("1", 1))
    return Shape(tuple(axes))
