"""Edits of a place that fit what stands around it: an item goes with its comma, a step with its arrow.

Each gives no edit where the text around does not say for certain what would be meant.
"""

from __future__ import annotations

import re

from netdsl.diagnostics.diagnostic import Edit
from netdsl.diagnostics.source import Span

_TIGHTER = re.compile(r"\s*([*+|/.\[(%]|if\b|for\b|and\b|or\b)|[ \t]*-(?!>)")
"""What binds the text before it more tightly than an arrow does. A minus on another line begins an item."""
_BEGINNING = re.compile(r"(?:\A|[\n(\[,:]|^\s*-)[ \t]*[\"']?\Z|[|>][-+]?[ \t]*\n\s*\Z", re.MULTILINE)
"""What stands before the first step of a chain."""


def write(span: Span, text: str) -> tuple[Edit, ...]:
    """A place written otherwise."""
    return (Edit(span, text),)


def before(span: Span, text: str) -> tuple[Edit, ...]:
    """A text put before a place."""
    return (Edit(Span(span.source, span.start, span.start), text),)


def behind(span: Span, text: str) -> tuple[Edit, ...]:
    """A text put behind a place."""
    return (Edit(Span(span.source, span.end, span.end), text),)


def remove(span: Span) -> tuple[Edit, ...]:
    """A place taken out."""
    return write(span, "")


def without_item(span: Span) -> tuple[Edit, ...]:
    """An item of a list or an argument taken out, with the comma that set it apart."""
    text = span.source.text
    if comma := re.search(r"[ \t]*,[ \t]*\Z", text[: span.start]):
        return remove(Span(span.source, comma.start(), span.end))
    if comma := re.compile(r"[ \t]*,[ \t]*").match(text, span.end):
        return remove(Span(span.source, span.start, comma.end()))
    alone = text[: span.start].endswith("(") and text[span.end :].startswith(")")
    return remove(Span(span.source, span.start - 1, span.end + 1) if alone else span)


def without_step(span: Span) -> tuple[Edit, ...]:
    """A step of a chain taken out, with its arrow; nothing where something else than a chain holds it."""
    text = span.source.text
    if _TIGHTER.match(text, span.end):
        return ()
    if arrow := re.search(r"\s*->[ \t]*\Z", text[: span.start]):
        return remove(Span(span.source, arrow.start(), span.end))
    following = re.compile(r"[ \t]*->[ \t]*").match(text, span.end)
    if following and _BEGINNING.search(text[: span.start]):
        return remove(Span(span.source, span.start, following.end()))
    return ()


def is_step(span: Span) -> bool:
    """Whether a place is a whole step of a chain, so that another chain can stand there."""
    text = span.source.text
    begins = re.search(r"->\s*\Z", text[: span.start]) or _BEGINNING.search(text[: span.start])
    return bool(begins) and not _TIGHTER.match(text, span.end)
