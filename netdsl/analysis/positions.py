"""Which positions of a source each unit of a value depends on, along one axis: exact, and of any period.

A unit is a position of the value with all of its channels. Most often the positions move along with the
units: unit `period * m + r` depends on `step * m + s` for every s in `sets[r]`. A period above 1 comes from
upsampling and transposed convolution; gaps in the sets from dilation and from strides wider than windows.

    conv(8, 3, stride=2) -> upsample(scale_factor=2)   period 2, step 2, sets {0, 1, 2} and {0, 1, 2}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from netdsl.graph.shapes import Shape
from netdsl.layers.dataflow import Reading
from netdsl.records import record

MOST_UNITS = 2**12
"""Units of a period that are told apart; beyond it, positions are given for the whole axis at once."""

MOST_POSITIONS = 2**20
"""Positions that a layer's window reads; beyond it, the window counts as the whole axis."""

MOST_WORK = 2**32
"""Bits that may be touched to find one value's positions; beyond it, they are given for the whole axis."""


class Set(NamedTuple):
    """A finite set of whole numbers: `low + i` for every bit i of `bits`."""

    low: int
    bits: int

    @property
    def high(self) -> int:
        return self.low + self.bits.bit_length() - 1

    def __or__(self, other: Set) -> Set:
        if not (self.bits and other.bits):
            return self if self.bits else other
        low = min(self.low, other.low)
        return Set(low, self.bits << (self.low - low) | other.bits << (other.low - low))

    def moved(self, by: int) -> Set:
        return Set(self.low + by, self.bits)

    def numbers(self) -> Iterator[int]:
        """Its members in order."""
        return (self.low + place for place, bit in enumerate(reversed(f"{self.bits:b}")) if bit == "1")

    @staticmethod
    def of(numbers: Sequence[int]) -> Set:
        """The set of numbers that are given in order."""
        if not numbers:
            return Set(0, 0)
        low = numbers[0]
        bits = bytearray((numbers[-1] - low) // 8 + 1)
        for number in numbers:
            bits[(number - low) // 8] |= 1 << (number - low) % 8
        return Set(low, int.from_bytes(bits, "little"))


class Span(NamedTuple):
    """Positions from `first` to `last`, both included."""

    first: int
    last: int

    @staticmethod
    def around(spans: Iterable[Span | None]) -> Span | None:
        """The smallest span that holds all of them."""
        known = [span for span in spans if span is not None]
        return Span(min(s.first for s in known), max(s.last for s in known)) if known else None


@record
class Moving:
    """Positions that move along with the units of an axis."""

    axis: int
    """The value's axis."""
    period: int
    step: int
    sets: tuple[Set, ...]
    is_table: bool = False
    """Whether the sets are those of all units there are, because they follow no short period."""

    @property
    def is_identity(self) -> bool:
        """Whether each unit depends on its own position, as most layers have it."""
        return self.sets == (Set(0, 1),) and self.step == 1 and not self.is_table

    def at(self, unit: int) -> Set:
        """What a unit depends on; of a table, nothing where there is no such unit."""
        if self.is_table:
            return self.sets[unit] if 0 <= unit < self.period else Set(0, 0)
        times, phase = divmod(unit, self.period)
        return self.sets[phase].moved(self.step * times)

    def of_all(self, first: int, last: int, size: int) -> Span | None:
        """The span of what the units from `first` to `last` depend on, of the positions that there are.

        Args:
            size: how many positions the source's axis has.
        """
        spans = []
        for phase, found in enumerate(self.sets):
            least, most = -((phase - first) // self.period), (last - phase) // self.period
            if found.bits and least <= most:
                spans.append(self._within(found, least, most, size))
        return Span.around(spans)

    def _within(self, found: Set, least: int, most: int, size: int) -> Span | None:
        ends = Span(found.low + self.step * least, found.high + self.step * most)
        if ends.first >= 0 and ends.last < size:
            return ends
        return Span.around(_clipped(n, self.step, least, most, size) for n in found.numbers())


def _clipped(number: int, step: int, least: int, most: int, size: int) -> Span | None:
    """The span of `number + step * m` for m from `least` to `most`, inside of an axis."""
    if step:
        least, most = max(least, -(number // step)), min(most, (size - 1 - number) // step)
    span = Span(number + step * least, number + step * most)
    return span if least <= most and span.first >= 0 and span.last < size else None


@record
class Dependence:
    """What the units of a value depend on, along one axis of a source."""

    size: int
    """How many positions the source's axis has."""
    moving: Moving | None
    fixed: Span | None = None
    """Positions that every unit depends on, wherever it stands."""

    @staticmethod
    def on_itself(axis: int, size: int) -> Dependence:
        """Each unit on its own position."""
        return Dependence(size, Moving(axis, 1, 1, (Set(0, 1),)))

    @staticmethod
    def of(reading: Reading, size: int) -> Dependence:
        """What a layer's output depends on in an axis of its input."""
        if reading.axis is None or sum(map(len, reading.offsets)) > MOST_POSITIONS:
            return Dependence(size, None, Span(0, size - 1))
        sets = tuple(map(Set.of, reading.offsets))
        return Dependence(size, Moving(reading.axis, reading.period, reading.step, sets))

    def seen_by_all(self, first: int, last: int) -> Dependence:
        """The same where every unit sees what the units from `first` to `last` see."""
        if self.moving is None:
            return self
        every = self.moving.of_all(first, last, self.size)
        return Dependence(self.size, None, Span.around([self.fixed, every]))

    def after(self, first: Dependence, output: Shape) -> Dependence:
        """What this is on a source, where the axis that this is about depends on the source as `first` says.

        Args:
            output: the shape of the value whose units these are.
        """
        found = Dependence(first.size, None, first.fixed)
        if self.fixed is not None:
            found = first.seen_by_all(*self.fixed)
        if self.moving is None or first.moving is None:
            return found
        moving = _composed(self.moving, first.moving, output.sizes[self.moving.axis])
        if moving is None:
            return first.seen_by_all(0, self.size - 1)
        return Dependence(first.size, moving, found.fixed)


def joined(found: Sequence[Dependence], output: Shape) -> Dependence:
    """What depends on all of them, for values of one shape."""
    if len(found) == 1:
        return found[0]
    size = found[0].size
    fixed = Span.around(one.fixed for one in found)
    moving = [one.moving for one in found if one.moving is not None]
    if not moving:
        return Dependence(size, None, fixed)
    together = moving[0]
    for one in moving[1:]:
        both = _either(together, one, output.sizes[one.axis])
        if both is None:
            every = [m.of_all(0, output.sizes[m.axis] - 1, size) for m in moving]
            return Dependence(size, None, Span.around([fixed, *every]))
        together = both
    return Dependence(size, together, fixed)


def _composed(second: Moving, first: Moving, units: int) -> Moving | None:
    """What units depend on by way of positions that themselves depend on others; None where that is too much.

    Args:
        units: how many units there are.
    """

    if second.is_identity:
        return Moving(second.axis, first.period, first.step, first.sets, first.is_table)
    if first.is_identity:
        return second

    def seen(unit: int) -> Set:
        found = Set(0, 0)
        for position in second.at(unit).numbers():
            found |= first.at(position)
        return found

    times = first.period // math.gcd(second.step, first.period)
    period = second.period * times
    is_table = first.is_table or second.is_table or period > MOST_UNITS
    width = _reach(first) + _reach(second) * first.step // first.period
    if width * sum(s.bits.bit_count() for s in second.sets) * times > MOST_WORK:
        return None
    if not is_table:
        step = second.step * times // first.period * first.step
        return Moving(second.axis, period, step, tuple(map(seen, range(period))))
    return _table(second.axis, units, seen)


def _reach(moving: Moving) -> int:
    return max(found.bits.bit_length() for found in moving.sets)


def _either(one: Moving, other: Moving, units: int) -> Moving | None:
    """What units depend on by either of two ways; None where that is too much."""
    if one.axis != other.axis:
        return None

    def seen(unit: int) -> Set:
        return one.at(unit) | other.at(unit)

    period = math.lcm(one.period, other.period)
    is_parallel = one.step * other.period == other.step * one.period
    if not (one.is_table or other.is_table) and is_parallel and period <= MOST_UNITS:
        return Moving(one.axis, period, one.step * period // one.period, tuple(map(seen, range(period))))
    return _table(one.axis, units, seen)


def _table(axis: int, units: int, seen: Callable[[int], Set]) -> Moving | None:
    """The sets of all units there are."""
    if units > MOST_UNITS:
        return None
    return Moving(axis, units, 0, tuple(map(seen, range(units))), is_table=True)
