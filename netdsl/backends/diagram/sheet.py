"""What a laid out part of a drawing is made of, each piece with its place."""

from __future__ import annotations

from collections.abc import Iterator

from netdsl.backends.diagram.pieces import Box, Parallel, Port
from netdsl.backends.diagram.texts import Header
from netdsl.records import record

PADDING = 10.0
"""Between a box' border and what is in it."""
GAP = 14.0
"""Between pieces, where nothing stands between them."""
LABELLED_GAP = 26.0
"""Between pieces with a shape between them."""
BETWEEN = 18.0
"""Between branches."""
RADIUS = 9.0
"""Of a merge's circle."""
PORT_HEIGHT = 20.0
LANE = 12.0
"""Between lines that lead past others."""


@record
class Rect:
    """A box, with its inside where it is opened."""

    box: Box
    width: float
    height: float
    header: Header
    axis: float
    """Where the axis is, from the left border."""
    inside: Sheet | None


@record
class Pill:
    """A port."""

    port: Port
    width: float


@record
class Circle:
    """The place where branches meet."""

    merge: Parallel


@record
class Line:
    """A line along which values flow; one that comes from afar is drawn otherwise."""

    points: tuple[tuple[float, float], ...]
    is_far: bool = False
    key: int = 0


@record
class Label:
    """A shape beside a line."""

    text: str


@record
class Frame:
    """What is drawn around many branches."""

    width: float
    height: float


Item = Rect | Pill | Circle | Line | Label | Frame


@record
class Sheet:
    """Things at their places; y is counted from the top, x from the axis."""

    left: float
    """How far it reaches to the left of the axis; no negative number."""
    right: float
    height: float
    items: tuple[tuple[float, float, Item | Sheet], ...] = ()
    """x, y, and what is there: a box' upper left corner, a circle's centre, a label's beginning."""


def items_of(sheet: Sheet, x: float = 0.0, y: float = 0.0) -> Iterator[tuple[float, float, Item]]:
    """Everything of a sheet but the insides of its boxes, at its place."""
    for dx, dy, item in sheet.items:
        if isinstance(item, Sheet):
            yield from items_of(item, x + dx, y + dy)
        else:
            yield x + dx, y + dy, item


def inside_of(rect: Rect, x: float, y: float) -> tuple[float, float]:
    """Where the inside of a box begins."""
    return x + rect.axis, y + rect.header.height
