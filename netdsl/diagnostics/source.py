"""Where a text came from, and places in it.

Everything netdsl says about a spec points at characters of a file. A `Span` keeps a reference to its
`Source`, so that a message can be drawn wherever it surfaces, without passing the text around.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False, repr=False)
class Source:
    """A text and the name people know it by."""

    name: str
    """The path as the user typed it, or the name of a shipped spec."""
    text: str
    _line_starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._line_starts = [0]
        self._line_starts += [i + 1 for i, char in enumerate(self.text) if char == "\n"]

    def __repr__(self) -> str:
        return f"Source({self.name!r})"

    def position(self, offset: int) -> tuple[int, int]:
        """The line and column of a character, both counted from 1."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def offset(self, line: int, column: int) -> int:
        """The character at a line and column counted from 1; the inverse of `position`."""
        return self._line_starts[line - 1] + column - 1

    def line(self, number: int) -> str:
        """The text of a line, without its end."""
        start = self._line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : end if end >= 0 else len(self.text)].rstrip("\r")

    @property
    def line_count(self) -> int:
        return len(self._line_starts)

    def whole(self) -> Span:
        """The span of the first character: for faults of a file rather than of a place in it."""
        return Span(self, 0, min(1, len(self.text)))


@dataclass(frozen=True, slots=True)
class Span:
    """A run of characters of a source, `start` included, `end` not."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """The span from the beginning of this one to the end of another in the same source."""
        return Span(self.source, self.start, max(self.end, other.end))
