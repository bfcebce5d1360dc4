"""A network, and what became of it by editing → which layer of the one is which of the other.

A name that a person chose says what a part is, so parts of a chosen name correspond, wherever they stand.
Names that netdsl gave end in a number, which counts places: `conv2` is another layer once one was put before
it. Such parts, and those that were renamed, correspond in their order: in the way that keeps most layers with
a weight matrix, of several such ways in the one that keeps most names, and of those in the one that keeps
most layers of vectors alone, such as normalisations, of which any two are alike. Where that leaves two ways,
there is no answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from netdsl.training.weights.leaves import Leaf

Indices = tuple[tuple[int, int], ...]
"""Layers that correspond, by their places among the layers of either part."""
_MANY = 10**6
"""More than a network has layers or names."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A layer, or what stands together under a name."""

    path: str
    layers: tuple[Leaf, ...]
    first: int
    """The place of its first layer among those of the part around it."""
    parts: tuple[Part, ...]
    form: tuple[object, ...]
    """Its layers by kind and shape, with their names inside of it."""

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]


Names = tuple[str, str]
"""A part of the source and one of the target, by their paths within the parts that are compared."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Two pairs that cannot both be, in ways that are as good as each other."""

    first: Names
    second: Names

    def inside(self, source: str, target: str) -> Doubt:
        """The same as seen from the parts around."""
        first, second = (
            (f"{source}.{theirs}".strip("."), f"{target}.{ours}".strip("."))
            for theirs, ours in (self.first, self.second)
        )
        return Doubt(first, second)

    def __str__(self) -> str:
        (a, b), (c, d) = self.first, self.second
        if a == c:
            return f"`{a}` could be `{b}` or `{d}`"
        if b == d:
            return f"`{a}` or `{c}` could be `{b}`"
        return f"`{a}` could be `{b}`, or `{c}` could be `{d}`, but these stand in the other order"


@dataclass(frozen=True, slots=True)
class Correspondence:
    """How two parts correspond."""

    pairs: Indices = ()
    matrices: int = 0
    """Of the layers, those with a weight matrix."""
    named: int = 0
    """Parts inside that kept their names."""
    doubt: Doubt | None = None

    @property
    def weight(self) -> int:
        """How much is kept: layers with a matrix, then names, then layers."""
        return (self.matrices * _MANY + self.named) * _MANY + len(self.pairs)

    def inside(self, source: str, target: str) -> Correspondence:
        """The same where parts stand alone in others: the names of those inside."""
        return replace(self, doubt=self.doubt and self.doubt.inside(source, target))


def part_of(layers: Sequence[Leaf]) -> Part:
    """A whole network as a part without a name."""
    return _part("", tuple(layers), 0, 0)


def _part(path: str, layers: tuple[Leaf, ...], first: int, level: int) -> Part:
    if len(layers) == 1 and layers[0].name == path:
        return Part(path, layers, first, (), layers[0].signature)
    found = []
    done = 0
    for inner, group in groupby(layers, lambda leaf: ".".join(leaf.name.split(".")[: level + 1])):
        members = tuple(group)
        found.append(_part(inner, members, done, level + 1))
        done += len(members)
    return Part(path, layers, first, tuple(found), tuple((part.name, part.form) for part in found))


class Comparison:
    """Compares parts; what has the same form is compared once."""

    def __init__(self, chosen: Collection[str]) -> None:
        """Names that stand in the net itself and that a person chose, whatever they end with."""
        self._chosen = chosen
        self._known: dict[tuple[object, object], Correspondence] = {}

    def networks(self, source: Part, target: Part) -> Correspondence:
        """How two whole networks correspond."""
        return self._by_parts(source, target, self._chosen)

    def parts(self, source: Part, target: Part) -> Correspondence:
        """How two parts correspond, whatever they are called."""
        key = (source.form, target.form)
        if key not in self._known:
            self._known[key] = self._compared(source, target)
        return self._known[key]

    def _compared(self, source: Part, target: Part) -> Correspondence:
        found = self._by_parts(source, target, ()) if source.parts and target.parts else Correspondence()
        ways = [found]
        if len(source.parts) == 1 and target.parts:  # a block was written out
            ways.append(self.parts(source.parts[0], target).inside(source.parts[0].name, ""))
        if len(target.parts) == 1 and source.parts:  # a chain was made a block
            ways.append(self.parts(source, target.parts[0]).inside("", target.parts[0].name))
        found = max(ways, key=lambda way: way.weight)
        # the same layers in any other division
        count = len(source.layers)
        if len(found.pairs) < count == len(target.layers):
            signatures = zip(source.layers, target.layers, strict=True)
            if all(theirs.signature == ours.signature for theirs, ours in signatures):
                matrices = sum(leaf.has_matrix for leaf in target.layers)
                return Correspondence(tuple((place, place) for place in range(count)), matrices)
        return found

    def _by_parts(self, source: Part, target: Part, chosen: Collection[str]) -> Correspondence:
        theirs, ours = ({part.name: part for part in side.parts} for side in (source, target))
        same = {name for name in theirs if name in ours and (name in chosen or not name[-1:].isdigit())}
        pairs = [(theirs[name], ours[name]) for name in same]
        doubt = None
        gaps = _gaps(source.parts, same)
        for place, between in _gaps(target.parts, same).items():
            aligned, unsure = self._in_order(gaps.get(place, []), between)
            pairs += aligned
            doubt = doubt or unsure
        return self._joined(pairs, doubt)

    def _joined(self, pairs: Sequence[tuple[Part, Part]], doubt: Doubt | None) -> Correspondence:
        found: list[tuple[int, int]] = []
        matrices = named = 0
        for theirs, ours in pairs:
            inner = self.parts(theirs, ours)
            found += [(theirs.first + i, ours.first + j) for i, j in inner.pairs]
            matrices += inner.matrices
            named += inner.named + (theirs.name == ours.name and bool(inner.pairs))
            doubt = doubt or inner.inside(theirs.name, ours.name).doubt
        return Correspondence(tuple(found), matrices, named, doubt)

    def _in_order(
        self, source: Sequence[Part], target: Sequence[Part]
    ) -> tuple[list[tuple[Part, Part]], Doubt | None]:
        """The pairs that keep most, in order."""
        start = _equal(zip(source, target, strict=False))
        left = min(len(source), len(target)) - start
        end = min(left, _equal(zip(reversed(source), reversed(target), strict=False)))
        outer = [*zip(source[:start], target[:start], strict=True)]
        outer += zip(source[len(source) - end :], target[len(target) - end :], strict=True)
        theirs, ours = source[start : len(source) - end], target[start : len(target) - end]
        weights = [[self._weight(a, b) for b in ours] for a in theirs]
        best, ways = _table(weights)
        pairs = _way(weights, best)
        doubt = _doubt(theirs, ours, weights, pairs) if ways > 1 else None
        return outer + [(theirs[i], ours[j]) for i, j in pairs], doubt

    def _weight(self, source: Part, target: Part) -> int:
        weight = self.parts(source, target).weight
        return weight + _MANY * (source.name == target.name) if weight else 0


def _gaps(parts: Sequence[Part], same: Collection[str]) -> dict[tuple[str, str], list[Part]]:
    """The parts that have no counterpart by name, by the nearest before and behind them that have."""
    gaps: dict[tuple[str, str], list[Part]] = {}
    before, waiting = "", list[Part]()
    for part in parts:
        if part.name not in same:
            waiting.append(part)
            continue
        gaps[before, part.name] = waiting
        before, waiting = part.name, []
    gaps[before, ""] = waiting
    return gaps


def _equal(pairs: Iterator[tuple[Part, Part]]) -> int:
    """How many pairs from the first on have the same name and form: every best way has them."""
    count = 0
    for source, target in pairs:
        if source.name != target.name or source.form != target.form:
            break
        count += 1
    return count


Weights = Sequence[Sequence[int]]


def _table(weights: Weights) -> tuple[list[list[int]], int]:
    """The largest weight of pairs in order among the first i and j, and how many ways have that of all.

    A longest common subsequence with weights (Wagner & Fischer 1974). Of the ways without the pair of the
    last two, those that leave out one and those that leave out the other are added, and those that leave out
    both counted once.
    """
    width = len(weights[0]) if weights else 0
    best = [[0] * (width + 1) for _ in range(len(weights) + 1)]
    ways = [[1] * (width + 1) for _ in range(len(weights) + 1)]
    for i, row in enumerate(weights, start=1):
        for j, weight in enumerate(row, start=1):
            paired = best[i - 1][j - 1] + weight if weight else -1
            top = max(best[i - 1][j], best[i][j - 1], paired)
            best[i][j] = top
            ways[i][j] = (
                (ways[i - 1][j - 1] if paired == top else 0)
                + (ways[i - 1][j] if best[i - 1][j] == top else 0)
                + (ways[i][j - 1] if best[i][j - 1] == top else 0)
                - (ways[i - 1][j - 1] if best[i - 1][j - 1] == top else 0)
            )
    return best, ways[-1][-1]


def _way(weights: Weights, best: Weights) -> list[tuple[int, int]]:
    """A way of the largest weight."""
    i, j = len(weights), len(weights[0]) if weights else 0
    found = []
    while i and j:
        if best[i - 1][j] == best[i][j]:
            i -= 1
        elif best[i][j - 1] == best[i][j]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            found.append((i, j))
    return found


def _doubt(
    source: Sequence[Part], target: Sequence[Part], weights: Weights, pairs: Sequence[tuple[int, int]]
) -> Doubt:
    """A pair of one way, and what contradicts it in another that is as good."""
    top = _table(weights)[0][-1][-1]
    for i, j in reversed(pairs):
        without = [list(row) for row in weights]
        without[i][j] = 0
        best, _ = _table(without)
        if best[-1][-1] == top:
            other = next((k, n) for k, n in _way(without, best) if k == i or n == j or (k < i) != (n < j))
            first, second = ((source[a].name, target[b].name) for a, b in ((i, j), other))
            return Doubt(first, second)
    raise AssertionError("there is one way only: this is a bug in netdsl")
