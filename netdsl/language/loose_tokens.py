"""The words of a text that need not be an expression, with their places and the brackets they leave open."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

CLOSING = {"(": ")", "[": "]"}
KEYWORDS = ("if", "else", "for", "in", "and", "or", "not")
OPERATORS = ("->", "+", "-", "*", "**", "/", "//", "%", "|", "==", "!=", "<=", ">=", "<", ">", *KEYWORDS)

_TOKEN = re.compile(
    r"""\#[^\n]*                              # a comment
    | "[^"\n]*" | '[^'\n]*'
    | \d[\w.]* | \.\d\w* | [A-Za-z_]\w*
    | -> | \*\* | // | [=!<>]= | \S""",
    re.VERBOSE,
)


class LooseToken(NamedTuple):
    """A word, a number, a quoted text or a sign."""

    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def is_operator(self) -> bool:
        return self.text in OPERATORS

    @property
    def is_plain(self) -> bool:
        """Whether it is a number, a name or quoted text."""
        return self.text not in (*KEYWORDS, ".") and re.match(r"[\w\"'.]", self.text) is not None

    @property
    def is_name(self) -> bool:
        return self.is_plain and (self.text[0].isalpha() or self.text[0] == "_")

    @property
    def is_value(self) -> bool:
        """Whether it is a number or quoted text."""
        return self.is_plain and not self.is_name

    @property
    def ends_value(self) -> bool:
        return self.is_plain or self.text in (")", "]")

    @property
    def begins_value(self) -> bool:
        return self.is_plain or self.text in ("(", "[", "not")


NOTHING = LooseToken("", 0)


def loose_tokens(text: str) -> Iterator[LooseToken]:
    """The tokens of a text, comments left out."""
    for match in _TOKEN.finditer(text):
        if not match.group().startswith("#"):
            yield LooseToken(match.group(), match.start())


def still_open(before: Iterable[LooseToken]) -> list[LooseToken]:
    """The parentheses and brackets that are still open, the innermost last."""
    stack: list[LooseToken] = []
    for token in before:
        if token.text in CLOSING:
            stack.append(token)
        elif token.text in CLOSING.values() and stack:
            stack.pop()
    return stack


def on_level(tokens: Iterable[LooseToken]) -> Iterator[LooseToken]:
    """The tokens that no bracket opened among them holds, up to one that closes what is around them."""
    depth = 0
    for token in tokens:
        depth -= token.text in CLOSING.values()
        if depth < 0:
            return
        if depth == 0:
            yield token
        depth += token.text in CLOSING


def closing_of(opening: LooseToken, tokens: Iterable[LooseToken]) -> LooseToken | None:
    """The bracket that closes another; None where nothing does."""
    depth = 0
    for token in tokens:
        if token.start < opening.start:
            continue
        depth += (token.text in CLOSING) - (token.text in CLOSING.values())
        if depth == 0:
            return token
    return None
