"""Diagnostics of a text with edits applied → the same of the text as it was written.

What hides the rest of a text, such as a bracket that YAML takes for its own, is mended on a copy; what is
found there is told at its place in the user's file.
"""

from __future__ import annotations

from collections.abc import Sequence

from netdsl.diagnostics.diagnostic import Diagnostic, Edit, Label
from netdsl.diagnostics.source import Source, Span
from netdsl.records import replace


class _Written(Exception):
    """A place lies in what an edit wrote, and so nowhere in the user's text."""


def moved_back(
    diagnostic: Diagnostic, changed: Source, source: Source, edits: Sequence[Edit]
) -> Diagnostic | None:
    """A diagnostic of the changed text at its place in the text that the edits were applied to.

    None where it speaks of what an edit wrote.
    """

    def span(place: Span) -> Span:
        if place.source is not changed:
            return place
        start = _moved(place.start, edits)
        last = _moved(max(place.start, place.end - 1), edits)
        return Span(source, start, last + 1 if place.end > place.start else start)

    def labels(given: Sequence[Label]) -> tuple[Label, ...]:
        return tuple(Label(span(label.span), label.text) for label in given)

    try:
        return replace(
            diagnostic,
            span=None if diagnostic.span is None else span(diagnostic.span),
            labels=labels(diagnostic.labels),
            trail=labels(diagnostic.trail),
            fix=tuple(Edit(span(edit.span), edit.replacement) for edit in diagnostic.fix),
        )
    except _Written:
        return None


def _moved(offset: int, edits: Sequence[Edit]) -> int:
    """Where a character of the changed text stands in the other."""
    growth = 0
    for edit in sorted(edits, key=lambda edit: edit.span.start):
        start = edit.span.start + growth
        if offset < start:
            break
        if offset < start + len(edit.replacement):
            raise _Written
        growth += len(edit.replacement) - (edit.span.end - edit.span.start)
    return offset - growth
