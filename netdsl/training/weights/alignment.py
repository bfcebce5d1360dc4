"""Two lists of layers → which layer meets which: in order, or with the parts of one network rearranged.

Libraries agree on the order in which layers run, not on where what runs beside stands: torchvision's
GoogLeNet registers its auxiliary classifiers before the last layer, its Inception-v3 in the middle. So the
children of one of the two networks may stand in another order, as long as the order inside each child stays.
Children that have the same layers keep their order among each other; beyond that there must be one way only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from netdsl.training.weights.leaves import Leaf, children

Meets = Callable[[Leaf, Leaf], bool]
"""Whether a layer of the source may be mapped onto one of the target."""
Alignment = tuple[tuple[Leaf, Leaf], ...]
"""Layers of the source, each with the one of the target that it maps onto, in the target's order."""

MOST_PARTS = 200
"""Children of a network that is tried in another order; a flat one of more has no parts to speak of."""
MOST_TRIES = 100_000
"""Beginnings of arrangements that are tried; networks whose parts can hardly be told apart have more."""


class Ambiguous(Exception):
    """There is more than one way; the message names two."""


def align(source: Sequence[Leaf], target: Sequence[Leaf], meets: Meets) -> Alignment | None:
    """The way in which all layers meet, or None where there is none.

    Raises:
        Ambiguous: there are several.
    """
    if len(source) != len(target):
        return None
    in_order = tuple(zip(source, target, strict=True))
    if not all(meets(theirs, ours) for theirs, ours in in_order):
        found = _rearranged(source, target, meets)
        if not found:
            return None
        in_order = found
    _check_names(source, target, in_order)
    return in_order


def _rearranged(source: Sequence[Leaf], target: Sequence[Leaf], meets: Meets) -> Alignment | None:
    """The one way in which the children of either network, put into another order, meet the other."""
    ways = [tuple(way) for way in islice(_arrangements(source, target, meets), 2)]
    turned = islice(_arrangements(target, source, lambda ours, theirs: meets(theirs, ours)), 2)
    place = {id(leaf): position for position, leaf in enumerate(target)}
    for way in turned:
        pairs = sorted(((theirs, ours) for ours, theirs in way), key=lambda pair: place[id(pair[1])])
        ways.append(tuple(pairs))
    first, *others = ways or [()]
    for other in others:
        for (theirs, ours), (also, _) in zip(first, other, strict=True):
            if theirs is not also:
                raise Ambiguous(f"`{ours.name}` could be `{theirs.name}` or `{also.name}`")
    return first or None


def _arrangements(moved: Sequence[Leaf], fixed: Sequence[Leaf], meets: Meets) -> Iterator[Alignment]:
    """Every way to put the children of one network into an order that meets the other's layers.

    Raises:
        Ambiguous: there are too many to try.
    """
    parts = [layers for _, layers in children(moved)]
    if len(parts) > MOST_PARTS:
        return
    alike = [tuple(leaf.signature for leaf in layers) for layers in parts]
    hopeless: set[frozenset[int]] = set()
    tries = 0

    def walk(left: frozenset[int], position: int) -> Iterator[Alignment]:
        nonlocal tries
        tries += 1
        if tries > MOST_TRIES:
            raise Ambiguous("the parts of the networks can be put together in too many ways")
        if not left:
            yield ()
            return
        if left in hopeless:
            return
        is_hopeless, seen = True, set()
        for number in sorted(left):
            if alike[number] in seen:
                continue
            seen.add(alike[number])
            here = fixed[position : position + len(parts[number])]
            pairs = tuple(zip(parts[number], here, strict=False))
            if len(pairs) == len(parts[number]) and all(meets(*pair) for pair in pairs):
                for rest in walk(left - {number}, position + len(here)):
                    is_hopeless = False
                    yield (*pairs, *rest)
        if is_hopeless:
            hopeless.add(left)

    yield from walk(frozenset(range(len(parts))), 0)


def _check_names(source: Sequence[Leaf], target: Sequence[Leaf], found: Alignment) -> None:
    """Names are no evidence for a mapping, but they can be evidence against one.

    Raises:
        Ambiguous: both networks have a child of a name with the same layers, and another one took its place.
    """
    theirs, ours = dict(children(source)), dict(children(target))
    owner = {id(leaf): name for name, layers in ours.items() for leaf in layers}
    met = {id(a): owner[id(b)] for a, b in found}
    for name, layers in theirs.items():
        other = ours.get(name)
        if other is None or _signatures(layers) != _signatures(other):
            continue
        instead = next((met[id(leaf)] for leaf in layers if met[id(leaf)] != name), None)
        # numbers in names count places, which is what the order says already
        if instead is not None and instead.rstrip("0123456789") != name.rstrip("0123456789"):
            raise Ambiguous(f"by its place `{name}` is `{instead}`, by its name it is `{name}`")


def _signatures(layers: Sequence[Leaf]) -> list[tuple[object, ...]]:
    return [leaf.signature[1:] for leaf in layers]


def align_by_name(source: Sequence[Leaf], target: Sequence[Leaf]) -> Alignment | None:
    """The layers of the same names, or None where one network has a name that the other has not."""
    named = {leaf.name: leaf for leaf in source}
    if named.keys() != {leaf.name for leaf in target}:
        return None
    return tuple((named[leaf.name], leaf) for leaf in target)


def align_by_shape(source: Sequence[Leaf], target: Sequence[Leaf], meets: Meets) -> Alignment | None:
    """The layers that fit, where nothing is known of the order, or None where one fits none.

    Raises:
        Ambiguous: a layer fits several.
    """
    if len(source) != len(target):
        return None
    pairs = []
    for ours in target:
        candidates = [theirs for theirs in source if meets(theirs, ours)]
        if not candidates:
            return None
        if len(candidates) > 1:
            first, second, *_ = candidates
            raise Ambiguous(f"`{ours.name}` could be `{first.name}` or `{second.name}`")
        pairs.append((candidates[0], ours))
    return tuple(pairs) if len({theirs.name for theirs, _ in pairs}) == len(source) else None
