"""Lines between what is far apart in a drawing, on lanes of their own beside what lies between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from netdsl.backends.diagram.pieces import Port
from netdsl.backends.diagram.sheet import (
    GAP,
    LANE,
    PORT_HEIGHT,
    RADIUS,
    Circle,
    Line,
    Pill,
    Rect,
    Sheet,
    inside_of,
    items_of,
)


class Place(NamedTuple):
    """Where something is that gives a value, or takes one from afar."""

    left: float
    top: float
    width: float
    height: float
    axis: float
    """The x at which values leave it."""

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def middle(self) -> float:
        return self.top + self.height / 2


def _places(sheet: Sheet, entry: int | None, x: float = 0.0, y: float = 0.0) -> Iterator[tuple[int, Place]]:
    """Where values come from, by their keys."""
    if entry is not None:
        yield entry, Place(x, y, 0.0, 0.0, x)
    for left, top, item in items_of(sheet, x, y):
        match item:
            case Rect(box=box):
                yield box.key, Place(left, top, item.width, item.height, left + item.axis)
                if item.inside is not None:
                    yield from _places(item.inside, box.entry, *inside_of(item, left, top))
            case Pill(port=port):
                yield port.key, _place_of_pill(item, left, top)
            case Circle(merge=merge):
                yield merge.key, Place(left - RADIUS, top - RADIUS, 2 * RADIUS, 2 * RADIUS, left)


def _wanted(sheet: Sheet, x: float = 0.0, y: float = 0.0) -> Iterator[tuple[int, Place]]:
    """Where values from afar arrive, with the key of what gives each: ports, and boxes that stay closed."""
    for left, top, item in items_of(sheet, x, y):
        match item:
            case Rect(box=box, inside=None):
                for source in box.captures:
                    yield source.key, Place(left, top, item.width, item.height, left + item.axis)
            case Rect(inside=Sheet() as inside):
                yield from _wanted(inside, *inside_of(item, left, top))
            case Pill(port=Port(kind="recall", source=int() as source)):
                yield source, _place_of_pill(item, left, top)


def _place_of_pill(pill: Pill, left: float, top: float) -> Place:
    return Place(left, top, pill.width, PORT_HEIGHT, left + pill.width / 2)


def joined_from_afar(sheet: Sheet, entry: int | None, column: float) -> Sheet:
    """The lines between what is in a sheet, along lanes at its sides: the shorter the way, the nearer.

    Lines to chains that branch off lead along the left border of their column.

    What comes from outside of the sheet is left to the sheet around it. What is joined inside of a box has
    been joined there already.
    """
    own = dict(_places(sheet, entry))
    done = {(key, place) for rect, x, y in _opened(sheet) for key, place in _joined_there(rect, x, y)}
    ways = [(own[key], place) for key, place in _wanted(sheet) if key in own and (key, place) not in done]
    beside = 0
    lanes = {-1: sheet.left, 1: sheet.right}
    items = list(sheet.items)
    for giver, taker in sorted(ways, key=lambda way: way[1].top - way[0].top):
        side = -1 if taker.axis < -1 else 1
        if giver.right < taker.left:
            line = _line_beside(giver, taker, min(column, taker.left) - 4.0 * (1 + beside % 4), beside % 3)
            beside += 1
        else:
            lanes[side] += LANE
            line = _line_around(giver, taker, side, side * lanes[side])
        items.append((0.0, 0.0, line))
    return Sheet(lanes[-1], lanes[1], sheet.height, tuple(items))


def _line_beside(giver: Place, taker: Place, lane: float, row: int) -> Line:
    """From below what gives a value to what stands to its right, by a lane before that."""
    below = giver.bottom + (1 + row) * GAP / 4
    points = ((giver.axis, below), (lane, below), (lane, taker.middle), (taker.left, taker.middle))
    return Line(points, is_far=True)


def _line_around(giver: Place, taker: Place, side: int, lane: float) -> Line:
    """Along a lane to the left or to the right of all that stands between."""
    begin = giver.right if side > 0 else giver.left
    end = taker.right if side > 0 else taker.left
    points = ((begin, giver.middle), (lane, giver.middle), (lane, taker.middle), (end, taker.middle))
    return Line(points, is_far=True)


def _opened(sheet: Sheet) -> Iterator[tuple[Rect, float, float]]:
    for x, y, item in items_of(sheet):
        if isinstance(item, Rect) and item.inside is not None:
            yield item, x, y


def _joined_there(rect: Rect, x: float, y: float) -> Iterator[tuple[int, Place]]:
    assert rect.inside is not None
    at = inside_of(rect, x, y)
    own = {key for key, _ in _places(rect.inside, rect.box.entry, *at)}
    return ((key, place) for key, place in _wanted(rect.inside, *at) if key in own)
