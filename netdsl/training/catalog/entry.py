"""What a word of a recipe is, and the kinds of arguments that only recipes have."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from netdsl.graph.formula import plain
from netdsl.layers.arguments import REQUIRED, Argument
from netdsl.records import record

Arguments = Mapping[str, Argument[Any]]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(plain(value), bool)


class Pair(Argument[Any]):
    """Two numbers within bounds, both included unless `below` is given in the place of `maximum`."""

    def __init__(
        self,
        about: str,
        default: Any = REQUIRED,
        *,
        minimum: float = 0.0,
        maximum: float = math.inf,
        below: float | None = None,
        ascending: bool = True,
    ) -> None:
        super().__init__(about, default)
        self.minimum, self.maximum, self.below, self.ascending = minimum, maximum, below, ascending

    @property
    def expects(self) -> str:
        upper = f" to {self.maximum:g}" if self.maximum != math.inf else ""
        upper = f" to below {self.below:g}" if self.below is not None else upper
        return f"a list of two numbers from {self.minimum:g}{upper}{', the smaller first' * self.ascending}"

    def _read(self, value: Any) -> Any:
        if not isinstance(value, tuple) or len(value) != 2 or not all(map(_is_number, value)):
            raise self._refuse_type()
        below = math.inf if self.below is None else self.below
        if not all(self.minimum <= item <= self.maximum and item < below for item in value):
            raise self._refuse_range()
        if self.ascending and value[0] > value[1]:
            raise self._refuse_range()
        return value


class Size(Argument[Any]):
    """A number of pixels, or `[height, width]`."""

    @property
    def expects(self) -> str:
        return "a number of pixels from 1, or a list `[height, width]`"

    def _read(self, value: Any) -> Any:
        items = value if isinstance(value, tuple) else (value,)
        if len(items) not in (1, 2) or not all(_is_number(i) and isinstance(i, int) for i in items):
            raise self._refuse_type()
        if not all(1 <= item <= LARGEST_SIZE for item in items):
            raise self._refuse_range()
        return value


LARGEST_SIZE = 2**14
"""The longest side of an image, in pixels."""


class Statistic(Argument[Any]):
    """A figure for each channel, or the word for the data set's own."""

    def __init__(self, about: str, own: str, *, above: float = -math.inf) -> None:
        super().__init__(about, own)
        self.above = above

    @property
    def expects(self) -> str:
        above = f" above {self.above:g}" if self.above != -math.inf else ""
        return f"`{self.default}`, the data set's own, or a list with a number{above} for each channel"

    def _read(self, value: Any) -> Any:
        if value == self.default:
            return value
        items = value if isinstance(value, tuple) else (value,)
        if not items or not all(map(_is_number, items)):
            raise self._refuse_type()
        if not all(self.above < item < math.inf for item in items):
            raise self._refuse_range()
        return items


class Strength(Argument[Any]):
    """A standard deviation in grey levels, or the smallest and the largest."""

    @property
    def expects(self) -> str:
        return "a number from 0 to 255, or a list of two, the smaller first"

    def _read(self, value: Any) -> Any:
        items = value if isinstance(value, tuple) else (value,)
        if len(items) not in (1, 2) or not all(map(_is_number, items)):
            raise self._refuse_type()
        if not all(0 <= item <= 255 for item in items) or list(items) != sorted(items):
            raise self._refuse_range()
        return value


@record
class Entry:
    """A word of a recipe."""

    about: str
    """A sentence for the documentation."""
    arguments: Arguments
    """What it takes, in order."""
