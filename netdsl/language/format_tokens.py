"""A document → its tokens: every word, sign and comment of the file, each with where it may stand.

Formatting changes nothing but the blanks between tokens, so that no comment can be lost and no number is
spelled anew. What a token may do (begin a line, touch the one before, be broken away from it) follows from
its place in the document, which is decided here; `format_lines` then sets them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from netdsl.diagnostics import Faults, Source
from netdsl.language.format_expressions import words_of
from netdsl.language.scalars import expression_of, written
from netdsl.language.syntax import Data

_SIGN = re.compile(r"#[^\n]*|(?m:^(?:---|\.\.\.)(?=\s|\Z))|(?m:^%[^\n]*)|[-?:,\[\]{}]")
_BLANKS = " \t"

Path = tuple[str, ...]
Kind = Literal["word", "comment", "comma", "opening", "closing"]
LineStart = Literal["always", "never", "kept"]

_KINDS: dict[str, Kind] = {",": "comma"}
_KINDS |= dict.fromkeys("([{", "opening")
_KINDS |= dict.fromkeys(")]}", "closing")


@dataclass(slots=True)
class Token:
    """A run of characters that formatting leaves as it is."""

    text: str
    kind: Kind
    start: int
    """Where it stands in the source, and the column there, from 0."""
    column: int
    breaks: int
    """Ends of lines between the token before and this one, in the source."""
    blanks: int
    """Characters between the two."""
    begins_line: LineStart
    """Always, never (but behind a comment), or where it did."""
    spaced: bool
    """Whether a blank stands before it on a line."""
    level: int
    """Levels of the document around it: what a line is indented by that it begins."""
    inside: bool
    """Whether it belongs to a value, where brackets indent further, rather than to the document's frame."""
    family: int
    """The collection whose members are laid out alike: columns are aligned among them."""
    looseness: tuple[int, int] | None
    """Brackets around it and how loosely it hangs on what is before: where a line is broken first."""
    padding: int = 0
    """Further blanks before it, which align it with others."""

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def begins_line(token: Token) -> bool:
    """Whether a token begins a line as the author broke the text."""
    return token.begins_line == "always" or (token.begins_line == "kept" and token.breaks > 0)


def tokens_of(source: Source, document: Data) -> list[Token]:
    """The tokens of a document that could be read."""
    walk = _Walk(source)
    walk.value(document, (), 0, 0)
    walk.signs(len(source.text), 0, 0)
    return walk.tokens


def is_text(path: Path) -> bool:
    """Whether the value at a path of keys is text for people rather than an expression."""
    match path:
        case ("name" | "about" | "extends",) | ("heads", _, "at" | "keep") | ("claims", *_, "cite" | "wrong"):
            return True
        case _:
            return False


def is_expression(data: Data, path: Path) -> bool:
    """Whether a scalar is an expression; in a recipe, whose keys others know, whether it reads as one."""
    if is_text(path) or not data.span.text:
        return False
    if path[:1] != ("train",):
        return True
    try:
        expression_of(data)
    except Faults:
        return False
    return True


class _Walk:
    """Goes through a document and collects its tokens; what stands between its scalars are signs."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.tokens: list[Token] = []
        self.brackets = 0
        self.families = 0

    def value(self, data: Data, path: Path, level: int, family: int, *, follows_key: bool = False) -> None:
        """A value whose own lines stand at `level`."""
        if data.kind == "scalar":
            first = len(self.tokens)
            self.scalar(data, is_expression(data, path), level, family)
            if follows_key and first < len(self.tokens) and data.span.text[0] not in "|>":
                self.tokens[first].looseness = (-1, 0)
        elif data.span.text[:1] in ("[", "{"):
            self.flow(data, path, level, family)
        elif data.kind == "list":
            self.items(data, path, level)
        else:
            self.entries(data, path, level)

    def entries(self, data: Data, path: Path, level: int) -> None:
        """A mapping in lines of `key: value`."""
        family = self._new_family()
        for number, (key, value) in enumerate(data.entries()):
            family = family if path else self._new_family()
            self.signs(key.span.start, level, family)
            marked = self._last == "?"
            joins = marked or (number == 0 and self._last == "-")
            inner = (*path, str(key.value))
            self.key(key, inner, level, family, begins_line="never" if joins else "always")
            colon = level if marked else None
            self.signs(value.span.start, level + 1, family, colon=colon)
            self.value(value, inner, level + 1, family, follows_key=True)

    def items(self, data: Data, path: Path, level: int) -> None:
        """A list in lines of `- item`."""
        family = self._new_family()
        for number, item in enumerate(data.items()):
            joins = number == 0 and self._last == "-"
            self.signs(item.span.start, level, family, dash="never" if joins else "always")
            self.value(item, path, level + 1, family)

    def flow(self, data: Data, path: Path, level: int, family: int) -> None:
        """A list in brackets or a mapping in braces."""
        for key, value in data.entries():
            inner = (*path, str(key.value))
            self.signs(key.span.start, level, family, inside=True)
            self.key(key, inner, level, family, begins_line="kept")
            self.signs(value.span.start, level, family, inside=True)
            self.value(value, inner, level, family)
        for item in data.items():
            self.signs(item.span.start, level, family, inside=True)
            self.value(item, path, level, family)
        self.signs(data.span.end, level, family, inside=True)

    def key(self, data: Data, path: Path, level: int, family: int, *, begins_line: LineStart) -> None:
        """A key: it is never broken, and stands on the line of its colon."""
        first = len(self.tokens)
        is_signature = len(path) == 2 and path[0] in ("blocks", "shared")
        self.scalar(data, is_signature, level, family)
        for token in self.tokens[first:]:
            token.begins_line, token.inside = "never", begins_line == "kept"
            token.looseness = token.looseness if token is self.tokens[first] else None
        if first < len(self.tokens):
            self.tokens[first].begins_line = begins_line

    def scalar(self, data: Data, is_expression: bool, level: int, family: int) -> None:
        """A text, word by word where it is an expression and else line by line."""
        if data.span.text[:1] in ("|", ">"):
            self._below_header(data, is_expression, level, family)
        elif not is_expression:
            self._lines(data, level, family)
        else:
            text, first = written(data)
            quote = data.span.text[0] if first > data.span.start else ""
            if quote:
                self._add(quote, data.span.start, level, family)
            self._words(text, first, level, family, spaced=not quote)
            if quote:
                self._add(quote, data.span.end - 1, level, family).spaced = False

    def _words(self, text: str, first: int, level: int, family: int, *, spaced: bool) -> Token | None:
        """An expression; gives its first token."""
        begin = len(self.tokens)
        for word in words_of(text):
            token = self._add(word.text, first + word.start, level, family)
            if len(self.tokens) > begin + 1:
                loose = word.looseness
                token.spaced, token.looseness = word.spaced, None if loose is None else (self.brackets, loose)
            else:
                token.spaced = token.spaced and spaced
            token.kind = "comment" if word.text.startswith("#") else _KINDS.get(word.text, "word")
            self.brackets += (token.kind == "opening") - (token.kind == "closing")
        return self.tokens[begin] if begin < len(self.tokens) else None

    def _below_header(self, data: Data, is_expression: bool, level: int, family: int) -> None:
        """A text behind `|` or `>`, which begins on the next line."""
        header = data.span.text.partition("\n")[0]
        # the number in it is of columns by which the text is indented, and that will be one level
        shown = re.sub(r"^([|>][+-]?)\d", r"\g<1>2", header.rstrip())
        self._add(shown, data.span.start, level, family).begins_line = "never"
        if not is_expression:
            self._folded(data, len(header) + 1, level, family)
            return
        text, first = written(data)
        opening = self._words(text, first, level, family, spaced=True)
        if opening is not None:
            opening.begins_line = "always"

    def _lines(self, data: Data, level: int, family: int) -> None:
        """A text that is no expression, plain or in quotes."""
        start = data.span.start
        for number, line in enumerate(data.span.text.split("\n")):
            text = line.strip(_BLANKS)
            if text:
                at = start + len(line) - len(line.lstrip(_BLANKS))
                self._add(text, at, level, family).begins_line = "always" if number else "kept"
            start += len(line) + 1

    def _folded(self, data: Data, at: int, level: int, family: int) -> None:
        """The lines of a text behind `|` or `>`, which keep how far they are indented beyond each other."""
        lines = data.span.text[at:].split("\n")
        shallowest = min((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), default=0)
        for line in lines:
            text = line[shallowest:].rstrip(_BLANKS)
            if text:
                token = self._add(text, data.span.start + at + shallowest, level, family)
                token.begins_line, token.inside = "always", False
            at += len(line) + 1

    def _add(self, text: str, start: int, level: int, family: int) -> Token:
        """A token as a word of a value; its kind and place may be changed by who adds it."""
        last = self.tokens[-1] if self.tokens else None
        gap = self.source.text[last.end if last else 0 : start]
        is_item = last is not None and last.kind == "comma"
        token = Token(
            text=text,
            kind="word",
            start=start,
            column=self.source.position(start)[1] - 1,
            breaks=gap.count("\n"),
            blanks=len(gap),
            begins_line="kept",
            spaced=last is not None and last.kind != "opening",
            level=level,
            inside=True,
            family=family,
            looseness=(self.brackets, 0) if is_item else None,
        )
        self.tokens.append(token)
        return token

    def signs(
        self,
        until: int,
        level: int,
        family: int,
        *,
        inside: bool = False,
        dash: LineStart = "always",
        colon: int | None = None,
    ) -> None:
        """What stands before a scalar or at the end: comments and YAML's own signs.

        Args:
            until: where the scalar begins.
            level: the level of the lines there.
            family: the collection they belong to.
            inside: whether they stand in brackets or braces.
            dash: whether a dash begins a line.
            colon: the level of a colon on a line of its own, behind a key after `?`.
        """
        at = self.tokens[-1].end if self.tokens else 0
        for found in _SIGN.finditer(self.source.text, at, until):
            sign = found.group()
            token = self._add(sign, found.start(), level, family)
            token.inside = inside
            token.kind = "comment" if sign.startswith("#") else _KINDS.get(sign, "word")
            self.brackets += (token.kind == "opening") - (token.kind == "closing")
            if sign == ":" and colon is not None:
                token.begins_line, token.level = "always", colon
            elif sign in (":", ",", "]", "}"):
                token.spaced, token.looseness = False, None
                token.begins_line = "never" if sign in (":", ",") else "kept"
            elif token.kind == "comment":
                token.looseness = None
            elif token.kind != "opening":
                token.begins_line = dash if sign == "-" else "always"

    def _new_family(self) -> int:
        self.families += 1
        return self.families

    @property
    def _last(self) -> str:
        """The sign before, where it is one of the document's frame."""
        return self.tokens[-1].text if self.tokens and not self.tokens[-1].inside else ""
