"""Weights carried over to an edited network, with what was kept, what is new, what was lost, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from netdsl.training.weights.correspondence import Comparison, Doubt, part_of
from netdsl.training.weights.leaves import COUNTER, Leaf, leaves


@dataclass(frozen=True, slots=True)
class Kept:
    """A layer whose weights are carried over."""

    source: str
    target: str
    parameters: int


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A layer of one network without a counterpart in the other."""

    name: str
    parameters: int
    reason: str


@dataclass(frozen=True, slots=True)
class Carried:
    """What of a network's weights an edited one has."""

    kept: tuple[Kept, ...]
    """In the order of the edited network."""
    new: tuple[Unmatched, ...]
    """Layers of the edited network that begin as any training begins them."""
    lost: tuple[Unmatched, ...]
    """Layers of the earlier network whose weights are not used."""


class CarryingRefused(Exception):
    """What was kept cannot be told without guessing, or a renamed part is not there; nothing was copied."""


class Doubtful(CarryingRefused):
    """Layers of the earlier network could be several of the edited one."""

    def __init__(self, doubt: Doubt) -> None:
        self.doubt = doubt
        super().__init__(str(doubt))


def carry_weights(
    source: nn.Module,
    target: nn.Module,
    *,
    stages: Collection[str] = (),
    renamed: Mapping[str, str] | None = None,
) -> Carried:
    """Copies parameters and buffers of a network to what it became by editing.

    Args:
        source: the network with the weights.
        target: the edited network; its other layers stay as they are.
        stages: names of parts that a person chose, whatever they end with; see `correspondence`.
        renamed: parts or layers of the source, each with its name in the target.

    Raises:
        CarryingRefused: there are two ways that keep as much, or a renamed part is not there.
    """
    theirs, ours = leaves(source), leaves(target)
    pairs = [*_pairs(theirs, ours, stages, renamed or {})]
    with torch.no_grad():
        for given, taking in pairs:
            for name, tensor in taking.tensors.items():
                if name in given.tensors:
                    tensor.copy_(given.tensors[name])
    return _report(theirs, ours, {ours.name: theirs for theirs, ours in pairs})


def _pairs(
    source: Sequence[Leaf], target: Sequence[Leaf], stages: Collection[str], renamed: Mapping[str, str]
) -> Iterator[tuple[Leaf, Leaf]]:
    """The layers that correspond: renamed parts by themselves, the rest as a whole."""
    for old, new in renamed.items():
        inner = [leaf for leaf in source if leaf.is_within(old)]
        outer = [leaf for leaf in target if leaf.is_within(new)]
        for name, found, where in ((old, inner, "earlier"), (new, outer, "edited")):
            if not found:
                message = f"the {where} network has no layer or part `{name}` with weights"
                raise CarryingRefused(message)
        yield from _corresponding(inner, outer, ())
        source = [leaf for leaf in source if leaf not in inner]
        target = [leaf for leaf in target if leaf not in outer]
    yield from _corresponding(source, target, stages)


def _corresponding(
    source: Sequence[Leaf], target: Sequence[Leaf], stages: Collection[str]
) -> Iterator[tuple[Leaf, Leaf]]:
    theirs, ours = part_of(source), part_of(target)
    found = Comparison(stages).networks(theirs, ours)
    if found.doubt is not None:
        raise Doubtful(found.doubt)
    return ((source[i], target[j]) for i, j in found.pairs)


def _report(source: Sequence[Leaf], target: Sequence[Leaf], origins: Mapping[str, Leaf]) -> Carried:
    became = {theirs.name: name for name, theirs in origins.items()}
    theirs, ours = ({leaf.name: leaf for leaf in side} for side in (source, target))
    return Carried(
        kept=tuple(
            Kept(origins[leaf.name].name, leaf.name, leaf.parameters)
            for leaf in target
            if leaf.name in origins
        ),
        new=tuple(
            Unmatched(leaf.name, leaf.parameters, _why_new(leaf, theirs.get(leaf.name), became))
            for leaf in target
            if leaf.name not in origins
        ),
        lost=tuple(
            Unmatched(leaf.name, leaf.parameters, _why_lost(leaf, ours.get(leaf.name), origins))
            for leaf in source
            if leaf.name not in became
        ),
    )


def _why_new(leaf: Leaf, earlier: Leaf | None, became: Mapping[str, str]) -> str:
    if earlier is None:
        return "was not there"
    if earlier.name in became:
        return f"what was called so is `{became[earlier.name]}`"
    return _change(earlier, leaf)


def _why_lost(leaf: Leaf, edited: Leaf | None, origins: Mapping[str, Leaf]) -> str:
    if edited is None:
        return "is not there any more"
    if edited.name in origins:
        return f"what is called so was `{origins[edited.name].name}`"
    return _change(leaf, edited)


def _change(earlier: Leaf, edited: Leaf) -> str:
    """How a layer that kept its name differs from what it was."""
    if earlier.kind != edited.kind:
        return f"was {earlier.kind}, is {edited.kind}"
    for name, tensor in edited.tensors.items():
        if name not in earlier.tensors:
            return f"had no {name}"
        if earlier.tensors[name].shape != tensor.shape:
            before, now = ("×".join(map(str, t.shape)) for t in (earlier.tensors[name], tensor))
            return f"{name} was {before}, is {now}"
    gone = [name for name in earlier.tensors if name not in edited.tensors and name != COUNTER]
    return f"had a {gone[0]}" if gone else "stands in another place"
