"""Formulas as polynomials, to take differences of them and to gather their terms.

A layer that grows the channels, repeated, leaves `c + growth + growth + …` behind; as a polynomial that is
`c + 6 * growth`, and what each repeat adds is a difference of two such sums.

    in_channels + growth + growth, minus in_channels + growth   →   growth
"""

from __future__ import annotations

from typing import Any

from netdsl.graph.formula import Formula, formula_of, operand, plain, traced

Monomial = tuple[Formula, ...]
"""The factors of a product, sorted by their text; none for the constant."""

Polynomial = dict[Monomial, int]
"""Whole coefficients by monomial; what is no sum, product or whole number counts as a factor of its own."""

_LARGEST_POWER = 8


def polynomial(value: Formula | Any) -> Polynomial | None:
    """The normal form of a formula or a whole number; None for any other value.

    >>> c = Formula.name("c")
    >>> polynomial(Formula("+", (c, Formula("*", (2, c))))) == {(c,): 3}
    True
    """
    if isinstance(value, bool) or not isinstance(value, Formula | int):
        return None
    if not isinstance(value, Formula):
        return {(): int(value)} if value else {}
    if value.operator in ("+", "-", "*", "neg", "**"):
        parts = [polynomial(operand) for operand in value.operands]
        known = [part for part in parts if part is not None]
        found = _combined(value.operator, known) if len(known) == len(parts) else None
        if found is not None:
            return found
    return {(value,): 1}


def _combined(operator: str, parts: list[Polynomial]) -> Polynomial | None:
    if operator == "neg":
        return _scaled(parts[0], -1)
    left, right = parts
    if operator == "**":
        power = right.get((), 0)
        if right.keys() - {()} or not 1 <= power <= _LARGEST_POWER or len(left) > 1:
            return None
        found = left
        for _ in range(power - 1):
            found = _product(found, left)
        return found
    if operator == "*":
        return _product(left, right)
    return _sum(left, right if operator == "+" else _scaled(right, -1))


def _scaled(terms: Polynomial, factor: int) -> Polynomial:
    return {monomial: factor * coefficient for monomial, coefficient in terms.items()}


def _sum(left: Polynomial, right: Polynomial) -> Polynomial:
    found = dict(left)
    for monomial, coefficient in right.items():
        found[monomial] = found.get(monomial, 0) + coefficient
    return {monomial: coefficient for monomial, coefficient in found.items() if coefficient}


def _product(left: Polynomial, right: Polynomial) -> Polynomial:
    found: Polynomial = {}
    for first, first_coefficient in left.items():
        for second, second_coefficient in right.items():
            monomial = tuple(sorted((*first, *second), key=str))
            found = _sum(found, {monomial: first_coefficient * second_coefficient})
    return found


def as_formula(terms: Polynomial) -> Formula | int:
    """A polynomial as one would write it: `in_channels + 6 * growth - 2`."""
    ordered = sorted(terms.items(), key=lambda term: (term[1] < 0, not term[0]))
    total: Formula | int = 0
    for monomial, coefficient in ordered:
        term = _term(monomial, abs(coefficient))
        if total != 0:
            total = Formula("+" if coefficient > 0 else "-", (total, term))
        elif coefficient > 0:
            total = term
        else:
            total = Formula("neg", (term,)) if isinstance(term, Formula) else -term
    return total


def _term(monomial: Monomial, coefficient: int) -> Formula | int:
    factors: list[Formula | int] = [*([coefficient] if coefficient != 1 or not monomial else []), *monomial]
    found = factors[0]
    for factor in factors[1:]:
        found = Formula("*", (found, factor))
    return found


def difference(later: Formula | Any, earlier: Formula | Any) -> Formula | int | None:
    """What must be added to the earlier to get the later; None where one of them is no whole number."""
    first, second = polynomial(earlier), polynomial(later)
    return None if first is None or second is None else as_formula(_sum(second, _scaled(first, -1)))


def simplified(formula: Formula) -> Formula | int:
    """The formula with its terms gathered, where that is shorter."""
    terms = polynomial(formula)
    assert terms is not None
    gathered = as_formula(terms)
    return gathered if len(str(gathered)) < len(str(formula)) else formula


def gathered(size: int) -> int:
    """The size, its formula with its terms gathered where that is shorter."""
    formula = formula_of(size)
    result: int = size if formula is None else traced(plain(size), simplified(formula))
    return result


def grown(before: int, once: int, after: int, count: int) -> int:
    """A size that repeats made of `before`, with a formula that speaks of their count.

    The first repeat made it `once`, all of them `after`. Where every repeat adds the same, the formula is
    `before + count * step`; otherwise the size is `after` as it stands.
    """
    step = difference(operand(once), operand(before))
    if formula_of(count) is None or step is None or plain(once) == plain(before):
        return after
    if plain(before) + plain(count) * (plain(once) - plain(before)) != plain(after):
        return after
    added = (operand(count), step) if isinstance(step, Formula) else (step, operand(count))
    total = Formula("+", (operand(before), Formula("*", added)))
    result: int = traced(plain(after), total)
    return result
