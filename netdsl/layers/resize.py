"""Layers that give the spatial axes another size without weights: enlarging, padding and cropping."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import reduce
from typing import TYPE_CHECKING, final

from netdsl.graph.formula import formula_of, items, plus, times
from netdsl.graph.shapes import Shape
from netdsl.layers.dataflow import LONGEST_PERIOD, WHOLE, Kept, Reading, binned, sliding
from netdsl.layers.layer import (
    Argument,
    Boolean,
    Choice,
    FactorPerAxis,
    Integers,
    Layer,
    PerAxis,
    Problem,
    Real,
    TorchArgument,
    TorchCall,
)
from netdsl.layers.pooling import averages_keep

if TYPE_CHECKING:
    from fractions import Fraction

_CENTER_CROP = '''\
class CenterCrop(nn.Module):
    """The middle of the spatial axes, one size for each."""

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self.sizes = sizes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for dim, size in zip(range(2, x.dim()), self.sizes, strict=True):
            x = x.narrow(dim, (x.shape[dim] - size) // 2, size)
        return x
'''

_CONSTANT_PAD = '''\
class ConstantPad(nn.Module):
    """A constant around the last axes: before and behind each, the last one first."""

    def __init__(self, *padding: int, value: float = 0.0) -> None:
        super().__init__()
        self.padding, self.value = padding, value

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.pad(x, self.padding, value=self.value)
'''

_MODE_AXES = {
    "nearest": (1, 2, 3),
    "linear": (1,),
    "bilinear": (2,),
    "bicubic": (2,),
    "trilinear": (3,),
    "area": (1, 2, 3),
    "nearest-exact": (1, 2, 3),
}
"""How many spatial axes each of torch's interpolations is for."""

_LINEAR = ("linear", "bilinear", "trilinear")
"""Linear interpolation, by the number of axes."""
_CORNER_MODES = ("linear", "bilinear", "bicubic", "trilinear")


@final
class Upsample(Layer):
    """The spatial axes enlarged, or made smaller, by interpolation.

    Input `(batch, channels, *spatial)`, output `(batch, channels, *size)`; with a factor, every axis is
    multiplied by it and rounded down.
    """

    word = "upsample"
    spatial = (1, 2, 3)
    size = PerAxis("the output's sizes; give this or `scale_factor`", None)
    scale_factor = FactorPerAxis("how much larger the axes become", None)
    mode = Choice("the interpolation", "nearest", options=tuple(_MODE_AXES))
    align_corners: Argument[bool | None] = Boolean("whether the corners' centres stay where they are", None)

    def requires(self, input: Shape) -> Iterator[Problem]:
        if (self.size is None) == (self.scale_factor is None):
            given = "neither a size nor a factor" if self.size is None else "a size and a factor"
            yield Problem(
                "upsample-size",
                f"`upsample` is given {given}",
                argument=None if self.size is None else "size",
                help="give one of them: `upsample(scale_factor=2)`, or `upsample([56, 56])`",
            )
        else:
            yield from self._size_problems(input)
        yield from self._mode_problems(input)

    def _size_problems(self, input: Shape) -> Iterator[Problem]:
        for axis, size in zip(input.spatial, self._sizes(input), strict=True):
            if size < 1:
                yield Problem(
                    "upsample-to-nothing",
                    f"nothing is left of {axis.word} {axis.size} by `{self!r}`",
                    argument="scale_factor",
                    axes=(axis.name,),
                    help=f"use a factor of at least 1 / {axis.size}",
                )

    def _mode_problems(self, input: Shape) -> Iterator[Problem]:
        count = len(input.spatial)
        fitting = [mode for mode, axes in _MODE_AXES.items() if count in axes]
        linear = next((mode for mode in _LINEAR if mode in fitting), None)
        if self.mode not in fitting:
            yield Problem(
                "upsample-mode",
                f'mode "{self.mode}" is not for {count} spatial {"axis" if count == 1 else "axes"}',
                argument="mode",
                help=f"use one of {', '.join(fitting)}",
                instead=(("mode", f'"{linear}"'),) if linear and self.mode in _LINEAR else (),
            )
        if self.align_corners is not None and self.mode not in _CORNER_MODES:
            yield Problem(
                "align-corners",
                f'`align_corners` means nothing to mode "{self.mode}"',
                argument="align_corners",
                help=f"leave it out, or use one of {', '.join(m for m in _CORNER_MODES if m in fitting)}",
            )

    def _sizes(self, input: Shape) -> list[int]:
        if self.size is not None:
            return list(self.each(self.size, input))
        factors = self.each(self.scale_factor, input)
        return [
            times(axis.size, factor) if isinstance(factor, int) else math.floor(axis.size * factor)
            for axis, factor in zip(input.spatial, factors, strict=True)
        ]

    def output(self, input: Shape) -> Shape:
        return input.with_spatial(self._sizes(input))

    def reads(self, input: Shape) -> tuple[Reading, ...]:
        pairs = enumerate(zip(input.spatial, self.output(input).spatial, strict=True), 1)
        factors = self.each(self.scale_factor, input)
        return (
            Reading(0),
            *(self._reading(axis, a.size, b.size, factors[axis - 1]) for axis, (a, b) in pairs),
        )

    def _reading(self, axis: int, inputs: int, outputs: int, factor: float | None) -> Reading:
        from fractions import Fraction  # its import alone takes 2 ms, and few ask for this

        if self.mode == "area":
            return binned(axis, inputs, outputs)
        ratio = Fraction(inputs, outputs) if factor is None else 1 / Fraction(str(factor))
        if self.align_corners:
            ratio = Fraction(inputs - 1, max(1, outputs - 1))
        if ratio.denominator > LONGEST_PERIOD:
            return WHOLE
        places = [self._place(p, ratio) for p in range(ratio.denominator)]
        offsets = tuple(self._around(math.floor(place), place % 1 == 0) for place in places)
        return Reading(axis, ratio.denominator, ratio.numerator, offsets)

    def _place(self, unit: int, ratio: Fraction) -> Fraction:
        """Where a unit of the output lies among the input's."""
        if self.mode == "nearest" or self.align_corners:
            return unit * ratio
        middle = (2 * unit + 1) * ratio / 2
        return middle if self.mode == "nearest-exact" else (2 * middle - 1) / 2

    def _around(self, before: int, is_exact: bool) -> range:
        """The units that count at a place; where it is a unit's own, the others have no weight."""
        if is_exact or self.mode in ("nearest", "nearest-exact"):
            return range(before, before + 1)
        return range(before - 1, before + 3) if self.mode == "bicubic" else range(before, before + 2)

    def keeps(self, input: Shape) -> Kept:
        return averages_keep(self.output(input)) if self.mode == "area" else Kept()

    def torch(self, input: Shape) -> TorchCall:
        return TorchCall("nn.Upsample", self.torch_arguments("size", "scale_factor", "mode", "align_corners"))


@final
class Pad(Layer):
    """Values added around the spatial axes, and channels of a constant.

    Input `(batch, channels, *spatial)`, output the same with larger axes. `pad(channels=[0, 16])` adds 16
    channels of zeros behind, so that a shortcut fits without weights (He et al. 2015, Deep Residual Learning
    for Image Recognition, option A).
    """

    word = "pad"
    spatial = (1, 2, 3)
    padding = Integers(
        "how many on all sides; or a list of pairs, before and behind, the last axis first", 0, single=True
    )
    mode = Choice("what the values are", "constant", options=("constant", "reflect", "replicate", "circular"))
    value = Real("the constant", 0.0)
    channels = Integers("how many channels before and behind, each; or a list of the two", 0, single=True)

    def requires(self, input: Shape) -> Iterator[Problem]:
        sides = 2 * len(input.spatial)
        if isinstance(self.padding, tuple) and len(self.padding) != sides:
            yield Problem(
                "pad-length",
                f"`padding` has {len(self.padding)} values, the input {input} has {sides} sides",
                argument="padding",
                help=f"give {sides}, pairs of before and behind with the last axis first, or one for all",
            )
            return
        yield from self._mode_problems()
        yield from self._channel_problems()
        yield from self._reach_problems(input)

    def _mode_problems(self) -> Iterator[Problem]:
        if self.value != 0 and self.mode != "constant":
            yield Problem(
                "pad-value",
                f'`value` means nothing to mode "{self.mode}"',
                argument="value",
                help='leave it out, or use mode "constant"',
            )

    def _channel_problems(self) -> Iterator[Problem]:
        if isinstance(self.channels, tuple) and len(self.channels) != 2:
            yield Problem(
                "pad-channels",
                f"`channels` has {len(self.channels)} {'value' if len(self.channels) == 1 else 'values'}, "
                "it takes 2",
                argument="channels",
                help="give how many before and how many behind, or one number for both",
            )
        elif self._adds_channels and self.mode != "constant":
            yield Problem(
                "pad-channels",
                f'mode "{self.mode}" cannot add channels',
                argument="channels",
                help='leave them out, or use mode "constant"',
            )

    @property
    def _adds_channels(self) -> bool:
        return any(map(_is_counted, self._beside()))

    def _beside(self) -> tuple[int, int]:
        """The channels added before and behind."""
        count = self.channels
        before, behind = items(count) if isinstance(count, tuple) else (count, count)
        return before, behind

    def _reach_problems(self, input: Shape) -> Iterator[Problem]:
        for axis, sides in zip(input.spatial, self._sides(input), strict=True):
            most = max(sides)
            limit = {"reflect": axis.size - 1, "circular": axis.size}.get(self.mode)
            if limit is not None and most > limit:
                yield Problem(
                    "padding-too-large",
                    f'mode "{self.mode}" can add at most {limit} to {axis.word} {axis.size}, not {most}',
                    argument="padding",
                    axes=(axis.name,),
                    help=f"use a padding of at most {limit}, or another mode",
                )

    def _sides(self, input: Shape) -> list[tuple[int, int]]:
        """What is added before and behind each spatial axis, in the order of the axes."""
        count = len(input.spatial)
        given = self.padding if isinstance(self.padding, tuple) else (self.padding,) * (2 * count)
        return [(given[2 * i], given[2 * i + 1]) for i in reversed(range(count))]

    def output(self, input: Shape) -> Shape:
        sides = zip(input.spatial, self._sides(input), strict=True)
        spatial = (axis.size + before + behind for axis, (before, behind) in sides)
        return input.with_spatial(spatial, reduce(plus, filter(_is_counted, self._beside()), input.c))

    def reads(self, input: Shape) -> tuple[Reading, ...]:
        sides = enumerate(self._sides(input), 1)
        return (Reading(0), *(sliding(axis, 1, 1, 1, before) for axis, (before, _) in sides))

    def keeps(self, input: Shape) -> Kept:
        return Kept(input=self.mode in ("reflect", "replicate"))

    def torch(self, input: Shape) -> TorchCall:
        rank = f"{len(input.spatial)}d"
        padding = TorchArgument(None, self.padding)
        if self.mode != "constant":
            kind = {"reflect": "Reflection", "replicate": "Replication", "circular": "Circular"}[self.mode]
            return TorchCall(f"nn.{kind}Pad{rank}", (padding,))
        if self._adds_channels:
            pairs = (*reversed(self._sides(input)), self._beside())
            each = tuple(TorchArgument(None, count) for pair in pairs for count in pair)
            return TorchCall("ConstantPad", (*each, *self.torch_arguments("value")), _CONSTANT_PAD)
        if self.value == 0 and formula_of(self.value) is None:
            return TorchCall(f"nn.ZeroPad{rank}", (padding,))
        return TorchCall(f"nn.ConstantPad{rank}", (padding, TorchArgument(None, self.value)))


def _is_counted(count: int) -> bool:
    """Whether there is something to add, or there may be: a block's parameter says how much."""
    return count != 0 or formula_of(count) is not None


@final
class Crop(Layer):
    """The middle of the spatial axes, as U-Net takes it before it joins what it kept.

    Input `(batch, channels, *spatial)`, output `(batch, channels, *size)`; where an odd number is to go, the
    far side loses one more. Source: Ronneberger et al. 2015, U-Net.
    """

    word = "crop"
    spatial = (1, 2, 3)
    size = PerAxis("the output's sizes")

    def requires(self, input: Shape) -> Iterator[Problem]:
        for axis, size in zip(input.spatial, self.each(self.size, input), strict=True):
            if size > axis.size:
                yield Problem(
                    "crop-larger-than-input",
                    f"`crop` cannot take {size} of {axis.word} {axis.size}",
                    argument="size",
                    axes=(axis.name,),
                    help=f"use a size of at most {axis.size}; `pad` and `upsample` make an axis larger",
                )

    def output(self, input: Shape) -> Shape:
        return input.with_spatial(self.each(self.size, input))

    def reads(self, input: Shape) -> tuple[Reading, ...]:
        pairs = enumerate(zip(input.spatial, self.each(self.size, input), strict=True), 1)
        return (
            Reading(0),
            *(sliding(axis, 1, 1, 1, -((whole.size - size) // 2)) for axis, (whole, size) in pairs),
        )

    def keeps(self, input: Shape) -> Kept:
        return Kept()

    def is_view(self, input: Shape, training: bool) -> bool:
        return True

    def torch(self, input: Shape) -> TorchCall:
        sizes = tuple(TorchArgument(None, size) for size in self.each(self.size, input))
        return TorchCall("CenterCrop", sizes, _CENTER_CROP)
