"""Broken expressions → the edits that mend them, for mistakes that say for certain what was meant.

conv(64 3) relu   →   conv(64, 3) -> relu
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from netdsl.diagnostics import Edit, Span
from netdsl.diagnostics.edits import before as put_before
from netdsl.diagnostics.edits import behind, remove, write
from netdsl.language.loose_tokens import (
    CLOSING,
    NOTHING,
    LooseToken,
    closing_of,
    loose_tokens,
    on_level,
    still_open,
)
from netdsl.records import record

Place = Callable[[int, int], Span]
Edits = tuple[Edit, ...]


@record
class Fault:
    """Where an expression could not be read on."""

    text: str
    place: Place
    tokens: Sequence[LooseToken]
    before: Sequence[LooseToken]
    """The tokens in front of the fault."""
    found: LooseToken
    """What stands there; no text at the end."""

    def span(self, token: LooseToken) -> Span:
        return self.place(token.start, token.end)

    @property
    def last(self) -> LooseToken:
        return self.before[-1] if self.before else NOTHING

    @property
    def next(self) -> LooseToken:
        """What follows the fault."""
        return next((token for token in self.tokens if token.start >= self.found.end), NOTHING)


def mend(code: str, fault: Fault) -> Edits:
    """The edits that mend a mistake; none where it takes a decision."""
    mender = _MENDERS.get(code)
    return mender(fault) if mender else ()


def _missing_arrow(fault: Fault) -> Edits:
    return put_before(fault.span(fault.found), "-> ")


def _missing_comma(fault: Fault) -> Edits:
    if fault.last.is_value or fault.found.is_value or fault.next.text == "=":
        return behind(fault.span(fault.last), ",")
    return ()


def _missing_operand(fault: Fault) -> Edits:
    """An arrow too many: stages and items of a list follow each other without one."""
    found, last = fault.found, fault.last
    if last.text == "->" and not found.text:
        start = len(fault.text[: last.start].rstrip())
        return remove(fault.place(start, last.end)) if start else ()
    if found.text == "->" and last.text in ("", "->") and fault.next.text:
        return remove(fault.place(found.start, fault.next.start))
    return ()


def _surplus_parenthesis(fault: Fault) -> Edits:
    """Brackets that close nothing, all that stand there: an operator behind them speaks of a beginning."""
    end = fault.found.end
    for token in fault.tokens:
        if token.start == end and token.text in CLOSING.values():
            end = token.end
    following = next((token.text for token in fault.tokens if token.start >= end), "")
    return remove(fault.place(fault.found.start, end)) if following in ("", "->", ",", "else") else ()


def _missing_parenthesis(fault: Fault) -> Edits:
    opened = still_open(fault.before)
    if fault.found.text:
        return _other_closing(fault, opened)
    around = [[*on_level(token for token in fault.before if token.start > one.start)] for one in opened]
    if len(opened) == 1 and (place := _before_arrow(fault, opened[0], around[0])):
        return behind(fault.span(place), ")")
    for one, level in zip(opened, around, strict=True):
        texts = [token.text for token in level]
        if "->" in texts and (_is_call(fault, one) or _is_bound(texts)):
            return ()
    return behind(fault.span(fault.last), "".join(CLOSING[one.text] for one in reversed(opened)))


def _before_arrow(fault: Fault, opening: LooseToken, level: Sequence[LooseToken]) -> LooseToken | None:
    """The last argument of a call that is left open before an arrow: `conv(64, 3 -> relu`."""
    arrow = next((n for n, token in enumerate(level) if token.text == "->"), 0)
    if arrow and _is_call(fault, opening) and level[arrow - 1].is_value:
        return level[arrow - 1]
    return None


def _is_call(fault: Fault, opening: LooseToken) -> bool:
    at = fault.tokens.index(opening)
    return at > 0 and fault.tokens[at - 1].is_name and fault.tokens[at - 1].end == opening.start


def _is_bound(texts: Sequence[str]) -> bool:
    """Whether something binds the last step of a chain more tightly than its arrow."""
    last = len(texts) - texts[::-1].index("->")
    return any(text in ("*", "+", "-", "|", "if", "else") for text in texts[last:])


def _other_closing(fault: Fault, opened: Sequence[LooseToken]) -> Edits:
    """A bracket of the other kind closes: one was forgotten, or the wrong one was written."""
    if fault.found.text not in CLOSING.values():
        return ()
    wanted = CLOSING[opened[-1].text]
    if len(opened) > 1 and CLOSING[opened[-2].text] == fault.found.text:
        return behind(fault.span(fault.last), wanted)
    return write(fault.span(fault.found), wanted) if len(opened) == 1 else ()


def _assignment(fault: Fault) -> Edits:
    waits = [token.text for token in on_level(reversed_tokens(fault.before))]
    is_condition = "if" in waits and "else" not in waits[: waits.index("if")]
    return write(fault.span(fault.found), "==") if is_condition else ()


def reversed_tokens(before: Sequence[LooseToken]) -> list[LooseToken]:
    """Tokens from the last to the first, brackets turned around, so that levels can be followed backwards."""
    turned = {"(": ")", ")": "(", "[": "]", "]": "["}
    return [LooseToken(turned.get(token.text, token.text), token.start) for token in reversed(before)]


def _nested_call(fault: Fault) -> Edits:
    """`(x)` behind a layer, as Keras gives it its input."""
    closing = closing_of(fault.found, fault.tokens)
    if closing is None or fault.text[fault.found.end : closing.start].strip() != "x":
        return ()
    return remove(fault.place(fault.last.end, closing.end))


def _bracket_generator(fault: Fault) -> Edits:
    opening = still_open(fault.before)[-1]
    closing = closing_of(opening, fault.tokens)
    if closing is None:
        return ()
    return (*write(fault.span(opening), "("), *write(fault.span(closing), ")"))


def _comma_for_arrow(fault: Fault) -> Edits:
    space = "" if fault.text[fault.last.end : fault.found.start] else " "
    behind_it = "" if fault.text[fault.found.end : fault.found.end + 1].isspace() else " "
    return write(fault.span(fault.found), f"{space}->{behind_it}")


_MENDERS: dict[str, Callable[[Fault], Edits]] = {
    "missing-arrow": _missing_arrow,
    "missing-comma": _missing_comma,
    "missing-operand": _missing_operand,
    "surplus-parenthesis": _surplus_parenthesis,
    "missing-parenthesis": _missing_parenthesis,
    "assignment": _assignment,
    "nested-call": _nested_call,
    "bracket-generator": _bracket_generator,
    "comma-for-arrow": _comma_for_arrow,
}


def close_string(text: str, at: int, place: Place) -> Edits:
    """A quote put behind the one word that follows another, where only brackets stand behind it."""
    found = re.compile(r"\w+(?=[)\],\s]*$)", re.MULTILINE).match(text, at + 1)
    return behind(place(at, found.end()), text[at]) if found else ()


def write_character(text: str, at: int, length: int, meant: str | None, place: Place) -> Edits:
    """What was meant by characters that mean nothing, with spaces around a word; None: they are taken out."""
    span = place(at, at + length)
    if meant is None:
        return remove(span)
    if meant in "\"'":
        lookalikes = "\u201c-\u201f" if meant == '"' else "\u2018-\u201b"
        return tuple(
            Edit(place(found.start(), found.end()), meant) for found in re.finditer(f"[{lookalikes}]", text)
        )
    if meant == "->" and not [*loose_tokens(text[at + length :])]:
        return remove(span)  # a semicolon at the end
    if not meant.isalpha() and meant != "->":
        return write(span, meant)
    front = "" if text[:at][-1:].isspace() or at == 0 else " "
    return write(span, f"{front}{meant}{'' if text[at + length : at + length + 1].isspace() else ' '}")
