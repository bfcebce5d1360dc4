"""Characters of a text ↔ an editor's positions: lines from 0, columns in UTF-16 code units.

Language Server Protocol 3.17, section Position.
"""

from __future__ import annotations

from netdsl.diagnostics import Source, Span

Position = tuple[int, int]


def position_of(source: Source, offset: int) -> Position:
    """The line and column of a character.

    >>> position_of(Source("a", "x\\n𝄞y"), 3)
    (1, 2)
    """
    line, column = source.position(min(offset, len(source.text)))
    before = source.line(line)[: column - 1]
    return line - 1, _units(before)


def offset_of(source: Source, position: Position) -> int:
    """The character at a line and column; what lies behind a line's end is its end.

    >>> offset_of(Source("a", "x\\n𝄞y"), (1, 2))
    3
    """
    line, column = position
    if line >= source.line_count:
        return len(source.text)
    units = 0
    for number, character in enumerate(source.line(line + 1)):
        if units >= column:
            return source.offset(line + 1, 1) + number
        units += _units(character)
    return source.offset(line + 1, 1) + len(source.line(line + 1))


def range_of(span: Span) -> tuple[Position, Position]:
    """Where a span begins and ends."""
    return position_of(span.source, span.start), position_of(span.source, span.end)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
