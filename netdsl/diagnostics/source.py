"""Where a text came from, and places in it.

Everything netdsl says about a spec points at characters of a file. A `Span` keeps a reference to its
`Source`, so that a message can be drawn wherever it surfaces, without passing the text around.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from netdsl.records import value_record


class Source:
    """A text and the name people know it by: the path as the user typed it. Compares by identity."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self._line_starts = [0, *(found.end() for found in re.finditer("\n", text))]

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
        start, end = self.line_bounds(number)
        return self.text[start:end]

    def line_bounds(self, number: int) -> tuple[int, int]:
        """The first character of a line, and that behind its last one."""
        start = self._line_starts[number - 1]
        end = self._line_starts[number] - 1 if number < len(self._line_starts) else len(self.text)
        while end > start and self.text[end - 1] == "\r":
            end -= 1
        return start, end

    @property
    def line_count(self) -> int:
        return len(self._line_starts)

    def whole(self) -> Span:
        """The span of the first character: for faults of a file rather than of a place in it."""
        return Span(self, 0, min(1, len(self.text)))


@value_record()
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
