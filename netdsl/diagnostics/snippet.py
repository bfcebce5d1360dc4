"""Lines of a source with marks under the characters a diagnostic speaks of.

Separate from `render` because it knows nothing of diagnostics: it turns marks (from, to, text) into lines of
a terminal, where a tab, a wide or an invisible character does not take one column.

    body: conv(64) + x        marks 6–14 `this is 64×56×56`, 17–18 `^`

    body: conv(64) + x
          --------   ^
          |
          this is 64×56×56
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from netdsl.records import record, replace

TAB = "    "
WIDEST = 140
"""Columns of a line that are shown at most: a line of a machine's making may have millions."""
MARGIN = 30
"""Columns in front of the main mark that are kept of a line that is too wide."""


@record
class Mark:
    """Columns of a terminal under a line, with what they are."""

    start: int
    end: int
    is_primary: bool
    text: str


@record
class Stroke:
    """A piece of a drawn line: text at a column, in the primary mark's colour or in the others'."""

    column: int
    text: str
    is_primary: bool


def harmless(text: str) -> str:
    """Text that cannot steer a terminal: control characters become pictures, unseen ones their numbers.

    >>> harmless("a\\x1b[31m\\u202e")
    'a␛[31m<U+202E>'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    code = ord(character)
    if character == "\t":
        return TAB
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    # Not printable: what steers (C1, bidirectional overrides, joiners), separators and lone surrogates.
    return character if character.isprintable() else f"<U+{code:04X}>"


def width(text: str) -> int:
    """The columns that harmless text takes on a terminal."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width  # a millisecond that plain text does not pay

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def mark(line: str, start: int, end: int, *, is_primary: bool, text: str) -> Mark:
    """The mark under characters of a raw line; at least one column wide, so that it can be seen."""
    first = width(harmless(line[:start]))
    last = width(harmless(line[:end]))
    return Mark(first, max(first + 1, last), is_primary, harmless(text))


def crop(line: str, marks: Sequence[Mark]) -> tuple[str, list[Mark]]:
    """A harmless line and its marks, both cut to a window around the main mark where the line is too wide."""
    line = harmless(line)
    if width(line) <= WIDEST:
        return line, list(marks)
    left = max(0, min(marks, key=lambda mark: (not mark.is_primary, mark.start)).start - MARGIN)
    right = left + WIDEST
    kept, column = [], 0
    for character in line:
        if left <= column < right:
            kept.append(character)
        column += width(character)
    front, back = "…" if left else "", "…" if column > right else ""
    shift = left - len(front)
    moved = [
        replace(mark, start=mark.start - shift, end=max(mark.start + 1, min(mark.end, right)) - shift)
        for mark in marks
        if left <= mark.start < right
    ]
    return f"{front}{''.join(kept)}{back}", moved


def draw(marks: Iterable[Mark]) -> list[list[Stroke]]:
    """The lines under a source line: the marks with the last one's text behind them, then the other texts.

    Texts hang from their marks' beginnings, the rightmost first, as rustc draws them.
    """
    marks = sorted(marks, key=lambda mark: (mark.start, mark.is_primary))
    lines = [_underline(marks)]
    hanging = [mark for mark in marks if mark.text]
    end = max(mark.end for mark in marks)
    if hanging and hanging[-1].end == end:
        last = hanging.pop()
        lines[0].append(Stroke(end + 1, last.text, last.is_primary))
    if hanging:
        lines.append(_stems(hanging))
    while hanging:
        last = hanging.pop()
        stems = _stems([mark for mark in hanging if mark.start < last.start])
        lines.append([*stems, Stroke(last.start, last.text, last.is_primary)])
    return lines


def _underline(marks: Sequence[Mark]) -> list[Stroke]:
    """The marks themselves in runs, the primary ones over the others."""
    cells: dict[int, bool] = {}
    for mark in sorted(marks, key=lambda mark: mark.is_primary):
        cells.update(dict.fromkeys(range(mark.start, mark.end), mark.is_primary))
    strokes: list[Stroke] = []
    for column, is_primary in sorted(cells.items()):
        last = strokes[-1] if strokes else None
        if last and last.is_primary == is_primary and last.column + len(last.text) == column:
            strokes[-1] = replace(last, text=last.text + last.text[0])
        else:
            strokes.append(Stroke(column, "^" if is_primary else "-", is_primary))
    return strokes


def _stems(marks: Sequence[Mark]) -> list[Stroke]:
    stems = {mark.start: mark for mark in marks}
    return [Stroke(column, "|", mark.is_primary) for column, mark in sorted(stems.items())]
