"""What a drawing is made of: boxes one below the other, branches beside each other, and what is recalled.

Separate from the graph, which says which value goes where: here it is said what stands beside what. The tree
in a terminal, the SVG and the page are three ways to show one `Drawing`.

    x + (conv(8, 3) -> relu)   →   Parallel("add", [[], [Box("conv1"), Box("relu1")]])
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from netdsl.diagnostics import Span
from netdsl.graph.graph import Costs, MergeKind
from netdsl.graph.shapes import Shape
from netdsl.records import record

SYMBOLS = {"add": "+", "sub": "−", "mul": "×", "concat": "|"}
"""What stands in the place where branches meet."""


@record
class Source:
    """Where a value comes from, for what takes it from afar."""

    key: int
    """The key of the box, merge or port that gives it, or the `entry` of the box that it enters by."""
    label: str


@record
class Box:
    """A layer, or a block, a stage or a repeat with what is inside."""

    key: int
    """Different for all pieces of a drawing."""
    entry: int
    """The key of the place where the box' input enters it."""
    path: str
    """The module's path, `body.3.conv2`; of equal neighbours that of the first."""
    last_path: str
    """That of the last of equal neighbours."""
    name: str
    text: str
    """The layer or the block with its arguments, or the text of the spec."""
    family: str
    """For a layer the file of `netdsl.layers` that it is in, else `block`, `stage`, `series` or `head`."""
    count: int
    """How many equal ones stand here, one after another."""
    input: Shape
    output: Shape
    costs: Costs
    """Those of all `count`."""
    span: Span
    captures: tuple[Source, ...]
    """What it takes beside its input."""
    has_inside: bool
    tracks: tuple[Chain, ...]
    """The inside, where it is opened: what leads to the result first."""
    is_training_only: bool = False


@record
class Parallel:
    """Branches on the same input, merged."""

    key: int
    path: str
    name: str
    kind: MergeKind
    branches: tuple[Chain, ...]
    output: Shape
    span: Span

    @property
    def symbol(self) -> str:
        return SYMBOLS[self.kind]


@record
class Port:
    """Where a value enters or leaves the network, or is taken from afar."""

    key: int
    kind: Literal["input", "output", "recall"]
    label: str
    output: Shape
    source: int | None = None
    """For what is taken from afar, the key of what gives it."""


Piece = Box | Parallel | Port


@record
class Chain:
    """Pieces one after another. Empty: what came in."""

    pieces: tuple[Piece, ...]

    @property
    def is_recalled(self) -> bool:
        """Whether it begins with a value from elsewhere."""
        first = self.pieces[0] if self.pieces else None
        return isinstance(first, Port) and first.kind == "recall"


@record
class Drawing:
    """A whole network."""

    name: str
    about: str
    tracks: tuple[Chain, ...]
    """The way to the output, then heads and whatever else does not lead there."""
    costs: Costs
    shared: tuple[tuple[str, Costs], ...]
    """Modules that are used in several places, with what they hold."""


def boxes(tracks: tuple[Chain, ...]) -> Iterator[Box]:
    """Every box, outer ones before those inside of them."""
    for piece in every_piece(tracks):
        if isinstance(piece, Box):
            yield piece


def every_piece(tracks: tuple[Chain, ...]) -> Iterator[Piece]:
    """Every piece, outer ones before those inside of them."""
    for chain in tracks:
        for piece in chain.pieces:
            yield piece
            if isinstance(piece, Box):
                yield from every_piece(piece.tracks)
            elif isinstance(piece, Parallel):
                yield from every_piece(piece.branches)
