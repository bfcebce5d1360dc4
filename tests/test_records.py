"""Frozen records: what they hold, how they compare, that they do not change."""

from __future__ import annotations

import pytest

from netdsl.records import record, replace, value_record


@record
class Pair:
    first: int
    fields: int = 2
    """A name that the machinery might use itself."""


@value_record(ignoring=("note",))
class Point:
    x: int
    note: str = ""


def test_every_name_can_be_a_fields() -> None:
    assert (Pair(1).first, Pair(1).fields, Pair(1, fields=3).fields) == (1, 2, 3)


def test_a_record_is_itself_and_a_value_its_fields() -> None:
    assert Pair(1) != Pair(1)
    assert Point(1, "a") == Point(1, "b")
    assert hash(Point(1, "a")) == hash(Point(1, "b"))
    assert Point(1) != Point(2)


def test_a_record_does_not_change_but_has_changed_copies() -> None:
    one = Pair(1)
    with pytest.raises(AttributeError):
        one.first = 2  # type: ignore[misc]
    assert (replace(one, first=2).first, one.first) == (2, 1)
    with pytest.raises(TypeError):
        replace(one, third=3)
