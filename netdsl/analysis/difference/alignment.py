"""What in one chain corresponds to what in another: the cheapest way to turn one into the other.

An alignment of sequences (Needleman & Wunsch 1970) over items, whose pairs cost what their own branches cost
to align. Beside leaving out and putting in there is one more step, since it is what people do: to put a run
of items between a tensor and its merge with that tensor's other branches, as a shortcut does.

    conv, relu, pool   and   conv, batchnorm, tanh, pool   →   conv, + batchnorm, relu ~ tanh, pool
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from netdsl.analysis.difference.equal_items import equal_items
from netdsl.analysis.difference.sliding import Step, slide
from netdsl.analysis.difference.terms import (
    BranchesTerm,
    Chain,
    Item,
    LayerTerm,
    RecallTerm,
    Term,
)
from netdsl.graph.formula import plain

OTHER_SHAPES = 0.05
"""For equal layers on other shapes: where it is open which of several was left out, it is the one that leaves
the others as they were."""
OTHER_STAGE = 0.3
"""For items of stages that both networks have, but not the same."""
OTHER_ARGUMENTS = 0.25
ONE_ARGUMENT = 0.08
SIBLING = 0.55
"""For a layer of another kind from the same file, such as one activation for another, by weight of both. More
than half, so that two that change places are moved, not replaced."""
OTHER_MERGE = 0.5
OTHER_END = 0.6
"""For the first layer with weights, or the last, and one that is neither."""
LOOSEST, LOOSEST_MERGE = 0.75, 0.35
"""Branches correspond, merged alike or not, where that costs less than this part of leaving both out."""
OTHER_SOURCE = 0.5
"""For a tensor from elsewhere that comes from somewhere else, or from a stage of another name."""
WRAPPED = 0.5
OPENED = 0.3
"""For a run without counterpart, however long."""
MOST_CELLS = 400_000
"""Beyond it, equal items are paired first: networks of thousands of layers in a row."""
SLACK = 2
"""Items by which a run may differ in length from the branch it has become."""


class _Cell(NamedTuple):
    """A way to a pair of beginnings."""

    cost: float
    up: int
    """Items of the first chain in its last step."""
    left: int
    from_gap: int
    """Whether the step before that one was of a gap."""


_NEVER = _Cell(math.inf, 0, 0, 0)


def _cost(cell: _Cell) -> float:
    return cell.cost


def _gap(cells: tuple[_Cell, _Cell], weight: int, taken: tuple[int, int]) -> _Cell:
    """A step without counterpart: it goes on with a gap, or begins one."""
    begun, gone_on = cells[0].cost + OPENED, cells[1].cost
    return _Cell(min(begun, gone_on) + weight, *taken, int(gone_on <= begun))


class Aligner:
    """Remembers what it cost to align equal chains: blocks are repeated."""

    def __init__(
        self, shared_stages: frozenset[str] = frozenset(), before: Chain = (), after: Chain = ()
    ) -> None:
        self.shared_stages = shared_stages
        self.ends = _ends(before), _ends(after)
        self._pairs: dict[tuple[int, int], float | None] = {}
        self._distances: dict[tuple[tuple[int, ...], tuple[int, ...]], float] = {}

    def align(self, before: Chain, after: Chain) -> list[Step]:
        """The steps that turn one chain into the other, in order; every item is in one of them."""
        start = 0
        while start < min(len(before), len(after)) and self._same(before[start], after[start]):
            start += 1
        end = 0
        while end < min(len(before), len(after)) - start and self._same(before[-1 - end], after[-1 - end]):
            end += 1
        middle = self._align(before[start : len(before) - end], after[start : len(after) - end])[1]
        head = [Step((a,), (b,)) for a, b in zip(before[:start], after[:start], strict=True)]
        tail = [Step((before[i],), (after[i],)) for i in range(-end, 0)]
        return slide(head + middle + tail, self._pair)

    def distance(self, before: Chain, after: Chain) -> float:
        """What the cheapest steps cost."""
        key = tuple(item.term.declared for item in before), tuple(item.term.declared for item in after)
        if key not in self._distances:
            self._distances[key] = self._align(before, after)[0] if key[0] != key[1] else 0.0
        return self._distances[key]

    def assign(self, before: Sequence[Chain], after: Sequence[Chain]) -> list[tuple[int | None, int | None]]:
        """Which branch has become which, the most similar first; None stands beside one that is alone."""
        pairs = sorted(
            (self.distance(a, b), abs(i - j), i, j)
            for i, a in enumerate(before)
            for j, b in enumerate(after)
            if self._are_similar(a, b)
        )
        found: list[tuple[int | None, int | None]] = []
        left, right = set(range(len(before))), set(range(len(after)))
        for _, _, i, j in pairs:
            if i in left and j in right:
                found.append((i, j))
                left.remove(i)
                right.remove(j)
        for i in sorted(left):  # what was only a shortcut may have got layers, or lost them
            fitting = [j for j in sorted(right) if not (before[i] and after[j])]
            if fitting:
                found.append((i, fitting[0]))
                left.remove(i)
                right.remove(fitting[0])
        found += [(i, None) for i in sorted(left)]
        found += [(None, j) for j in sorted(right)]
        return sorted(found, key=lambda pair: (pair[1] is None, pair[1], pair[0]))

    def _are_similar(self, before: Chain, after: Chain) -> bool:
        """Whether a branch may have become another: both are mere shortcuts, or have something in common."""
        together = _weight(before) + _weight(after)
        return not together if not (before and after) else self.distance(before, after) < 0.9 * together

    def _same(self, before: Item, after: Item) -> bool:
        return before.term.exact == after.term.exact and not self._strays(before, after)

    def _strays(self, before: Item, after: Item) -> bool:
        return before.stage != after.stage and (
            before.stage in self.shared_stages or after.stage in self.shared_stages
        )

    # Pairs

    def _pair(self, before: Item, after: Item) -> float | None:
        """What it costs that one item became the other; None where it could not have."""
        if before.term.exact == after.term.exact:
            cost: float | None = 0.0
        elif before.term.declared == after.term.declared:
            cost = OTHER_SHAPES
        else:
            key = before.term.declared, after.term.declared
            if key not in self._pairs:
                self._pairs[key] = self._pair_terms(before.term, after.term)
            cost = self._pairs[key]
        if cost is None:
            return None
        if self.ends[0].get(before.path) != self.ends[1].get(after.path):
            cost += OTHER_END
        return cost + OTHER_STAGE if self._strays(before, after) else cost

    def _pair_terms(self, before: Term, after: Term) -> float | None:
        if isinstance(before, LayerTerm) and isinstance(after, LayerTerm):
            return _layers(before, after)
        if isinstance(before, BranchesTerm) and isinstance(after, BranchesTerm):
            return self._branches(before, after)
        return OTHER_SOURCE if isinstance(before, RecallTerm) and isinstance(after, RecallTerm) else None

    def _branches(self, before: BranchesTerm, after: BranchesTerm) -> float | None:
        if "unused" in (before.kind, after.kind) and before.kind != after.kind:
            return None
        cost = 0.0 if before.kind == after.kind else OTHER_MERGE
        for i, j in self.assign(before.branches, after.branches):
            if i is None or j is None:
                alone = after.branches[j] if i is None and j is not None else before.branches[i or 0]
                cost += _weight(alone) + 0.2
            else:
                cost += self.distance(before.branches[i], after.branches[j])
        most = LOOSEST if before.kind == after.kind else LOOSEST_MERGE
        return cost if cost < most * (before.weight + after.weight) else None

    # Chains

    def _align(self, before: Chain, after: Chain) -> tuple[float, list[Step]]:
        if len(before) * len(after) > MOST_CELLS:
            return self._align_long(before, after)
        table = self._table(before, after)
        i, j = len(before), len(after)
        cell = min(table[i][j], key=lambda cell: cell.cost)
        cost, steps = cell.cost, list[Step]()
        while i or j:
            steps.append(Step(before[i - cell.up : i], after[j - cell.left : j]))
            i, j = i - cell.up, j - cell.left
            cell = table[i][j][cell.from_gap]
        return cost, steps[::-1]

    def _align_long(self, before: Chain, after: Chain) -> tuple[float, list[Step]]:
        """Equal items first, then what lies between them."""
        keys = [[item.term.declared for item in chain] for chain in (before, after)]
        anchors = equal_items(keys[0], keys[1])
        if not anchors:
            return _in_order(before, after)
        steps: list[Step] = []
        i = j = 0
        for a, b in [*anchors, (len(before), len(after))]:
            steps += self._align(before[i:a], after[j:b])[1] if a > i or b > j else []
            steps += [Step((before[a],), (after[b],))] if a < len(before) else []
            i, j = a + 1, b + 1
        return float(sum(not (step.before and step.after) for step in steps)), steps

    def _table(self, before: Chain, after: Chain) -> list[list[tuple[_Cell, _Cell]]]:
        """For each pair of beginnings the cheapest way there that ends with a pair, and with a gap (as Gotoh
        1982 has it: that a gap begins has a price of its own, so that there are few)."""
        table = [[(_NEVER, _NEVER)] * (len(after) + 1) for _ in range(len(before) + 1)]
        table[0][0] = (_Cell(0.0, 0, 0, 0), _NEVER)
        for i in range(len(before) + 1):
            for j in range(len(after) + 1):
                if not (i or j):
                    continue
                paired = gap = _NEVER
                if i:
                    gap = _gap(table[i - 1][j], before[i - 1].term.weight, (1, 0))
                if j:
                    gap = min(gap, _gap(table[i][j - 1], after[j - 1].term.weight, (0, 1)), key=_cost)
                if i and j:
                    for up, left, cost in self._ways(before, after, i - 1, j - 1):
                        for state, cell in enumerate(table[i - up][j - left]):
                            if cell.cost + cost < paired.cost:
                                paired = _Cell(cell.cost + cost, up, left, state)
                table[i][j] = paired, gap
        return table

    def _ways(self, before: Chain, after: Chain, i: int, j: int) -> list[tuple[int, int, float]]:
        """How the items `i` and `j` may correspond, or a run that ends there and the other: at what cost."""
        pair = self._pair(before[i], after[j])
        found = [] if pair is None else [(1, 1, pair)]
        return found + self._wrapped(before, after, i, j)

    def _wrapped(self, before: Chain, after: Chain, i: int, j: int) -> list[tuple[int, int, float]]:
        """How many items up to `i` may have become a branch of the item `j`, or the reverse, at what cost."""
        found = []
        old, new = before[i].term, after[j].term
        if isinstance(new, BranchesTerm):
            found += [(n, 1, cost) for n, cost in self._runs(before[: i + 1], new)]
        if isinstance(old, BranchesTerm):
            found += [(1, n, cost) for n, cost in self._runs(after[: j + 1], old)]
        return found

    def _runs(self, items: Chain, term: BranchesTerm) -> list[tuple[int, float]]:
        """The lengths of runs at the end of items that may be the longest branch, with what that costs."""
        longest = main_branch(term)
        others = term.weight - _weight(longest)
        if len(longest) < 2 or others > _weight(longest) or not _are_kin(items[-1].term, longest[-1].term):
            return []
        found = []
        for length in range(max(2, len(longest) - SLACK), min(len(items), len(longest) + SLACK) + 1):
            run = items[-length:]
            if _are_kin(run[0].term, longest[0].term):
                cost = self.distance(run, longest)
                if cost < 0.5 * _weight(longest):
                    found.append((length, cost + others + WRAPPED))
        return found


def _ends(chain: Chain) -> dict[str, int]:
    """The paths of the first item with weights and of the last."""
    paths = [item.path for item in chain if item.term.weight > 1]
    return {paths[-1]: -1, paths[0]: 0} if paths else {}


def main_branch(term: BranchesTerm) -> Chain:
    """The branch with the most in it."""
    return max(term.branches, key=_weight)


def _weight(chain: Chain) -> int:
    return sum(item.term.weight for item in chain)


def _are_kin(before: Term, after: Term) -> bool:
    if isinstance(before, LayerTerm) and isinstance(after, LayerTerm):
        return before.layer.word == after.layer.word
    return type(before) is type(after) is BranchesTerm


def _layers(before: LayerTerm, after: LayerTerm) -> float | None:
    """Layers of one kind, or siblings: those that are defined in one module."""
    if before.declared == after.declared:
        return OTHER_SHAPES
    weight = (before.weight + after.weight) / 2
    if type(before.layer) is type(after.layer):
        return weight * min(0.9, OTHER_ARGUMENTS + ONE_ARGUMENT * len(changed_arguments(before, after)))
    if type(before.layer).__module__ != type(after.layer).__module__:
        return None
    return 2 * weight * SIBLING if bool(before.costs.macs) == bool(after.costs.macs) else None


def changed_arguments(before: LayerTerm, after: LayerTerm) -> list[str]:
    """The arguments in which two layers of one kind differ."""
    first, second = dict(before.layer.values), dict(after.layer.values)
    return [n for n in {**first, **second} if plain(first.get(n)) != plain(second.get(n))]


def _in_order(before: Chain, after: Chain) -> tuple[float, list[Step]]:
    """Items paired as they come, those that cannot be left alone."""
    steps: list[Step] = []
    for a, b in zip(before, after, strict=False):
        if type(a.term) is type(b.term) and _may_pair(a.term, b.term):
            steps.append(Step((a,), (b,)))
        else:
            steps += [Step((a,), ()), Step((), (b,))]
    common = min(len(before), len(after))
    steps += [Step((item,), ()) for item in before[common:]]
    steps += [Step((), (item,)) for item in after[common:]]
    return float(len(steps)), steps


def _may_pair(before: Term, after: Term) -> bool:
    if isinstance(before, LayerTerm) and isinstance(after, LayerTerm):
        return _layers(before, after) is not None
    if isinstance(before, BranchesTerm) and isinstance(after, BranchesTerm):
        return "unused" not in (before.kind, after.kind)
    return before.declared == after.declared or type(before) is type(after) is RecallTerm
