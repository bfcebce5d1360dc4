"""The equal items of two long sequences that differ little: the shortest edit script (Myers 1986).

Takes time for what differs, not for what is there, where the table of an alignment would be too large.
"""

from __future__ import annotations

from collections.abc import Sequence

MOST_EDITS = 600
"""Edits up to which a script is looked for."""


def equal_items(before: Sequence[int], after: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of positions of equal items, as many as can be in order; none where too much differs.

    >>> equal_items([1, 2, 3, 4], [1, 3, 5, 4])
    [(0, 0), (2, 1), (3, 3)]
    """
    reached = {1: 0}
    trail: list[dict[int, int]] = []
    for edits in range(min(MOST_EDITS, len(before) + len(after)) + 1):
        trail.append(dict(reached))
        for diagonal in range(-edits, edits + 1, 2):
            i = _begin(reached, diagonal, edits)
            while i < len(before) and i - diagonal < len(after) and before[i] == after[i - diagonal]:
                i += 1
            reached[diagonal] = i
            if i >= len(before) and i - diagonal >= len(after):
                return _walked_back(trail, len(before), len(after))
    return []


def _puts_in(reached: dict[int, int], diagonal: int, edits: int) -> bool:
    """Whether a diagonal is entered by an item put in, not by one left out: by whichever got further."""
    return diagonal == -edits or (diagonal != edits and reached[diagonal - 1] < reached[diagonal + 1])


def _begin(reached: dict[int, int], diagonal: int, edits: int) -> int:
    """Where a diagonal is entered."""
    if _puts_in(reached, diagonal, edits):
        return reached[diagonal + 1]
    return reached[diagonal - 1] + 1


def _walked_back(trail: Sequence[dict[int, int]], i: int, j: int) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    for edits in range(len(trail) - 1, -1, -1):
        reached, diagonal = trail[edits], i - j
        begin = _begin(reached, diagonal, edits)
        while i > begin and i > 0 and j > 0:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        if edits and _puts_in(reached, diagonal, edits):
            j -= 1
        elif edits:
            i -= 1
    return pairs[::-1]
