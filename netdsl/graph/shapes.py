"""Shapes whose axes have names.

A sample's shape, without the batch: `c h w` of sizes 64, 56, 56. Names let `x.c` find the channels
wherever they stand, and let a message speak of height and width.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from netdsl.records import value_record

SPATIAL_NAMES = {0: (), 1: ("w",), 2: ("h", "w"), 3: ("d", "h", "w")}
"""The names of the axes behind the channels, by their number."""

INPUT_SIZES = {"c": "in_channels", "d": "in_depth", "h": "in_height", "w": "in_width"}
"""What a block's formulas call the sizes of its input, by axis."""

WORDS = {"c": "channels", "d": "depth", "h": "height", "w": "width"}
"""What an axis is called in a sentence."""


def captured_names(number: int) -> dict[str, str]:
    """The same for a tensor from around the block, its input of that number. It is no identifier: no spec
    can call something so, and no source can print it."""
    return {axis: f"{word} of input {number}" for axis, word in WORDS.items()}


class Axis(NamedTuple):
    """One axis of a shape."""

    name: str
    """`c`, `d`, `h`, `w`, or another name that `rearrange` gave."""
    size: int
    """The number of elements along it; it may carry its formula."""

    @property
    def word(self) -> str:
        """The axis' name in a sentence."""
        return WORDS.get(self.name, f"axis `{self.name}`")


@value_record()
class Shape:
    """The axes of a sample in order."""

    axes: tuple[Axis, ...]

    @staticmethod
    def of(*sizes: int) -> Shape:
        """The shape `[C, *spatial]` of one to four sizes.

        >>> Shape.of(3, 224, 224)
        c3×h224×w224
        """
        return Shape.named(("c", *SPATIAL_NAMES[len(sizes) - 1]), sizes)

    @staticmethod
    def named(names: Iterable[str], sizes: Iterable[int]) -> Shape:
        return Shape(tuple(Axis(name, size) for name, size in zip(names, sizes, strict=True)))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(axis.name for axis in self.axes)

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(axis.size for axis in self.axes)

    @property
    def rank(self) -> int:
        return len(self.axes)

    @property
    def elements(self) -> int:
        """The number of values in one sample."""
        return math.prod(self.sizes)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def size(self, name: str) -> int:
        """The size of the axis of that name; KeyError where there is none."""
        for axis in self.axes:
            if axis.name == name:
                return axis.size
        raise KeyError(name)

    @property
    def c(self) -> int:
        """The channels; KeyError where no axis is called `c`."""
        return self.size("c")

    @property
    def channels_first(self) -> bool:
        """Whether the channels stand first, where torch's convolutions want them."""
        return bool(self.axes) and self.axes[0].name == "c"

    @property
    def spatial(self) -> tuple[Axis, ...]:
        """The axes behind the channels of a channels-first shape."""
        return self.axes[1:]

    def with_sizes(self, **sizes: int) -> Shape:
        """The same axes, some with other sizes."""
        return Shape(tuple(Axis(axis.name, sizes.get(axis.name, axis.size)) for axis in self.axes))

    def with_spatial(self, sizes: Iterable[int], channels: int | None = None) -> Shape:
        """A channels-first shape with other spatial sizes and, where given, other channels."""
        spatial = tuple(Axis(axis.name, size) for axis, size in zip(self.spatial, sizes, strict=True))
        return Shape((Axis("c", self.c if channels is None else channels), *spatial))

    def __str__(self) -> str:
        """The sizes as people write them: `64×56×56`."""
        return "×".join(str(int(size)) for size in self.sizes)

    def __repr__(self) -> str:
        return "×".join(f"{axis.name}{int(axis.size)}" for axis in self.axes)
