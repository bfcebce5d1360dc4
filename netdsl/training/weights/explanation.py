"""Why the weights of one network do not fit another: the first difference, in context, and what helps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, islice, zip_longest

from netdsl.training.weights.alignment import Ambiguous, Meets, align
from netdsl.training.weights.leaves import Leaf, children, difference, fit

BEFORE, BEHIND = 3, 1
"""Layers shown before the first difference and behind it."""
MOST_PARTS_LEFT_OUT, MOST_CHOICES = 3, 200
"""Parts that may be all that is in the way, such as auxiliary classifiers, and choices that are tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What keeps the weights of one network from another."""

    problem: str
    """The first difference, as one fact."""
    context: tuple[str, ...] = ()
    """The layers around it, side by side, and how many fit, one line each."""
    other_classes: tuple[str, ...] = ()
    """Layers of the target that differ in their number of rows, where nothing else does."""
    in_the_way: tuple[str, ...] = ()
    """Parts of either network without which all would fit."""
    is_ambiguous: bool = False
    """Whether there is more than one way, rather than none."""

    def __str__(self) -> str:
        return "\n".join((self.problem, *self.context))


def meets_whole(source: Leaf, target: Leaf) -> bool:
    """Whether every tensor of one layer fits the other."""
    return fit(source, target) == "whole"


def meets_but_for_rows(source: Leaf, target: Leaf) -> bool:
    """The same for layers that may be classifiers of another number of classes."""
    return fit(source, target) is not None


def ambiguity(reason: str) -> Explanation:
    """For layers that could be mapped in several ways."""
    problem = f"the layers can be mapped in more than one way: {reason}"
    return Explanation(problem=problem, is_ambiguous=True)


def explain(source: Sequence[Leaf], target: Sequence[Leaf], meets: Meets) -> Explanation:
    """Why two networks that were to meet layer by layer do not.

    Args:
        source: the layers of the network that has the weights.
        target: those of the network to be given them.
        meets: what was allowed.
    """
    rows = _other_rows(source, target)
    if rows:
        return rows
    in_the_way = _in_the_way(source, target, meets)
    if in_the_way:
        problem = f"{_lengths(source, target)}: {_listed(in_the_way)} {_no_counterpart(source, target)}"
        return Explanation(problem=problem, context=("everything else fits",), in_the_way=in_the_way)
    pairs = list(zip(source, target, strict=False))
    first = next((i for i, pair in enumerate(pairs) if not meets(*pair)), len(pairs))
    if first < len(pairs):
        problem = f"layer {first + 1}: {difference(*pairs[first])}"
    else:
        extra = (source if len(source) > len(target) else target)[first]
        problem = f"{_lengths(source, target)}: `{extra.name}` {_no_counterpart(source, target)}"
    context = (*_side_by_side(source, target, first), _how_many(source, target, first, meets))
    return Explanation(problem=problem, context=context)


def _lengths(source: Sequence[Leaf], target: Sequence[Leaf]) -> str:
    return f"the source has {len(source)} layers with weights, the target {len(target)}"


def _no_counterpart(source: Sequence[Leaf], target: Sequence[Leaf]) -> str:
    return f"without counterpart in the {'target' if len(source) > len(target) else 'source'}"


def _other_rows(source: Sequence[Leaf], target: Sequence[Leaf]) -> Explanation | None:
    """The explanation of networks that differ in nothing but rows, those of classifiers."""
    try:
        found = align(source, target, meets_but_for_rows)
    except Ambiguous:
        return None
    other = [pair for pair in found or () if not meets_whole(*pair)]
    if found is None or not other:
        return None
    problem = f"layer {found.index(other[0]) + 1}: {difference(*other[0])}"
    rows = sorted({(_rows(theirs), _rows(ours)) for theirs, ours in other})
    counts = ", ".join(f"{theirs} there, {ours} here" for theirs, ours in rows)
    names = tuple(ours.name for _, ours in other)
    what = f"only {_listed(names)} differ{'s' * (len(names) == 1)}, and only in rows"
    context = (
        *_side_by_side([a for a, _ in found], [b for _, b in found], found.index(other[0])),
        f"{len(found) - len(other)} of {len(found)} layers fit; {what}: another number of classes ({counts})",
    )
    return Explanation(problem=problem, context=context, other_classes=names)


def _rows(leaf: Leaf) -> int:
    return int(next(tensor for tensor in leaf.tensors.values() if tensor.ndim > 1).shape[0])


def _in_the_way(source: Sequence[Leaf], target: Sequence[Leaf], meets: Meets) -> tuple[str, ...]:
    """The few parts of the longer network without which it would fit the other; none where there are none."""
    longer = source if len(source) > len(target) else target
    surplus = abs(len(source) - len(target))
    sizes = {name: len(layers) for name, layers in children(longer)}
    fitting = (
        names
        for count in range(1, MOST_PARTS_LEFT_OUT + 1)
        for names in combinations(sizes, count)
        if sum(sizes[name] for name in names) == surplus
    )
    for names in islice(fitting, MOST_CHOICES):
        rest = [leaf for name, layers in children(longer) if name not in names for leaf in layers]
        theirs, ours = (rest, target) if longer is source else (source, rest)
        try:
            if align(theirs, ours, meets) is not None:
                return names
        except Ambiguous:
            continue
    return ()


def _side_by_side(source: Sequence[Leaf], target: Sequence[Leaf], first: int) -> list[str]:
    """The layers around a difference as a table: number, source, whether it fits, target."""
    rows = list(enumerate(zip_longest(source, target), start=1))[max(0, first - BEFORE) : first + 1 + BEHIND]
    cells = [
        (str(number), str(theirs or "nothing"), _mark(theirs, ours), str(ours or "nothing"))
        for number, (theirs, ours) in rows
    ]
    widths = [max(len(cell[column]) for cell in cells) for column in range(3)]
    return [
        f"{number:>{widths[0]}}  {theirs:<{widths[1]}}  {mark:<{widths[2]}}  {ours}"
        for number, theirs, mark, ours in cells
    ]


def _mark(source: Leaf | None, target: Leaf | None) -> str:
    return "fits" if source and target and meets_whole(source, target) else "is not"


def _how_many(source: Sequence[Leaf], target: Sequence[Leaf], first: int, meets: Meets) -> str:
    """How many layers fit, before the first difference and at the same place behind it."""
    behind = sum(meets(*pair) for pair in list(zip(source, target, strict=False))[first + 1 :])
    counts = f"{len(source)}" if len(source) == len(target) else f"{len(source)} and {len(target)}"
    return f"of {counts} layers, the first {first} fit, and {behind} behind the difference at their places"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def explain_names(source: Sequence[Leaf], target: Sequence[Leaf]) -> Explanation:
    """Why layers do not meet by name: the first that one network alone has."""
    theirs, ours = ([leaf.name for leaf in side] for side in (source, target))
    missing = [f"the source has no `{name}`" for name in ours if name not in theirs]
    surplus = [f"the target has no `{name}`" for name in theirs if name not in ours]
    return Explanation(problem=(missing + surplus)[0])


def explain_shapes(source: Sequence[Leaf], target: Sequence[Leaf], meets: Meets) -> Explanation:
    """Why layers do not meet by shape: the first that fits none."""
    for side, others, where in ((target, source, "source"), (source, target, "target")):
        for leaf in side:
            fitting = (meets(other, leaf) if side is target else meets(leaf, other) for other in others)
            if not any(fitting):
                return Explanation(problem=f"nothing in the {where} has the shape of {leaf}")
    return Explanation(problem=_lengths(source, target))
