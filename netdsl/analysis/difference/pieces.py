"""What has no counterpart, cut into pieces that a person would speak of: stages, blocks, layers.

Apart from `compare` because it asks only which items stand where, not what they cost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Sequence

from netdsl.analysis.difference.sliding import Step
from netdsl.analysis.difference.terms import BranchesTerm, Chain, Item, LayerTerm, Scope, Term
from netdsl.records import record

FARTHEST = 10
"""How much weight something may go past and still count as moved."""


MOST_PAIRS = 100_000
"""Beyond it, nothing is looked for that may have moved: the networks have little in common."""


@record
class Piece:
    """Steps that are told as one."""

    numbers: tuple[int, ...]
    place: str
    is_forward: bool = False
    """Of something moved, whether it runs earlier now."""
    passed: Chain = ()
    """Of something moved, what it went past."""


def lone_pieces(steps: Sequence[Step], before: Chain, after: Chain, *, has_stages: bool) -> dict[int, Piece]:
    """The piece of each step that has no counterpart, or has it elsewhere.

    Args:
        has_stages: whether the chains are whole networks, and not inside of a stage.
    """
    found = [_moved(gone, come, steps) for gone, come in _moves(steps)]
    moved = {number for piece in found for number in piece.numbers}
    old, new = [step.before for step in steps], [step.after for step in steps]
    found += _pieces(old, new, moved, before, has_stages)
    found += _pieces(new, old, moved, after, has_stages)
    return {number: piece for piece in found for number in piece.numbers}


def _moves(steps: Sequence[Step]) -> Iterator[tuple[int, int]]:
    """Steps that leave out what another one nearby puts in: equal layers first, then those of one kind."""
    gone = [number for number, step in enumerate(steps) if not step.after]
    come = [number for number, step in enumerate(steps) if not step.before]
    if len(gone) * len(come) > MOST_PAIRS:
        return
    for may_be in (_are_equal, _are_of_a_kind):
        for left in list(gone):
            fitting = [n for n in come if may_be(steps[left].before[0].term, steps[n].after[0].term)]
            nearest = min(fitting, key=lambda n: abs(n - left), default=None)
            if nearest is not None and _weight_between(steps, left, nearest) <= FARTHEST:
                gone.remove(left)
                come.remove(nearest)
                yield left, nearest


def _are_equal(before: Term, after: Term) -> bool:
    return before.declared == after.declared


def _are_of_a_kind(before: Term, after: Term) -> bool:
    """Layers without weights whose arguments may have changed on the way."""
    if not (isinstance(before, LayerTerm) and isinstance(after, LayerTerm)):
        return False
    return type(before.layer) is type(after.layer) and before.weight == after.weight == 1


def _weight_between(steps: Sequence[Step], first: int, second: int) -> int:
    between = steps[min(first, second) + 1 : max(first, second)]
    return sum(item.term.weight for step in between for item in (step.after or step.before))


def _moved(gone: int, come: int, steps: Sequence[Step]) -> Piece:
    between = steps[min(gone, come) + 1 : max(gone, come)]
    passed = tuple(item for step in between if step.before for item in step.after)
    return Piece((gone, come), steps[come].after[0].path, come < gone, passed)


def _pieces(
    own: Sequence[Chain], other: Sequence[Chain], moved: Container[int], chain: Chain, has_stages: bool
) -> Iterator[Piece]:
    """The pieces of one side: runs between what has a counterpart, parted at stages and at whole blocks."""
    stages = Counter(item.stage for item in chain if has_stages)
    blocks = _lone_blocks(own, other, chain)
    numbers: list[int] = []
    last: tuple[str, Scope | None] | None = None
    for number, (mine, yours) in enumerate(zip(own, other, strict=True)):
        if not mine:
            continue
        here = None if yours or number in moved else (mine[0].stage, _block(mine[0], blocks))
        if numbers and here != last:
            yield Piece(tuple(numbers), _place([own[n][0] for n in numbers], last, stages))
            numbers = []
        if here is not None:
            numbers.append(number)
        last = here
    if numbers:
        yield Piece(tuple(numbers), _place([own[n][0] for n in numbers], last, stages))


def _lone_blocks(own: Sequence[Chain], other: Sequence[Chain], chain: Chain) -> set[Scope]:
    """The uses of blocks with branches of which no item has a counterpart."""
    whole = Counter(scope for item in chain for scope in item.scopes)
    alone = [mine[0] for mine, yours in zip(own, other, strict=True) if mine and not yours]
    left = Counter(scope for item in alone for scope in item.scopes)
    branching = {scope for item in alone if isinstance(item.term, BranchesTerm) for scope in item.scopes}
    return {scope for scope in branching if left[scope] == whole[scope]}


def _block(item: Item, blocks: Container[Scope]) -> Scope | None:
    return next((scope for scope in item.scopes if scope in blocks), None)


def _place(items: Chain | list[Item], last: tuple[str, Scope | None] | None, stages: Counter[str]) -> str:
    """What a person would call the items: their stage or block, where they are all of it."""
    if len(items) == stages[items[0].stage]:
        return items[0].stage
    return last[1].path if last is not None and last[1] is not None else items[0].path
