"""Series and fans as expressions: modules one after another or beside each other.

Equal ones become a comprehension, and so do those that grow by the same step from each to the next.

    nn.Sequential(Bottleneck(in_channels, c), *[Bottleneck(4 * c, c) for _ in range(n - 1)])
    nn.Sequential(*[DenseLayer(in_channels + i * growth, growth) for i in range(n)])
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from netdsl.backends.arguments import Member
from netdsl.backends.layout import Bracketed, Comprehension, Expression, Item, call, substituted
from netdsl.backends.naming import unused
from netdsl.backends.structures import Layouts
from netdsl.graph.formula import Formula
from netdsl.graph.graph import Child, Fan, Node, Series
from netdsl.graph.polynomial import simplified

if TYPE_CHECKING:
    from netdsl.backends.modules import Modules

MANY = 3
"""From how many equal modules on they are written as a comprehension."""


class Repeats:
    """Prints the construction of series and fans for all uses of a class at once."""

    def __init__(self, modules: Modules) -> None:
        self.modules = modules

    def series(self, members: Sequence[Member], nodes: Sequence[Node], hint: str) -> Expression:
        every: list[Series] = [node.operation for node in nodes]  # type: ignore[misc]
        name = self.modules.file.series_class(hint, every[0], nodes[0])
        items = self._series_items(members, every, hint)
        return call("nn.Sequential", *items) if name is None else _listed(name, items)

    def _series_items(self, members: Sequence[Member], every: Sequence[Series], hint: str) -> list[Item]:
        layouts = self._layouts(members, every)
        if "first" in layouts and any(len(series.children) > 1 for series in every):
            return self._first_and_rest(members, every, hint)
        if "counted" in layouts:
            return self._counted(members, every, hint)
        if every[0].count is not None:
            found = self._count(members, every)
            if isinstance(found, Formula):
                self.modules.require(Formula("==", (found, int(every[0].count))))
        return self._one_by_one(members, [series.children for series in every], hint)

    def _one_by_one(
        self, members: Sequence[Member], every: Sequence[tuple[Child, ...]], hint: str
    ) -> list[Item]:
        """Each member of a series or a fan; beside uses of shared modules, the others by their number."""
        wiring = self.modules.file.variants.wiring
        made: dict[int, Expression] = {}
        position = 0
        for number, child in enumerate(every[0]):
            if wiring.shared_module(child.graph) is None:
                inner = [replace(m, graph=c[number].graph) for m, c in zip(members, every, strict=True)]
                places = range(position, position + child.count)
                made |= dict.fromkeys(places, self.modules.module(inner, hint))
            position += child.count
        if len(made) < position:
            return [Item(module, f'"{number}": ') for number, module in made.items()]
        return self._over_table(list(made.values())) or _runs(list(made.values()))

    def _over_table(self, made: Sequence[Expression]) -> list[Item]:
        """A comprehension over a list of which every module takes the item of its own number."""
        lists = set(re.findall(r"\b(\w+)\[0\]", made[0].flat)) if len(made) >= MANY else set()
        scopes = self.modules.scopes
        for name in sorted(lists):
            values = [scope.values.get(name) for scope in scopes]
            if not all(isinstance(value, tuple) and len(value) == len(made) for value in values):
                continue
            item = unused("row", [*scopes[0].values, *self.modules.arguments.extras])
            members = [substituted(one, f"{name}[{number}]", item) for number, one in enumerate(made)]
            if len({member.flat for member in members}) == 1:
                length = Formula("call", ("len", Formula.name(name)))
                self.modules.require(Formula("==", (length, len(made))))
                return [Item(Comprehension(members[0], f"for {item} in {name}"), "*")]
        return []

    def _layouts(self, members: Sequence[Member], every: Sequence[Series]) -> set[str]:
        common: Layouts | None = None
        for member, series in zip(members, every, strict=True):
            own = self.modules.file.variants.layouts[id(series), id(self.modules.scopes[member.number])]
            common = own if common is None else common.common(own)
            assert common is not None, "the members of one class have series that cannot be written alike"
        assert common is not None
        return {layout[0] for layout in common}

    def _count(self, members: Sequence[Member], every: Sequence[Series]) -> Any:
        return self.modules.arguments.common("count", [series.count for series in every], members)

    def _repeated(self, element: Expression, count: Any, grows: bool = False) -> list[Item]:
        loop = self.modules.arguments.loop
        if not grows or re.search(rf"\b{loop}\b", element.flat) is None:
            loop = "_"
        if isinstance(count, int) and count < MANY and loop == "_":
            return [Item(element)] * count
        clause = f"for {loop} in range({self.modules.expression(count).flat})"
        return [Item(Comprehension(element, clause), "*")]

    def _first_and_rest(self, members: Sequence[Member], every: Sequence[Series], hint: str) -> list[Item]:
        pairs = list(zip(members, every, strict=True))
        first = self.modules.module([replace(m, graph=s.children[0].graph) for m, s in pairs], hint)
        longer = [(m, s) for m, s in pairs if sum(child.count for child in s.children) > 1]
        last = [replace(m, graph=s.children[-1].graph) for m, s in longer]
        rest = self.modules.module(last, hint) if last else first
        count = self._count(members, every)
        if rest.flat == first.flat:
            return self._repeated(first, count)
        if isinstance(count, Formula):
            self.modules.require(Formula(">=", (count, 1)))  # the first is there in any case
            fewer = simplified(Formula("-", (count, 1)))
        else:
            fewer = count - 1
        return [Item(first), *self._repeated(rest, fewer)]

    def _counted(self, members: Sequence[Member], every: Sequence[Series], hint: str) -> list[Item]:
        expanded = []
        grows = False
        for member, series in zip(members, every, strict=True):
            differ = len(series.children) > 1 and all(child.count == 1 for child in series.children)
            grows |= differ
            for position, child in enumerate(series.children):
                where = position if differ else member.position
                expanded.append(replace(member, graph=child.graph, position=where))
        count = self._count(members, every)
        if not expanded:
            if isinstance(count, Formula):
                self.modules.require(Formula("==", (count, 0)))
            return []
        counts = {series.count for series in every}
        changes = any(member.graph.inputs[0] != member.graph.output for member in expanded)
        if isinstance(count, Formula) and changes and counts <= {0, 1}:
            # a second would be made for what the first gives, which is of another shape
            self.modules.require(Formula("==" if counts == {1} else "<=", (count, 1)))
        return self._repeated(self.modules.module(expanded, hint), count, grows)

    def fan(self, members: Sequence[Member], nodes: Sequence[Node], hint: str) -> Expression:
        every: list[Fan] = [node.operation for node in nodes]  # type: ignore[misc]
        items = self._one_by_one(members, [fan.children for fan in every], hint)
        return _listed(self.modules.file.fan_class(every[0], nodes[0]), items)


def _listed(name: str, items: Sequence[Item]) -> Expression:
    """A call with one list of modules, or with a dictionary where they have their numbers before them."""
    if len(items) == 1 and isinstance(items[0].value, Comprehension):
        return call(name, Item(items[0].value))
    opening, closing = "{}" if items and items[0].prefix.startswith('"') else "[]"
    return call(name, Item(Bracketed(opening, tuple(items), closing)))


def _runs(made: Sequence[Expression]) -> list[Item]:
    """Expressions one after another; several equal ones as a comprehension."""
    items: list[Item] = []
    for _, group in groupby(made, key=lambda element: element.flat):
        equal = list(group)
        if len(equal) >= MANY:
            items.append(Item(Comprehension(equal[0], f"for _ in range({len(equal)})"), "*"))
        else:
            items += map(Item, equal)
    return items
