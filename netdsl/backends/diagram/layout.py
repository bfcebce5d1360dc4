"""Pieces → places: a drawing's boxes, lines and labels with their coordinates.

Written for what it has to draw: chains of boxes from top to bottom, branches side by side, insides nested.
Such a drawing needs no search for a layout. Everything is placed by its axis, the line along which values
flow: a sheet's x is counted from it, to both sides.
"""

from __future__ import annotations

from collections.abc import Sequence

from netdsl.backends.diagram.lanes import _places, joined_from_afar
from netdsl.backends.diagram.pieces import Box, Chain, Parallel, Port
from netdsl.backends.diagram.sheet import (
    BETWEEN,
    GAP,
    LABELLED_GAP,
    PADDING,
    PORT_HEIGHT,
    RADIUS,
    Circle,
    Frame,
    Item,
    Label,
    Line,
    Pill,
    Rect,
    Sheet,
)
from netdsl.backends.diagram.texts import NAME, SMALL, header
from netdsl.graph.graph import Costs
from netdsl.graph.shapes import Shape

MOST_IN_A_ROW = 6
"""Branches that stand in one row; more are drawn in several, without a line to each."""


def lay_out(tracks: Sequence[Chain], total: Costs) -> Sheet:
    """The places of a whole drawing.

    Args:
        total: what costs are shares of.
    """
    return _Layout(total).tracks(tracks, None, None)


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
        return joined_from_afar(sheet, entry, column)

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
