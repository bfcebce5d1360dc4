"""Formulas as polynomials: the terms gathered, differences taken, growth told by its count."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdsl.graph.formula import Formula, formula_of, plain, traced
from netdsl.graph.polynomial import difference, gathered, grown, simplified

C, G, N = Formula.name("c"), Formula.name("growth"), Formula.name("n")


def plus(*terms: Any) -> Any:
    total = terms[0]
    for term in terms[1:]:
        total = Formula("+", (total, term))
    return total


def times(*factors: Any) -> Any:
    total = factors[0]
    for factor in factors[1:]:
        total = Formula("*", (total, factor))
    return total


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (plus(C, G, G, G), "c + 3 * growth"),
        (plus(times(4, C), 0, 0), "4 * c"),
        (Formula("-", (plus(C, 7), plus(C, 3))), "4"),
        (Formula("-", (Formula("-", (N, 1)), 1)), "n - 2"),
        (times(plus(C, 1), plus(C, 1)), "(c + 1) * (c + 1)"),
        (Formula("//", (plus(C, 0), 2)), "(c + 0) // 2"),
    ],
)
def test_terms_are_gathered_where_that_is_shorter(formula: Formula, text: str) -> None:
    """The last two stay: the one is longer multiplied out, a quotient is no polynomial."""
    assert str(simplified(formula)) == text


def test_a_difference_is_what_is_added() -> None:
    assert difference(plus(C, G, G), plus(C, G)) == G
    assert difference(plus(C, 2), plus(2, C)) == 0
    assert difference(C, 0.5) is None


formulas = st.recursive(
    st.sampled_from([C, G, 1, 2, 3]),
    lambda inner: st.builds(lambda o, a, b: Formula(o, (a, b)), st.sampled_from("+-*"), inner, inner),
    max_leaves=6,
)


def value_of(formula: Any, c: int, growth: int) -> Any:
    return formula.substitute({"c": c, "growth": growth}) if isinstance(formula, Formula) else formula


@given(formulas, formulas, st.integers(-9, 9), st.integers(-9, 9))
def test_polynomials_keep_their_values(left: Any, right: Any, c: int, growth: int) -> None:
    """Gathered or subtracted, the value is what plain arithmetic gives."""
    gap = difference(left, right)

    assert gap is not None
    assert value_of(gap, c, growth) == value_of(left, c, growth) - value_of(right, c, growth)
    if isinstance(left, Formula):
        assert value_of(simplified(left), c, growth) == value_of(left, c, growth)


def test_what_grows_evenly_is_told_by_its_count() -> None:
    """64 channels, 32 more with each of 6 repeats: 64 + 32 * n."""
    after = grown(64, 96, 256, traced(6, N))

    assert plain(after) == 256
    assert str(formula_of(after)) == "64 + 32 * n"


def test_what_grows_otherwise_is_left_alone() -> None:
    """Doubling is no even growth; a plain count has no name to speak of."""
    assert formula_of(grown(8, 16, 64, traced(3, N))) is None
    assert formula_of(grown(64, 96, 256, 6)) is None


def test_what_stays_the_same_by_chance_does_not_grow() -> None:
    """512 channels into a block of c = 512: nothing says that a repeat adds `c - in_channels`."""
    after = grown(traced(512, Formula.name("in_channels")), traced(512, C), traced(512, C), traced(2, N))

    assert str(formula_of(after)) == "c"


def test_a_sizes_formula_is_gathered() -> None:
    size = gathered(traced(20, plus(C, G, G, G)))

    assert (plain(size), str(formula_of(size))) == (20, "c + 3 * growth")
