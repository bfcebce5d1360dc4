"""One printed argument for many uses: what a class's uses have in common in one place of its constructor.

Values are common by their formulas; numbers that happen to be equal are not, for they would part ways as
soon as an argument changes.

    64, 128, 256, 512, each from the formula `c`            →   c
    1, 1, 1, 1                                              →   1
    64, 96, 128, … from one repeat to the next, by growth   →   in_channels + i * growth
    3136, 1024, without a formula                           →   in_features, a further argument of the class
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from netdsl.backends.equalities import Equalities
from netdsl.backends.naming import numbered
from netdsl.backends.scopes import Scope, formula_in, is_same, names_in, rests_on
from netdsl.graph.formula import Formula, operand, plain, traced
from netdsl.graph.graph import Graph
from netdsl.graph.polynomial import difference, polynomial, simplified

LOOP_NAMES = ("i", "j", "index", "number")


class _Missing:
    """In the place of a value that one use of a class does not have, since it took another branch."""


MISSING = _Missing()
_NOTHING_COMMON = object()


@dataclass(frozen=True, eq=False)
class Member:
    """A scope as one use of the printed class has it."""

    number: int
    """Which use."""
    graph: Graph
    position: int | None = None
    """Which repeat, where the repeats differ."""


def is_progression(row: Sequence[Any]) -> bool:
    """Whether values stay the same, or are whole numbers that grow by one step.

    >>> is_progression((64, 96, 128)), is_progression((64, 128, 256)), is_progression(("same", "same"))
    (True, False, True)
    """
    if is_steady(row):
        return True
    if not all(isinstance(value, int) and not isinstance(plain(value), bool) for value in row):
        return False
    steps = [_step(earlier, later) for earlier, later in pairwise(row)]
    if len(steps) == 1:
        return not _takes_back(steps[0])
    return is_steady(steps)


def _takes_back(step: Any) -> bool:
    """Whether a single step replaces a size by another: from `in_channels` to 4 there is no growing."""
    terms = polynomial(_settled_operand(step)) or {}
    return any(coefficient < 0 for monomial, coefficient in terms.items() if monomial)


def is_steady(row: Sequence[Any]) -> bool:
    """Whether values are the same, and so are their formulas."""
    first = formula_in(row[0])
    return all(is_same(value, row[0]) and _is_one(formula_in(value), first) for value in row)


def _is_one(formula: Formula | None, other: Formula | None) -> bool:
    if formula is None or other is None:
        return formula is other
    return formula == other or difference(formula, other) == 0


class Arguments:
    """The names that the constructor of one class can use, and those that it must be given besides."""

    def __init__(self, graphs: Sequence[Graph], scopes: Sequence[Scope], equalities: Equalities) -> None:
        """
        Args:
            graphs: the class's uses.
            scopes: what the names stand for in each.
        """
        self.graphs = graphs
        self.scopes = scopes
        self.equalities = equalities
        self.extras: dict[str, dict[int, Any]] = {}
        """Further arguments, with the value that each use gives."""
        self.fixed: set[str] = set()
        """Names on which constants rest that are printed: with other values they would be other constants."""
        names = {name for scope in scopes for name in scope.values}
        self.loop = next(name for name in LOOP_NAMES if name not in names)

    def common(self, word: str, values: Sequence[Any], members: Sequence[Member]) -> Any:
        """What to print for values that the uses of a class have in one place: a formula or a plain value.

        Args:
            word: what the value is called, should it become a further argument.
        """
        pairs = [pair for pair in zip(values, members, strict=True) if not isinstance(pair[0], _Missing)]
        found = self._shared(pairs)
        if found is not _NOTHING_COMMON:
            return found
        if any(member.position is not None for _, member in pairs):
            return self._growing(word, pairs)
        return self._extra(word, pairs)

    def known(self, values: Sequence[Any], members: Sequence[Member]) -> Any:
        """The same without a further argument: None where the values have nothing in common."""
        fixed = set(self.fixed)
        found = self._shared(list(zip(values, members, strict=True)))
        self.fixed = fixed  # it may not be printed
        return None if found is _NOTHING_COMMON else found

    def _shared(self, pairs: Sequence[tuple[Any, Member]]) -> Any:
        if not pairs:
            return None  # no use has the value, so that none is needed
        formulas = [self._formula(value, member) for value, member in pairs]
        for formula in _briefly(formulas):
            if all(
                own is not None
                and self.scopes[member.number].holds(formula, value)
                and self.equalities.proves(self.graphs[member.number], formula, own)
                for (value, member), own in zip(pairs, formulas, strict=True)
            ):
                self._rest(rests_on(value) for value, _ in pairs)
                return formula
        first = pairs[0][0]
        if formulas.count(None) == len(pairs) and all(is_same(value, first) for value, _ in pairs):
            if any(map(_is_from_outside, (value for value, _ in pairs))):
                return _NOTHING_COMMON  # whoever makes the module knows its formula
            self._rest(names_in(value) for value, _ in pairs)
            return plain(first)
        return self._by_name(pairs) or self._item_by_item(pairs)

    def _rest(self, names: Iterable[frozenset[str]]) -> None:
        self.fixed |= frozenset().union(*names)

    def _formula(self, value: Any, member: Member) -> Formula | None:
        """A value's formula, where it speaks of the names that are known here."""
        formula = formula_in(value)
        return formula if formula is not None and self.scopes[member.number].holds(formula, value) else None

    def _by_name(self, pairs: Sequence[tuple[Any, Member]]) -> Formula | None:
        """The argument that has the same values, for those that cannot carry a formula."""
        if not all(value is None or isinstance(value, str) for value, _ in pairs):
            return None
        for name in self.scopes[0].values:
            if all(self.scopes[member.number].holds(Formula.name(name), value) for value, member in pairs):
                return Formula.name(name)
        return None

    def _item_by_item(self, pairs: Sequence[tuple[Any, Member]]) -> Any:
        lengths = {len(value) if isinstance(value, tuple) else -1 for value, _ in pairs}
        if len(lengths) != 1 or lengths == {-1}:
            return _NOTHING_COMMON
        columns = zip(*([(item, member) for item in value] for value, member in pairs), strict=True)
        items = tuple(map(self._shared, columns))
        return _NOTHING_COMMON if _NOTHING_COMMON in items else Formula("tuple", items)

    def _growing(self, word: str, pairs: Sequence[tuple[Any, Member]]) -> Formula:
        """What to print inside of a repeat, in terms of its number."""
        rows: dict[int, list[tuple[Any, Member]]] = {}
        for value, member in pairs:
            rows.setdefault(member.number, []).append((value, member))
        self._rest(rests_on(value) for value, _ in pairs)
        loop = Formula.name(self.loop)
        if not all(is_progression([value for value, _ in row]) for row in rows.values()):
            return self._table(word, rows, loop)
        firsts = [row[0] for row in rows.values()]
        steps = [(_step(row[0][0], row[1][0]), row[0][1]) for row in rows.values() if len(row) > 1]
        base = self._settled(word, firsts)
        step = self._settled(f"{word}_step", steps)
        grown = loop if is_same(step, 1) else Formula("*", (loop, step))
        return grown if is_same(base, 0) else Formula("+", (base, grown))

    def _settled(self, word: str, pairs: Sequence[tuple[Any, Member]]) -> Any:
        found = self._shared(pairs)
        return self._extra(word, pairs) if found is _NOTHING_COMMON else found

    def _table(self, word: str, rows: Mapping[int, list[tuple[Any, Member]]], loop: Formula) -> Formula:
        tables = [(_table([value for value, _ in row]), row[0][1]) for row in rows.values()]
        longest = max((table for table, _ in tables), key=len)
        if all(formula_in(table) is None and is_same(table, longest[: len(table)]) for table, _ in tables):
            return Formula("index", (plain(longest), loop))
        return Formula("index", (self._settled(f"{word}_table", tables), loop))

    def _extra(self, word: str, pairs: Sequence[tuple[Any, Member]]) -> Formula:
        """A further argument of the class; one with the same values serves for several places."""
        for name, known in self.extras.items():
            if all(is_steady((known.get(member.number, MISSING), value)) for value, member in pairs):
                return Formula.name(name)
        name = next(name for name in numbered(word) if not self._is_taken(name))
        self.extras[name] = {member.number: value for value, member in pairs}
        return Formula.name(name)

    def _is_taken(self, name: str) -> bool:
        return name in self.extras or name == self.loop or any(name in scope.values for scope in self.scopes)


def _is_from_outside(value: Any) -> bool:
    """Whether a value speaks of the sizes of a tensor from around the block."""
    formula = formula_in(value)
    return formula is not None and not all(map(str.isidentifier, formula.names()))


def _briefly(formulas: Sequence[Formula | None]) -> Iterator[Formula]:
    """The different formulas, each as short as it can be said."""
    for formula in dict.fromkeys(formulas):
        if formula is not None:
            shorter = simplified(formula)
            yield shorter if isinstance(shorter, Formula) else formula


def _table(row: Sequence[Any]) -> tuple[Any, ...]:
    """The values of every repeat as one value."""
    formula = Formula("tuple", tuple(map(operand, row))) if any(map(formula_in, row)) else None
    table: tuple[Any, ...] = traced(tuple(map(plain, row)), formula)
    return table


def _step(earlier: Any, later: Any) -> Any:
    """What a value grows by from one repeat to the next, with its formula."""
    grown = difference(_settled_operand(later), _settled_operand(earlier))
    return traced(plain(later) - plain(earlier), grown)


def _settled_operand(value: Any) -> Any:
    formula = formula_in(value)
    return plain(value) if formula is None else formula
