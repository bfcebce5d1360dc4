"""Columns that an author aligned stay aligned: the figures of tables, and comments at the ends of lines.

    inception( 64,  96, 128)        numbers end at the same column, words begin there;
    inception(128, 128, 192)        numbers may begin there as well

Rows are what has one form: lists of equal length, calls of the same name with the same arguments. They are
aligned where the author did so for half of a column at least, so that a table can grow without being laid out
by hand; other blanks go.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal

from netdsl.language.format_tokens import Token, begins_line

_NUMBER = re.compile(r"-?[\d.][\w.]*([eE][+-]\d+)?\Z")

Cell = tuple[int, int]
"""The first token of an argument or item, and the one behind its last."""
Row = tuple[Cell, ...]
Form = tuple[object, ...]


def align_columns(tokens: Sequence[Token]) -> None:
    """Sets the padding of every token that begins a cell of an aligned table."""
    tables: dict[Form, list[Row]] = defaultdict(list)
    for form, row in _rows(tokens):
        tables[form].append(row)
    for table in tables.values():  # inner rows come before the outer ones that hold them
        if len(table) > 1:
            _align(tokens, table)


def _rows(tokens: Sequence[Token]) -> Iterator[tuple[Form, Row]]:
    """Every list and call that stands on one line, with its form and where it stands among its like."""
    line = 0
    count: dict[Form, int] = defaultdict(int)
    opened: list[tuple[int, int, list[int]]] = []
    for at, token in enumerate(tokens):
        if begins_line(token):
            line = at
        if token.kind == "opening":
            opened.append((at, line, [at]))
        elif token.kind == "comma" and opened:
            opened[-1][2].append(at)
        elif token.kind == "closing" and opened:
            begin, first_line, ends = opened.pop()
            if first_line == line and token.text != "}":
                row = tuple(zip([end + 1 for end in ends], [*ends[1:], at], strict=True))
                form = (token.family, len(opened), *_form(tokens, begin, row))
                count[(line, *form)] += 1
                yield (*form, count[(line, *form)]), row


def _form(tokens: Sequence[Token], begin: int, row: Row) -> Form:
    """What the rows of a table have in common: the name of a call, and the names of its arguments."""
    is_call = tokens[begin].text == "(" and not tokens[begin].spaced and begin > 0
    name = tokens[begin - 1].text if is_call else "["
    named = (
        tokens[first].text if first + 1 < end and tokens[first + 1].text == "=" else "" for first, end in row
    )
    return (name, *named)


def _align(tokens: Sequence[Token], table: list[Row]) -> None:
    """Pads the cells of a table if one of its columns was aligned by hand."""
    cells = [cell for row in table for cell in row]
    by_hand = [_by_hand(tokens[first]) if first < end else 0 for first, end in cells]
    ends, begins = _paddings(tokens, table, "end"), _paddings(tokens, table, "begin")
    width = len(table[0])
    if _agree(ends, by_hand, width) or (_agree(begins, by_hand, width) and _agree(ends, begins, width)):
        paddings = ends
    elif _agree(begins, by_hand, width):
        paddings = begins
    else:
        return
    for (first, end), padding in zip(cells, paddings, strict=True):
        if first < end:
            tokens[first].padding = padding


def _agree(paddings: list[int], others: list[int], width: int) -> bool:
    """Whether in one column at least half of the cells that are to be padded are so already."""
    for column in range(width):
        padded = [
            padding == other
            for padding, other in zip(paddings[column::width], others[column::width], strict=True)
            if padding
        ]
        if padded and 2 * sum(padded) >= len(padded):
            return True
    return False


def _by_hand(token: Token) -> int:
    """The blanks before a token beyond the one that belongs there."""
    return 0 if token.breaks else token.blanks - token.spaced


def _paddings(tokens: Sequence[Token], table: list[Row], numbers: Literal["end", "begin"]) -> list[int]:
    """The blanks before each cell, row by row.

    Words begin at the same column; numbers do so or end there.
    """
    columns = [[_text(tokens, *cell) for cell in column] for column in zip(*table, strict=True)]
    widths = [max(map(len, column)) for column in columns]
    right = [numbers == "end" and all(map(_NUMBER.match, column)) for column in columns]
    paddings = []
    for row in zip(*columns, strict=True):
        behind = 0
        for text, width, is_right in zip(row, widths, right, strict=True):
            missing = width - len(text)
            paddings.append(behind + missing * is_right)
            behind = missing * (not is_right)
    return paddings


def _text(tokens: Sequence[Token], first: int, end: int) -> str:
    """A cell as it will be written."""
    parts = [tokens[first].text] if first < end else []
    parts += [" " * (token.spaced + token.padding) + token.text for token in tokens[first + 1 : end]]
    return "".join(parts)
