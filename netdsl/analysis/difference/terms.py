"""The form in which networks are compared: chains of layers and of branches that are merged.

Blocks, steps, tables and repeats are no part of it, since two specs may say the same network by others: what
is left is a chain whose items are layers or branches beside each other, which are chains again. `chains`
makes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from netdsl.graph.graph import Costs
from netdsl.graph.shapes import Shape
from netdsl.layers.layer import Layer
from netdsl.records import record


class Scope(NamedTuple):
    """The use of a block around an item."""

    path: str
    text: str
    """The use as one would write it: `se(16)`."""


@record
class Names:
    """What the names in a block's formulas stand for, and the same for the names around its use."""

    values: Mapping[str, Any]
    around: Names | None


@record
class LayerTerm:
    """A layer where it stands."""

    declared: int
    """Equal for equal layers."""
    exact: int
    """Equal for equal layers on equal shapes."""
    weight: int
    """What leaving it out counts for when networks are aligned."""
    layer: Layer
    costs: Costs
    input: Shape
    output: Shape
    names: Names | None
    """What its arguments' formulas speak of."""


@record
class BranchesTerm:
    """Branches on one tensor, merged. One that is the tensor itself has no items."""

    declared: int
    exact: int
    weight: int
    kind: str
    """How they are merged; `unused` where what they compute is not."""
    branches: tuple[tuple[Item, ...], ...]
    costs: Costs
    output: Shape


@record
class SharedTerm:
    """A use of a shared module: its parameters are counted elsewhere, once."""

    declared: int
    exact: int
    weight: int
    name: str
    costs: Costs
    output: Shape


@record
class RecallTerm:
    """A tensor from elsewhere takes the place of the current one."""

    declared: int
    exact: int
    weight: int
    source: str
    """The path of what gave it, or the input's name."""
    costs: Costs
    output: Shape


Term = LayerTerm | BranchesTerm | SharedTerm | RecallTerm


class Item(NamedTuple):
    """A term at its place in a chain."""

    term: Term
    path: str
    scopes: tuple[Scope, ...]
    """The uses of blocks around it within its chain, the outermost first."""
    base: str = ""
    """What the paths inside of its branches are relative to."""

    @property
    def stage(self) -> str:
        return self.path.partition(".")[0]

    @property
    def branches(self) -> tuple[Chain, ...]:
        """The chains beside each other in it, with whole paths."""
        assert isinstance(self.term, BranchesTerm)
        if not self.base:
            return self.term.branches
        return tuple(tuple(moved(item, self.base, ()) for item in chain) for chain in self.term.branches)


Chain = tuple[Item, ...]


def costs_of(items: Iterable[Item]) -> Costs:
    """What items cost together."""
    return sum((item.term.costs for item in items), Costs())


def moved(item: Item, prefix: str, scopes: tuple[Scope, ...]) -> Item:
    """An item of a repeated chain at one of its places."""
    inner = tuple(Scope(joined(prefix, scope.path), scope.text) for scope in item.scopes)
    return Item(item.term, joined(prefix, item.path), (*scopes, *inner), joined(prefix, item.base))


def joined(prefix: str, path: str) -> str:
    return f"{prefix}.{path}" if prefix and path else prefix or path
