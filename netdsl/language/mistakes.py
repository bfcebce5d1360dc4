"""Why a text is not an expression: what stands where, and which mistake of a person explains it.

Lark says which token it did not expect. The tokens around it say what was meant: two layers side by side lack
an arrow, two values in a call lack a comma. (Lark's own way, matching the parser's state with those of broken
examples, was tried: an LALR table has too many states for the same mistake, and half of them were missed.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from netdsl.diagnostics import Diagnostic, Label
from netdsl.language import expressions
from netdsl.language.yaml_mistakes import missing_space

REMEDIES = {
    "missing-parenthesis": ("a parenthesis or bracket is never closed", "close it"),
    "missing-operand": ("an operator has nothing on one side", "give both sides, or leave the operator out"),
    "missing-arrow": ("two layers stand side by side", "join them with `->`"),
    "missing-comma": (
        "two values stand side by side",
        "separate them with a comma, or join layers with `->`",
    ),
    "missing-value": ("an argument has no value", "give the value, or leave the argument out"),
    "missing-else": ("`if` has no `else`", "say what happens otherwise: `a if condition else b`"),
    "surplus-parenthesis": (
        "a closing parenthesis or bracket has no beginning",
        "remove it, or open it before",
    ),
    "assignment": ("`=` stands outside a call", "compare with `==`; names are given in `params` or `blocks`"),
    "nested-call": ("only a name can be called", "call a block or a layer by its name alone"),
    "bracket-generator": ("a table is unrolled in brackets", "use parentheses: `(… for … in …)`"),
    "syntax": (
        "{found} was not expected here",
        "an expression is layers joined by `->` and by `+ - * |`, or a value as Python writes it",
    ),
}
"""Each mistake with the fact and the remedy."""

SLIPS = {
    "=>": "write `->`",
    ">>": "write `->`",
    "||": "write `|` between layers, `or` between conditions",
    "+=": "write `+`",
    "elif": "write `else a if condition else b`",
    "is": "compare with `==`",
    "in": "compare with `==`, or ask a list: `c in [1, 2]`",
    ",": "join layers with `->`, and put a list into parentheses or brackets",
}
"""What people write out of habit, with what the language has for it."""

LOOKALIKES = {
    "→": "->",
    "×": "*",
    "−": "-",
    "–": "-",
    "“": '"',
    "”": '"',
    "（": "(",
    "）": ")",
    "，": ",",
    "&": "and",
    "!": "not",
    ";": "->",
    "^": "**",
    "{": "(",
    "}": ")",
    "?": "a if condition else b",
    "\N{NO-BREAK SPACE}": " ",
}
"""Characters that people write for words of the language."""

_TOKEN = re.compile(
    r"""\#[^\n]*                              # a comment
    | "[^"\n]*" | '[^'\n]*'
    | \d[\w.]* | \.\d\w* | [A-Za-z_]\w*
    | -> | \*\* | // | [=!<>]= | \S""",
    re.VERBOSE,
)
_CLOSING = {"(": ")", "[": "]"}
_KEYWORDS = ("if", "else", "for", "in", "and", "or", "not")
_OPERATORS = ("->", "+", "-", "*", "**", "/", "//", "%", "|", "==", "!=", "<=", ">=", "<", ">", *_KEYWORDS)


class _Token(NamedTuple):
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def is_operator(self) -> bool:
        return self.text in _OPERATORS

    @property
    def is_plain(self) -> bool:
        """Whether it is a number, a name or quoted text."""
        return self.text not in (*_KEYWORDS, ".") and re.match(r"[\w\"'.]", self.text) is not None

    @property
    def ends_value(self) -> bool:
        return self.is_plain or self.text in (")", "]")

    @property
    def begins_value(self) -> bool:
        return self.is_plain or self.text in ("(", "[", "not")


_NOTHING = _Token("", 0)


def explain(error: UnexpectedInput, text: str, place: expressions.Place) -> Diagnostic:
    """The diagnostic of a text that did not parse."""
    if isinstance(error, UnexpectedCharacters):
        return _unknown_character(error.pos_in_stream or 0, text, place)  # type: ignore[redundant-expr]
    tokens = list(_tokens(text))
    if not tokens:
        return Diagnostic(
            code="empty-expression",
            message="an expression is empty",
            span=place(0, len(text)),
            help="write a layer, such as `relu`, or a value",
        )
    found = _found(error, text)
    before = [token for token in tokens if token.start < found.start]
    opened = _opened(before)
    code = _mistake(before, found, opened, tokens)
    message, remedy = REMEDIES[code]
    shown = f"`{found.text}`" if found.text else "the end"
    labels = (Label(place(opened.start, opened.end), "opened here"),) if code == "missing-parenthesis" else ()
    if code not in ("missing-parenthesis", "surplus-parenthesis"):
        remedy = _slip(text, found) or remedy
    return Diagnostic(
        code=code,
        message=message.format(found=shown),
        span=place(found.start, max(found.end, found.start + 1)),
        label=f"{shown} here",
        labels=labels,
        help=remedy,
    )


def _slip(text: str, found: _Token) -> str | None:
    """What to write where a habit of another language stands: the fault, or its first half, is in `SLIPS`."""
    around = (found.text, text[found.start : found.start + 2], text[max(0, found.start - 1) : found.end])
    return next((SLIPS[word] for word in around if word in SLIPS), None)


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        if not match.group().startswith("#"):
            yield _Token(match.group(), match.start())


def _found(error: UnexpectedInput, text: str) -> _Token:
    """What Lark did not expect; no text at the end, which Lark puts on the last token."""
    if isinstance(error, UnexpectedEOF) or (
        isinstance(error, UnexpectedToken) and error.token.type == "$END"
    ):
        return _Token("", len(text.rstrip()))
    assert isinstance(error, UnexpectedToken)
    start = error.token.start_pos or 0
    if text[start - 1 : start + 1] == "->":  # where no arrow can stand, Lark takes it for a minus and a `>`
        return _Token("->", start - 1)
    return _Token(str(error.token), start)


def _opened(before: list[_Token]) -> _Token:
    """The innermost parenthesis or bracket that is still open."""
    stack: list[_Token] = []
    for token in before:
        if token.text in _CLOSING:
            stack.append(token)
        elif token.text in _CLOSING.values() and stack:
            stack.pop()
    return stack[-1] if stack else _NOTHING


def _mistake(before: list[_Token], found: _Token, opened: _Token, tokens: list[_Token]) -> str:
    """The name of the mistake, from what stands in front of the fault and what is found there."""
    last = before[-1] if before else _NOTHING
    if found.text == "for" and opened.text == "[":
        return "bracket-generator"
    if last.text == "=" and not found.begins_value:
        return "missing-value"
    if (last.is_operator and last.text not in ("for", "in") and not found.begins_value) or (
        found.is_operator and found.text not in _KEYWORDS and not last.ends_value
    ):
        return "missing-operand"
    if _lacks_else(before):
        return "missing-else"
    if found.text == "":
        return "missing-parenthesis" if opened.text and last.text != "." else "syntax"
    if found.text in _CLOSING.values():
        return _wrong_closing(found, opened)
    if found.text == "=":
        return "assignment"
    if found.text == ",":
        return "missing-value" if last.text in ("(", "[", ",") else "syntax"
    if last.ends_value and found.begins_value and "for" not in (token.text for token in before[-2:]):
        return _side_by_side(last, found, _is_listing(before, opened), tokens)
    return "syntax"


def _wrong_closing(found: _Token, opened: _Token) -> str:
    if not opened.text:
        return "surplus-parenthesis"
    return "syntax" if _CLOSING[opened.text] == found.text else "missing-parenthesis"


def _side_by_side(last: _Token, found: _Token, is_listing: bool, tokens: list[_Token]) -> str:
    """Which sign is missing between two values."""
    touching = last.end >= found.start
    if found.text in ("(", "[") and touching:
        return "nested-call"
    if last.is_plain and found.is_plain and touching:
        return "syntax"  # `3x`, `1.2.3`: one word, not two
    following = next((token.text for token in tokens if token.start >= found.end), "")
    return "missing-comma" if is_listing or following == "=" else "missing-arrow"


def _is_listing(before: list[_Token], opened: _Token) -> bool:
    """Whether commas are what separates things there: in a call's arguments and in lists."""
    if opened.text == "[":
        return True
    at = before.index(opened) if opened in before else -1
    in_call = at > 0 and before[at - 1].is_plain
    numbers = bool(before) and before[-1].text[:1].isdigit()
    return opened.text == "(" and (in_call or numbers)


def _lacks_else(before: list[_Token]) -> bool:
    """Whether an `if` of the innermost bracket, since its last comma, still waits for its `else`."""
    depth, waiting = 0, 0
    for token in reversed(before):
        if token.text in _CLOSING.values():
            depth += 1
        elif token.text in _CLOSING:
            if depth == 0:
                break
            depth -= 1
        elif depth == 0 and token.text == ",":
            break
        elif depth == 0:
            waiting += (token.text == "if") - (token.text == "else")
    return waiting > 0


def _unknown_character(at: int, text: str, place: expressions.Place) -> Diagnostic:
    character = text[at]
    if character in "'\"":
        return Diagnostic(
            code="unclosed-string",
            message="a string is never closed on its line",
            span=place(at, at + 1),
            help=f"end it with {character}",
        )
    if character == ":":
        return _colon(at, text, place)
    meant = LOOKALIKES.get(character)
    number = f"U+{ord(character):04X}"
    shown = f"`{character}` ({number})" if character.isprintable() else number
    return Diagnostic(
        code="unknown-character",
        message=f"the character {shown} has no meaning in an expression",
        span=place(at, at + 1),
        help="write a space" if meant == " " else f"write `{meant}`" if meant else "remove it",
    )


def _colon(at: int, text: str, place: expressions.Place) -> Diagnostic:
    """A colon between a key and its value, a name and its argument, or in a slice."""
    opened = _opened([token for token in _tokens(text) if token.start < at])
    line = text[text.rfind("\n", 0, at) + 1 : at]
    if not opened.text and re.fullmatch(r"\s*[A-Za-z_]\w*", line):
        start = at - len(line.lstrip())
        return missing_space(place(start, at + 1))
    helps = {"[": "take one item: `list[0]`", "(": "an argument is given by `name=value`", "": "remove it"}
    return Diagnostic(
        code="unknown-character",
        message="the character `:` has no meaning in an expression",
        span=place(at, at + 1),
        help=helps[opened.text],
    )
