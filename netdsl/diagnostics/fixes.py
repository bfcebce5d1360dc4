"""Help as edits, and edits as text.

A diagnostic that offers the nearest name can be acted on without more being said; others carry their edits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from netdsl.diagnostics.diagnostic import Diagnostic, Edit
from netdsl.diagnostics.source import Source, Span
from netdsl.diagnostics.suggest import nearest, offered

_WORD = re.compile(r"[A-Za-z_]\w*")


def edits_of(diagnostic: Diagnostic) -> tuple[Edit, ...]:
    """The edits that do what a diagnostic's help says; none where it takes a decision."""
    if diagnostic.fix or diagnostic.span is None:
        return diagnostic.fix
    name = offered(diagnostic.help)
    if name is None:
        return ()
    span = diagnostic.span
    words = [
        word for word in _WORD.finditer(span.text) if word[0] != name and nearest(word[0], [name]) == name
    ]
    if len(words) != 1:
        return ()
    start, end = (span.start + place for place in words[0].span())
    return (Edit(Span(span.source, start, end), name),)


def apply(source: Source, edits: Iterable[Edit]) -> str:
    """A text with edits applied, from its end to its beginning; of two that overlap only the later one."""
    text, begun = source.text, len(source.text) + 1
    for edit in sorted(edits, key=lambda edit: (edit.span.start, edit.span.end), reverse=True):
        if edit.span.source is source and edit.span.end <= begun and edit.span.start < begun:
            text = text[: edit.span.start] + edit.replacement + text[edit.span.end :]
            begun = edit.span.start
    return text
