"""Pieces → places: a drawing's boxes, lines and labels with their coordinates.

Written for what it has to draw: chains of boxes from top to bottom, branches side by side, insides nested.
Such a drawing needs no search for a layout. Everything is placed by its axis, the line along which values
flow: a sheet's x is counted from it, to both sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from netdsl.backends.diagram.pieces import Box, Chain, Parallel, Port
from netdsl.backends.diagram.texts import NAME, SMALL, Header, header
from netdsl.graph.graph import Costs
from netdsl.graph.shapes import Shape
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
MOST_IN_A_ROW = 6
"""Branches that stand in one row; more are drawn in several, without a line to each."""


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


def lay_out(tracks: Sequence[Chain], total: Costs) -> Sheet:
    """The places of a whole drawing.

    Args:
        total: what costs are shares of.
    """
    return _Layout(total).tracks(tracks, None, None)


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


class _Layout:
    def __init__(self, total: Costs) -> None:
        self.total = total

    def tracks(self, tracks: Sequence[Chain], entry: int | None, entering: Shape | None) -> Sheet:
        """Chains: the first on the axis, the others to the right; and the lines from afar between them."""
        main, *others = tracks
        found = self.chain(main, entering=entering)
        sheet = Sheet(found.left, found.right, found.height, ((0.0, 0.0, found),))
        for chain in others:
            if not chain.is_recalled:
                sheet = _beside(sheet, self.chain(chain), 0.0)
        column = sheet.right + 2 * BETWEEN
        if any(chain.is_recalled for chain in others):
            sheet = self._column(sheet, [chain for chain in others if chain.is_recalled])
        return _joined_from_afar(sheet, entry, column)

    def _column(self, sheet: Sheet, chains: Sequence[Chain]) -> Sheet:
        """Chains that branch off, below each other to the right, none above the place that it comes from."""
        places = dict(_places(sheet, None))
        bottom = 0.0
        items: list[tuple[float, float, Item | Sheet]] = []
        left = right = 0.0
        for chain in chains:
            port = chain.pieces[0]
            assert isinstance(port, Port)
            giver = places.get(port.source or 0)
            top = max(bottom, giver.bottom + LABELLED_GAP if giver else 0.0)
            made = self.chain(chain)
            items.append((0.0, top, made))
            bottom = top + made.height + LABELLED_GAP
            left, right = max(left, made.left), max(right, made.right)
        return _beside(sheet, Sheet(left, right, bottom - LABELLED_GAP, tuple(items)), 0.0)

    def chain(self, chain: Chain, entering: Shape | None = None, *, in_branch: bool = False) -> Sheet:
        """Pieces below each other, with lines between them and, in a branch or a box, around them.

        Args:
            entering: what flows in, where that is drawn.
        """
        items: list[tuple[float, float, Item | Sheet]] = []
        left = right = y = 0.0
        shape = None if chain.is_recalled else entering
        for number, piece in enumerate(chain.pieces):
            flows_in = number > 0 or (entering is not None and not chain.is_recalled)
            if flows_in:
                before = chain.pieces[number - 1].output if number else shape
                edge = _edge(before if number and before != shape else None)
                shape = before
                items.append((0.0, y, edge))
                right, y = max(right, edge.right), y + edge.height
            made = self.piece(piece)
            items.append((0.0, y, made))
            left, right, y = max(left, made.left), max(right, made.right), y + made.height
        if in_branch or entering is not None:
            last = chain.pieces[-1].output if chain.pieces else shape
            edge = _edge(last if in_branch and last != shape else None)
            items.append((0.0, y, edge))
            right, y = max(right, edge.right), y + edge.height
        return Sheet(left, right, y, tuple(items))

    def piece(self, piece: Box | Parallel | Port) -> Sheet:
        """A piece on the axis."""
        if isinstance(piece, Box):
            return self._box(piece)
        if isinstance(piece, Parallel):
            return self._many(piece) if len(piece.branches) > MOST_IN_A_ROW else self._branches(piece)
        width = 2 * PADDING + NAME.width(pill_text(piece))
        return Sheet(width / 2, width / 2, PORT_HEIGHT, ((-width / 2, 0.0, Pill(piece, width)),))

    def _box(self, box: Box) -> Sheet:
        head = header(box, self.total)
        if not box.tracks:
            width = head.width + 2 * PADDING
            rect = Rect(box, width, head.height, head, width / 2, None)
            return Sheet(width / 2, width / 2, head.height, ((-width / 2, 0.0, rect),))
        inside = self.tracks(box.tracks, box.entry, box.input)
        left, right = inside.left + PADDING, inside.right + PADDING
        missing = max(0.0, head.width + 2 * PADDING - left - right)
        left, right = left + missing / 2, right + missing / 2
        height = head.height + inside.height
        rect = Rect(box, left + right, height, head, left, inside)
        return Sheet(left, right, height, ((-left, 0.0, rect),))

    def _branches(self, merge: Parallel) -> Sheet:
        """Branches side by side, with a line from the fork to each and from each to the circle."""
        made = [self.chain(branch, entering=_entering(branch), in_branch=True) for branch in merge.branches]
        places = _side_by_side(made, [bool(branch.pieces) for branch in merge.branches])
        top, deepest = GAP, max(sheet.height for sheet in made)
        centre = top + deepest + RADIUS
        items: list[tuple[float, float, Item | Sheet]] = []
        for x, sheet, branch in zip(places, made, merge.branches, strict=True):
            if not branch.is_recalled:
                items.append((0.0, 0.0, _line_to_branch(x, top)))
            items.append((x, top, sheet))
            if x or sheet.height < deepest:
                items.append((0.0, 0.0, _line_from_branch(x, top + sheet.height, centre)))
        items.append((0.0, centre, Circle(merge)))
        left = max([RADIUS, *(sheet.left - x for x, sheet in zip(places, made, strict=True))])
        right = max([RADIUS, *(sheet.right + x for x, sheet in zip(places, made, strict=True))])
        return Sheet(left, right, centre + RADIUS, tuple(items))

    def _many(self, merge: Parallel) -> Sheet:
        """Many branches in rows inside of a frame."""
        made = [self.chain(branch) for branch in merge.branches]
        rows = [made[n : n + MOST_IN_A_ROW] for n in range(0, len(made), MOST_IN_A_ROW)]
        width = max(sum(s.left + s.right for s in row) + BETWEEN * (len(row) - 1) for row in rows)
        items: list[tuple[float, float, Item | Sheet]] = []
        y = GAP + PADDING
        for row in rows:
            x = -width / 2
            for sheet in row:
                items.append((x + sheet.left, y, sheet))
                x += sheet.left + sheet.right + BETWEEN
            y += max(sheet.height for sheet in row) + PADDING
        half = width / 2 + PADDING
        frame = (-half, GAP, Frame(2 * half, y - GAP))
        lines = [
            (0.0, 0.0, Line(((0.0, 0.0), (0.0, GAP)))),
            (0.0, y, Line(((0.0, 0.0), (0.0, GAP)))),
        ]
        centre = y + GAP + RADIUS
        return Sheet(half, half, centre + RADIUS, (frame, *lines, *items, (0.0, centre, Circle(merge))))


def pill_text(port: Port) -> str:
    """What stands in a port."""
    if port.kind == "recall":
        return f"from {port.label}"
    return port.label if port.label == port.kind else f"{port.kind} {port.label}"


def _line_to_branch(x: float, top: float) -> Line:
    """From the fork to where a branch begins."""
    if x == 0:
        return Line(((0.0, 0.0), (0.0, top)))
    return Line(((0.0, 0.0), (0.0, top / 2), (x, top / 2), (x, top)))


def _line_from_branch(x: float, bottom: float, centre: float) -> Line:
    """From where a branch ends to the circle."""
    if x == 0:
        return Line(((0.0, bottom), (0.0, centre - RADIUS)))
    return Line(((x, bottom), (x, centre), (RADIUS if x > 0 else -RADIUS, centre)))


def _edge(shape: Shape | None) -> Sheet:
    """A line down the axis, with a shape beside it where that has changed."""
    if shape is None:
        return Sheet(0.0, 0.0, GAP, ((0.0, 0.0, Line(((0.0, 0.0), (0.0, GAP)))),))
    label = Label(str(shape))
    line = Line(((0.0, 0.0), (0.0, LABELLED_GAP)))
    right = 6.0 + SMALL.width(label.text)
    return Sheet(0.0, right, LABELLED_GAP, ((0.0, 0.0, line), (6.0, LABELLED_GAP / 2 + 3.5, label)))


def _entering(branch: Chain) -> Shape | None:
    """What flows into a branch; its shape is known from before the fork, and is not written again."""
    if not branch.pieces:
        return Shape(())
    first = branch.pieces[0]
    return first.input if isinstance(first, Box) else first.output


def _side_by_side(made: Sequence[Sheet], is_full: Sequence[bool]) -> list[float]:
    """Where the axes of branches are. A single one that does something keeps the axis, and what passes by it
    stands to its right; else all are centred."""
    if sum(is_full) == 1:
        body = made[is_full.index(True)]
        free = body.right
        places = []
        for full in is_full:
            if not full:
                free += BETWEEN
            places.append(0.0 if full else free)
        return places
    places, x = [], 0.0
    for sheet in made:
        places.append(x + sheet.left)
        x += sheet.left + sheet.right + BETWEEN
    middle = (x - BETWEEN) / 2
    return [place - middle for place in places]


def _beside(sheet: Sheet, other: Sheet, y: float) -> Sheet:
    """Another sheet to the right of one."""
    x = sheet.right + 2 * BETWEEN + other.left
    height = max(sheet.height, y + other.height)
    return Sheet(sheet.left, x + other.right, height, (*sheet.items, (x, y, other)))


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


def _joined_from_afar(sheet: Sheet, entry: int | None, column: float) -> Sheet:
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
