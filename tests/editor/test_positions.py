"""An editor counts columns in UTF-16 units: positions lead to the character and back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netdsl.diagnostics import Source
from netdsl.editor.positions import offset_of, position_of


@given(st.text(st.sampled_from("ab é𝄞\n→"), max_size=30))
def test_every_character_has_a_position_that_leads_back(text: str) -> None:
    source = Source("a", text)
    for offset in range(len(text) + 1):
        assert offset_of(source, position_of(source, offset)) == offset


@given(st.text(st.sampled_from("ab é𝄞\n"), max_size=30))
def test_columns_are_utf16_units(text: str) -> None:
    source = Source("a", text)
    for offset in range(len(text) + 1):
        line, column = position_of(source, offset)
        assert line == text.count("\n", 0, offset)
        begins = text.rfind("\n", 0, offset) + 1
        assert column == len(text[begins:offset].encode("utf-16-le")) // 2


def test_what_lies_behind_a_line_is_its_end() -> None:
    source = Source("a", "ab\ncd")
    assert offset_of(source, (0, 99)) == 2
    assert offset_of(source, (9, 0)) == 5
