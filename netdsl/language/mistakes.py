"""Why a text is not an expression: what stands where, and which mistake of a person explains it.

The parser says which word it did not expect. The words around it say what was meant: two layers side by side
lack an arrow, two values in a call lack a comma.
"""

from __future__ import annotations

import re

from netdsl.diagnostics import Diagnostic, Edit, Label
from netdsl.diagnostics.edits import write
from netdsl.language.foreign import foreign_name
from netdsl.language.loose_tokens import (
    CLOSING,
    KEYWORDS,
    NOTHING,
    LooseToken,
    closing_of,
    loose_tokens,
    still_open,
)
from netdsl.language.mending import Fault, close_string, mend, write_character
from netdsl.language.word_reader import Place, Unexpected
from netdsl.language.yaml_mistakes import missing_space

REMEDIES = {
    "missing-parenthesis": ("a parenthesis or bracket is never closed", "close it"),
    "missing-operand": ("an operator has nothing on one side", "give both sides, or leave the operator out"),
    "missing-arrow": ("two layers stand side by side", "join them with `->`"),
    "comma-for-arrow": ("a comma stands between two layers", "join them with `->`"),
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
WRITTEN = {"=>": "->", ">>": "->", "+=": "+", "is": "=="}
"""Those of them for which one thing alone can be meant."""

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
    "\u2018": "'",
    "\u2019": "'",
    "&&": "and",
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


def explain(unexpected: Unexpected, text: str, place: Place) -> Diagnostic:
    """The diagnostic of a text that did not parse."""
    if unexpected.is_character:
        return _unknown_character(unexpected.start, text, place)
    tokens = list(loose_tokens(text))
    if not tokens:
        return Diagnostic(
            code="empty-expression",
            message="an expression is empty",
            span=place(0, len(text)),
            help="write a layer, such as `relu`, or a value",
        )
    found = LooseToken(unexpected.word, unexpected.start if unexpected.word else len(text.rstrip()))
    before = [token for token in tokens if token.start < found.start]
    opened = (still_open(before) or [NOTHING])[-1]
    code = _mistake(before, found, opened, tokens)
    if code == "nested-call" and (foreign := _foreign(text, tokens, found, place)):
        return foreign
    message, remedy = REMEDIES[code]
    shown = f"`{found.text}`" if found.text else "the end"
    labels = (Label(place(opened.start, opened.end), "opened here"),) if code == "missing-parenthesis" else ()
    if code not in ("missing-parenthesis", "surplus-parenthesis"):
        slip = None if code == "comma-for-arrow" else _slip(text, found)
        remedy = slip or _special(code, before, found, tokens) or remedy
    fix = _slip_written(text, found, place) or mend(code, Fault(text, place, tokens, before, found))
    return Diagnostic(
        code=code,
        message=message.format(found=shown),
        span=place(found.start, max(found.end, found.start + 1)),
        label=f"{shown} here",
        labels=labels,
        help=remedy,
        fix=fix,
    )


def _foreign(text: str, tokens: list[LooseToken], opening: LooseToken, place: Place) -> Diagnostic | None:
    """A call of torch's or Keras', `nn.Conv2d(…)`: here a name has no dot in it."""
    dotted = re.search(r"[A-Za-z_][\w.]*\Z", text[: opening.start])
    closing = closing_of(opening, tokens)
    if dotted is None or "." not in dotted[0]:
        return None
    return foreign_name(place(dotted.start(), closing.end if closing else opening.start))


def _special(code: str, before: list[LooseToken], found: LooseToken, tokens: list[LooseToken]) -> str | None:
    """The remedy where more can be said than of the mistake in general."""
    last = before[-1].text if before else ""
    if code == "missing-operand" and "->" in (last, found.text):
        return "leave the arrow out: stages and items of a list follow each other without one"
    if found.text == "for":
        return "a table is unrolled in parentheses: `(… for … in …)`"
    if code == "nested-call" and [t.text for t in tokens if t.start >= found.start][:3] == ["(", "x", ")"]:
        return "leave `(x)` out: a layer acts on what stands before it"
    return None


def _slip(text: str, found: LooseToken) -> str | None:
    """What to write where a habit of another language stands."""
    at = _slip_at(text, found)
    return SLIPS[text[slice(*at)]] if at else None


def _slip_at(text: str, found: LooseToken) -> tuple[int, int] | None:
    """Where a word of `SLIPS` stands: at the fault, or the fault is its first or second half."""
    starts = ((found.start, found.end), (found.start, found.start + 2), (max(0, found.start - 1), found.end))
    return next((place for place in starts if text[slice(*place)] in SLIPS), None)


def _slip_written(text: str, found: LooseToken, place: Place) -> tuple[Edit, ...]:
    at = _slip_at(text, found)
    meant = WRITTEN.get(text[slice(*at)]) if at else None
    return write(place(*at), meant) if at and meant else ()


def _mistake(
    before: list[LooseToken], found: LooseToken, opened: LooseToken, tokens: list[LooseToken]
) -> str:
    """The name of the mistake, from what stands in front of the fault and what is found there."""
    last = before[-1] if before else NOTHING
    if found.text == "for" and opened.text == "[":
        return "bracket-generator"
    if last.text == "=" and not found.begins_value:
        return "missing-value"
    if (last.is_operator and last.text not in ("for", "in") and not found.begins_value) or (
        found.is_operator and found.text not in KEYWORDS and not last.ends_value
    ):
        return "missing-operand"
    if found.text == "=":
        return "assignment"
    if _lacks_else(before):
        return "missing-else"
    if found.text == "":
        return "missing-parenthesis" if opened.text and last.text != "." else "syntax"
    if found.text in CLOSING.values():
        return _wrong_closing(found, opened)
    if found.text == ",":
        return _comma(before, found, opened, tokens)
    if last.ends_value and found.begins_value and "for" not in (token.text for token in before[-2:]):
        return _side_by_side(last, found, _is_listing(before, opened), tokens)
    return "syntax"


def _comma(before: list[LooseToken], found: LooseToken, opened: LooseToken, tokens: list[LooseToken]) -> str:
    """A comma where none can stand: without a value before it, between layers, inside of a number."""
    last = before[-1] if before else NOTHING
    following = next((token for token in tokens if token.start >= found.end), NOTHING)
    if last.text in ("(", "[", ","):
        return "missing-value"
    is_layer = following.is_name and (last.is_name or last.text == ")")
    return "comma-for-arrow" if is_layer and not opened.text else "syntax"


def _wrong_closing(found: LooseToken, opened: LooseToken) -> str:
    if not opened.text:
        return "surplus-parenthesis"
    return "syntax" if CLOSING[opened.text] == found.text else "missing-parenthesis"


def _side_by_side(last: LooseToken, found: LooseToken, is_listing: bool, tokens: list[LooseToken]) -> str:
    """Which sign is missing between two values."""
    touching = last.end >= found.start
    if found.text in ("(", "[") and touching:
        return "nested-call"
    if last.is_plain and found.is_plain and touching:
        return "syntax"  # `3x`, `1.2.3`: one word, not two
    following = next((token.text for token in tokens if token.start >= found.end), "")
    return "missing-comma" if is_listing or following == "=" else "missing-arrow"


def _is_listing(before: list[LooseToken], opened: LooseToken) -> bool:
    """Whether commas are what separates things there: in a call's arguments and in lists."""
    if opened.text == "[":
        return True
    at = before.index(opened) if opened in before else -1
    in_call = at > 0 and before[at - 1].is_plain
    numbers = bool(before) and before[-1].text[:1].isdigit()
    return opened.text == "(" and (in_call or numbers)


def _lacks_else(before: list[LooseToken]) -> bool:
    """Whether an `if` of the innermost bracket, since its last comma, still waits for its `else`."""
    depth, waiting = 0, 0
    for token in reversed(before):
        if token.text in CLOSING.values():
            depth += 1
        elif token.text in CLOSING:
            if depth == 0:
                break
            depth -= 1
        elif depth == 0 and token.text == ",":
            break
        elif depth == 0:
            waiting += (token.text == "if") - (token.text == "else")
    return waiting > 0


def _unknown_character(at: int, text: str, place: Place) -> Diagnostic:
    character = text[at]
    if character in "'\"":
        return Diagnostic(
            code="unclosed-string",
            message="a string is never closed on its line",
            span=place(at, at + 1),
            help=f"end it with {character}",
            fix=close_string(text, at, place),
        )
    if character == ":":
        return _colon(at, text, place)
    doubled = text[at : at + 2] if text[at : at + 2] in LOOKALIKES else character
    narrow = _narrow(character)
    meant = LOOKALIKES.get(doubled) or LOOKALIKES.get(narrow or "", narrow)
    number = f"U+{ord(character):04X}"
    shown = f"`{character}` ({number})" if character.isprintable() else number
    fix = () if character == "?" else write_character(text, at, len(doubled), meant, place)
    return Diagnostic(
        code="unknown-character",
        message=f"the character {shown} has no meaning in an expression",
        span=place(at, at + 1),
        help="write a space" if meant == " " else f"write `{meant}`" if meant else "remove it",
        fix=fix,
    )


def _narrow(character: str) -> str | None:
    """The plain form of a full-width character, as East Asian keyboards give it."""
    return chr(ord(character) - 0xFEE0) if "\uff01" <= character <= "\uff5e" else None


def _colon(at: int, text: str, place: Place) -> Diagnostic:
    """A colon between a key and its value, a name and its argument, or in a slice."""
    before = [token for token in loose_tokens(text) if token.start < at]
    opened = (still_open(before) or [NOTHING])[-1]
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
        fix=write(place(at, at + 1), "=") if opened.text == "(" and before[-1].is_name else (),
    )
