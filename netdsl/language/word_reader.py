"""Reads an expression word by word: the next word, its place, and what may not stand there."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from netdsl.diagnostics import Diagnostic, Faults, Span
from netdsl.language.effort import Words
from netdsl.language.words import KEYWORDS, NAME, UNKNOWN, words_of

Place = Callable[[int, int], Span]
"""Turns a run of characters of the expression into a span of the file."""

LONGEST_NAME = 100
"""Characters of a name; it becomes part of modules' paths and of files' names."""
DEEPEST = 80
"""Levels of parentheses, calls and operators inside each other."""


def name_too_long(name: str, span: Span) -> Diagnostic:
    """For a name that is."""
    message = f"a name has {len(name):,} characters, more than {LONGEST_NAME}"
    help = "shorten it, and say the rest in `about` or a comment"
    return Diagnostic(code="name-too-long", message=message, span=span, help=help)


class Unexpected(Exception):
    """A word that cannot stand where it stands; at the text's end it is empty."""

    def __init__(self, word: str, start: int, *, is_character: bool) -> None:
        super().__init__(word)
        self.word = word
        self.start = start
        self.is_character = is_character
        """Whether it is a character that begins no word."""


class WordReader:
    """The words of a text, one after another.

    Attributes:
        kind, word, start, end: the next word, which is not taken yet.
        behind: the end of the last word that was taken.
        found: what is wrong in spite of the grammar.
        depth: the levels that are open.
    """

    def __init__(self, text: str, place: Place, counted: Words) -> None:
        self.text = text
        self.place = place
        self.words = words_of(text)
        self.counted = counted
        self.found: list[Diagnostic] = []
        self.depth = 0
        self.end = 0
        self.next()

    def next(self) -> None:
        """Takes the next word."""
        match = next(self.words)
        kind = match.lastindex or 0
        self.behind = self.end
        self.kind = kind
        self.word = match[kind]
        self.start, self.end = match.span(kind)

    def take(self, word: str) -> None:
        """Takes a word that has to stand here."""
        if self.word != word:
            self.unexpected()
        self.next()

    def name(self) -> str:
        """Takes a name."""
        word = self.word
        if self.kind != NAME or word in KEYWORDS:
            self.unexpected()
        self.next()
        return word

    def unexpected(self) -> NoReturn:
        """Refuses the next word."""
        raise Unexpected(self.word, self.start, is_character=self.kind == UNKNOWN)

    def deeper(self) -> None:
        """Goes a level down; who calls it comes up again."""
        self.depth += 1
        if self.depth > DEEPEST:
            message = f"an expression is nested more than {DEEPEST} levels deep"
            self.too_deep(message, self.start, self.end, "give its parts names, as blocks")

    def too_deep(self, message: str, start: int, end: int, help: str) -> NoReturn:
        span = self.place(start, end)
        raise Faults([Diagnostic(code="expression-too-deep", message=message, span=span, help=help)])

    def refuse(self, code: str, message: str, span: Span, help: str) -> None:
        self.found.append(Diagnostic(code=code, message=message, span=span, help=help))
