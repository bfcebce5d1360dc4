"""Steps of an alignment, and which of several equal ones reads best.

Of three equal blocks in the place of two, any run as long as a block is as good for the costs, also one that
begins in the middle of a block and ends in the middle of the next. As `git diff` does with lines, the run is
slid to where it begins and ends with a block.

    block, relu | block, relu    + relu, block    →    block, relu | + block, relu | block, relu
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from netdsl.analysis.difference.terms import Chain, Item

FARTHEST = 64
"""Pairs over which a run may slide."""


class Step(NamedTuple):
    """Items of the first chain and of the second that correspond: a pair, a run without a counterpart, or a
    run and the one item whose longest branch it has become."""

    before: Chain
    after: Chain

    @property
    def is_pair(self) -> bool:
        return len(self.before) == len(self.after) == 1


Cost = Callable[[Item, Item], float | None]
"""What it costs that two items correspond; None where they cannot."""


def slide(steps: Sequence[Step], cost: Cost) -> list[Step]:
    """An alignment of the same cost, its runs without counterpart where they cut the fewest blocks."""
    found = list(steps)
    start = 0
    while start < len(found):
        side = _lone_side(found[start])
        end = start + 1
        while side is not None and end < len(found) and _lone_side(found[end]) == side:
            end += 1
        if side is not None:
            _slide(found, start, end, side, cost)
        start = end
    return found


def _slide(steps: list[Step], start: int, end: int, side: int, cost: Cost) -> None:
    """Slides one run, in place."""
    above, below = _pairs(steps[max(0, start - FARTHEST) : start][::-1]), _pairs(steps[end : end + FARTHEST])
    first, last, length = start - above, end + below, end - start
    mine = [step[side][0] for step in steps[first:last]]
    others = [step[1 - side][0] for step in (*steps[first:start], *steps[end:last])]
    outside = [
        *([steps[first - 1][side][-1]] if first and steps[first - 1][side] else [None]),
        *mine,
        *([steps[last][side][0]] if last < len(steps) and steps[last][side] else [None]),
    ]

    def costs(other: int, position: int) -> float:
        pair = (mine[position], others[other]) if side == 0 else (others[other], mine[position])
        found = cost(*pair)
        return math.inf if found is None else found

    places = [above]
    while places[-1] > 0 and costs(places[-1] - 1, places[-1] - 1 + length) <= costs(*[places[-1] - 1] * 2):
        places.append(places[-1] - 1)
    at = above
    while at < above + below and costs(at, at) <= costs(at, at + length):
        at += 1
        places.append(at)
    best = min(places, key=lambda at: (_cuts(outside, at, at + length), -at))
    if best == above:
        return
    run = [Step((item,), ()) if side == 0 else Step((), (item,)) for item in mine[best : best + length]]
    kept = [
        Step((item,), (other,)) if side == 0 else Step((other,), (item,))
        for item, other in zip([*mine[:best], *mine[best + length :]], others, strict=True)
    ]
    steps[first:last] = [*kept[:best], *run, *kept[best:]]


def _pairs(steps: Sequence[Step]) -> int:
    """How many pairs stand in front, as far as a run may slide."""
    count = 0
    while count < len(steps) and steps[count].is_pair:
        count += 1
    return count


def _cuts(line: Sequence[Item | None], start: int, end: int) -> int:
    """How many blocks and stages go on across the two ends of a run."""
    return _shared(line[start], line[start + 1]) + _shared(line[end], line[end + 1])


def _shared(left: Item | None, right: Item | None) -> int:
    if left is None or right is None:
        return 0
    return len(set(left.scopes) & set(right.scopes)) + (left.stage == right.stage)


def _lone_side(step: Step) -> int | None:
    """Which side alone has items, if one."""
    return None if step.before and step.after else 0 if step.before else 1
