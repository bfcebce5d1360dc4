"""A drawing as the lines of a tree: a chain from top to bottom, branches on a dotted rail.

├─ bottleneck1
│  ├╌ conv_bn1
│  ┊  relu1
│  ├╌ shortcut1
│  + add1
│  └─ relu2
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netdsl.backends.diagram.layout import pill_text
from netdsl.backends.diagram.pieces import Box, Chain, Drawing, Parallel, Piece, Port
from netdsl.graph.graph import Costs
from netdsl.graph.shapes import Shape
from netdsl.records import record


@record
class Twig:
    """One line of a tree."""

    rails: str
    """What leads to it from the lines above."""
    name: str
    text: str
    output: Shape | None
    """None of what merely passes by."""
    costs: Costs | None
    is_inner: bool
    """Whether it is inside of another."""


def twigs(drawing: Drawing) -> Iterator[Twig]:
    """The lines of a drawing."""
    yield from _tracks(drawing.tracks, "", is_net=True)


def _tracks(tracks: Sequence[Chain], rails: str, *, is_net: bool = False) -> Iterator[Twig]:
    pieces = [piece for chain in tracks for piece in chain.pieces]
    for number, piece in enumerate(pieces):
        is_last = number == len(pieces) - 1 or (is_net and isinstance(pieces[number + 1], Port))
        if is_net and isinstance(piece, Port):
            yield _port(piece, "")
        else:
            yield from _piece(piece, rails, "└─ " if is_last else "├─ ", "   " if is_last else "│  ")


def _piece(piece: Piece, rails: str, first: str, others: str) -> Iterator[Twig]:
    """The lines of a piece: its own behind `first`, those inside of it behind `others`."""
    match piece:
        case Port():
            yield _port(piece, rails + first)
        case Parallel():
            yield from _branches(piece, rails, others)
        case Box():
            times = f" ×{piece.count}" if piece.count > 1 else ""
            kind = " (only in training)" if piece.is_training_only else ""
            name = f"{piece.name}{times}{kind}"
            yield Twig(rails + first, name, piece.text, piece.output, piece.costs, bool(rails))
            yield from _tracks(piece.tracks, rails + others)


def _branches(merge: Parallel, rails: str, others: str) -> Iterator[Twig]:
    for branch in merge.branches:
        if not branch.pieces:
            yield Twig(f"{rails}├╌ ", "·", "what came in", None, None, True)
        for number, piece in enumerate(branch.pieces):
            yield from _piece(piece, rails, "├╌ " if number == 0 else "┊  ", "┊  ")
    name = f"{merge.symbol} {merge.name}".rstrip()
    is_last = others.strip() == ""
    yield Twig(f"{rails}{'└' if is_last else '├'}╌ ", name, "", merge.output, None, True)


def _port(port: Port, rails: str) -> Twig:
    return Twig(rails, pill_text(port), "", port.output, None, bool(rails))
