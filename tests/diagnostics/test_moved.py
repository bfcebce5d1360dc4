"""Diagnostics of a mended text are told at their places in the text as it was written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netdsl.diagnostics import Diagnostic, Edit, Label, Source, Span
from netdsl.diagnostics.fixes import apply
from netdsl.diagnostics.moved import moved_back

TEXT = Source("spec.yaml", "one: [a] * 2\ntwo:b\nthree: c\n")
COLON = Edit(Span(TEXT, 13, 17), "two: ")
BRACKETS = (Edit(Span(TEXT, 5, 6), "("), Edit(Span(TEXT, 7, 8), ")"))


def test_a_place_behind_an_edit_is_moved_by_what_the_edit_added() -> None:
    edits = (*BRACKETS, COLON)
    changed = Source(TEXT.name, apply(TEXT, edits))
    at = changed.text.index("c\n")
    place = Span(changed, at, at + 1)
    found = Diagnostic(
        code="unknown-name", message="", span=place, labels=(Label(place, "here"),), fix=(Edit(place, "d"),)
    )

    told = moved_back(found, changed, TEXT, edits)

    assert told is not None
    assert told.span is not None
    assert (told.span.source, told.span.text) == (TEXT, "c")
    assert told.labels[0].span == told.span == told.fix[0].span


def test_what_lies_in_what_an_edit_wrote_has_no_place() -> None:
    changed = Source(TEXT.name, apply(TEXT, [COLON]))
    place = Span(changed, changed.text.index("two: ") + 2, changed.text.index("two: ") + 3)

    assert moved_back(Diagnostic(code="a", message="", span=place), changed, TEXT, [COLON]) is None


@given(st.text(min_size=1, max_size=30), st.data())
def test_every_character_that_stays_is_found_again(text: str, data: st.DataObject) -> None:
    source = Source("spec.yaml", text)
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=6, unique=True)))
    edits = [
        Edit(Span(source, start, end), data.draw(st.text(max_size=3)))
        for start, end in zip(places[::2], places[1::2], strict=False)
    ]
    changed = Source("spec.yaml", apply(source, edits))
    growth = 0
    for offset in range(len(text)):
        growth += sum(len(e.replacement) - (e.span.end - e.span.start) for e in edits if e.span.end == offset)
        if any(edit.span.start <= offset < edit.span.end for edit in edits):
            continue
        place = Span(changed, offset + growth, offset + growth + 1)
        told = moved_back(Diagnostic(code="a", message="", span=place), changed, source, edits)

        assert told is None or told.span is None or told.span.start == offset
