"""Tokens → lines: what a line is indented by, and where one that is too long is broken.

Line breaks are the author's: they say what belongs together. One is added only where a line is longer than
`WIDTH`, at the part that hangs most loosely on what is before it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from netdsl.language.format_tokens import Token, begins_line

WIDTH = 110
"""Columns of the longest line; a comment may reach beyond, since breaking it would change it."""
INDENT = 2
"""Columns of a level."""


@dataclass(slots=True)
class Line:
    """A line as it is going to be."""

    tokens: list[Token]
    indent: int = 0

    @property
    def has_blank_before(self) -> bool:
        return self.tokens[0].breaks > 1

    @property
    def comment(self) -> Token | None:
        """The comment at its end, behind something else."""
        return self.tokens[-1] if len(self.tokens) > 1 and self.tokens[-1].kind == "comment" else None

    @property
    def code(self) -> str:
        """What stands before the comment."""
        return " " * self.indent + written(self.tokens[:-1] if self.comment else self.tokens)


@dataclass(slots=True)
class _Opened:
    """A bracket that is open: where its line begins, and where what it holds began before and begins now."""

    indent: int
    source_column: int | None
    column: int


def print_lines(tokens: Sequence[Token]) -> str:
    """The text of tokens."""
    lines = _set(_split(tokens))
    texts: list[str] = []
    for line, gap in zip(lines, _comment_gaps(lines), strict=True):
        blank = line.has_blank_before and bool(texts)
        comment = f"{' ' * gap}{line.comment.text}" if line.comment else ""
        texts.append("\n" * blank + line.code + comment.rstrip() + "\n")
    return "".join(texts)


def written(tokens: Sequence[Token]) -> str:
    """Tokens beside each other."""
    return "".join(
        " " * ((token.spaced + token.padding) * (number > 0)) + token.text
        for number, token in enumerate(tokens)
    )


def _split(tokens: Sequence[Token]) -> list[Line]:
    """The lines as the author broke them."""
    lines: list[Line] = []
    last: Token | None = None
    for token in tokens:
        if last is None or last.kind == "comment" or begins_line(token):
            lines.append(Line([]))
        lines[-1].tokens.append(token)
        last = token
    return lines


def _set(lines: list[Line]) -> list[Line]:
    """Indents the lines, and breaks those that are too long."""
    frame = _comment_levels(lines)
    waiting = deque(lines)
    done: list[Line] = []
    opened: list[_Opened] = []
    while waiting:
        line = waiting.popleft()
        first = line.tokens[0]
        level = frame.get(id(first), first.level)
        line.indent = _indent(first, level, opened)
        if at := _where_to_break(line):
            waiting.appendleft(Line(line.tokens[at:]))
            line.tokens = line.tokens[:at]
        _follow_brackets(line, opened)
        done.append(line)
    return done


def _indent(first: Token, level: int, opened: list[_Opened]) -> int:
    """The columns before a line."""
    if not first.inside or not opened:
        return INDENT * level
    around = opened[-1]
    if first.kind == "closing":
        return around.indent
    if first.breaks and first.column == around.source_column:
        return around.column  # aligned by its author with what stands behind the bracket
    return around.indent + INDENT


def _follow_brackets(line: Line, opened: list[_Opened]) -> None:
    """Notes which brackets a line opens and closes."""
    column = line.indent
    for number, token in enumerate(line.tokens):
        column += (token.spaced + token.padding) * (number > 0) + len(token.text)
        if token.kind == "opening":
            is_last = number + 1 == len(line.tokens)
            following = None if is_last else line.tokens[number + 1]
            padding = following.padding if following else 0
            opened.append(_Opened(line.indent, following.column if following else None, column + padding))
        elif token.kind == "closing" and opened:
            opened.pop()


def _where_to_break(line: Line) -> int | None:
    """Where a line that is too long is broken: at the last fitting place of the loosest kind that has one."""
    width = line.indent
    best: tuple[tuple[int, int], int] | None = None
    for at, token in enumerate(line.tokens):
        if token.kind == "comment":
            return None
        if at and token.looseness is not None and (best is None or token.looseness <= best[0]):
            best = (token.looseness, at)
        width += len(token.text) + (token.spaced + token.padding) * (at > 0)
        if width > WIDTH and best is not None:
            return best[1]
    return None


def _comment_levels(lines: Sequence[Line]) -> dict[int, int]:
    """The level of every comment on a line of its own.

    It is that of what follows, unless the comment stands deeper: then it belongs to what is above it.
    """
    levels: dict[int, int] = {}
    followings = _followings(lines)
    above: list[Token] = []  # the first tokens of the lines around, each deeper than the one before
    for line, following in zip(lines, followings, strict=True):
        first = line.tokens[0]
        if first.inside:
            continue
        if first.kind == "comment":
            levels[id(first)] = _comment_level(first, following, above)
        else:
            while above and above[-1].column >= first.column:
                above.pop()
            above.append(first)
    return levels


def _followings(lines: Sequence[Line]) -> list[Token | None]:
    """For each line, what begins the next one that is no comment."""
    followings: list[Token | None] = []
    following: Token | None = None
    for line in reversed(lines):
        followings.append(following)
        following = following if line.tokens[0].kind == "comment" else line.tokens[0]
    return followings[::-1]


def _comment_level(comment: Token, following: Token | None, above: Sequence[Token]) -> int:
    column, level = (following.column, following.level) if following else (0, 0)
    for first in reversed(above):
        if column < first.column <= comment.column:
            return first.level
    return level


def _comment_gaps(lines: Sequence[Line]) -> list[int]:
    """The blanks before each line's comment: those below each other stay aligned where they were."""
    gaps = [1] * len(lines)
    for run in _comment_runs(lines):
        members = [lines[number] for number in run]
        if any(_are_aligned(*pair) for pair in pairwise(members)):
            widest = max(len(line.code) for line in members)
            for number in run:
                gaps[number] = widest - len(lines[number].code) + 1
    return gaps


def _comment_runs(lines: Sequence[Line]) -> Iterable[list[int]]:
    """The numbers of lines below each other that end in comments."""
    run: list[int] = []
    for number, line in enumerate(lines):
        if run and (line.comment is None or line.has_blank_before):
            yield run
            run = []
        if line.comment is not None:
            run.append(number)
    yield run


def _are_aligned(upper: Line, lower: Line) -> bool:
    """Whether the comments of two lines stood below each other though the lines differ in length."""
    assert upper.comment is not None
    assert lower.comment is not None
    return upper.comment.column == lower.comment.column and len(upper.code) != len(lower.code)
