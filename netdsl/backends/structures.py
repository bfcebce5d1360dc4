"""Structures: what two scopes must have in common to share a class.

Nested tuples of names, kinds and wiring, without numbers. They agree where they are equal, but for what
one of them does not know: the side of a choice that it did not take, the members of an empty series.
"""

from __future__ import annotations

from typing import Any

Structure = tuple[Any, ...]
"""Nested tuples; whatever else stands in them compares by equality or by identity."""


class Layouts(tuple[Structure, ...]):
    """The ways in which a series can be written; a class has those that its instances have in common."""

    def common(self, other: Layouts) -> Layouts | None:
        found = [
            merged
            for own in self
            for theirs in other
            if own[0] == theirs[0] and (merged := merged_structure(own, theirs)) is not None
        ]
        return Layouts(found) if found else None


def merged_structure(left: Any, right: Any) -> Any | None:
    """What two structures are together; None where they differ. A side of a choice that one of them does not
    know, and the members of a series that one of them has none of, are taken from the other."""
    if isinstance(left, Layouts) and isinstance(right, Layouts):
        return left.common(right)
    if not (isinstance(left, tuple) and isinstance(right, tuple)):
        return left if left == right else None
    if len(left) != len(right) or (left and left[0] != right[0] and isinstance(left[0], str)):
        return None
    is_open = bool(left) and left[0] in ("choice", "first", "counted")
    merged = []
    for own, theirs in zip(left, right, strict=True):
        if own is None or theirs is None:
            if not is_open and own is not theirs:
                return None
            merged.append(theirs if own is None else own)
            continue
        both = merged_structure(own, theirs)
        if both is None:
            return None
        merged.append(both)
    return tuple(merged)
