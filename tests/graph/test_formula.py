"""Formulas: a number's text, read in Python with the names bound, is the number."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdsl.graph.formula import (
    FUNCTIONS,
    Formula,
    TracedBool,
    TracedInt,
    apply,
    formula_of,
    items,
    make_divisible,
    operand,
    plain,
    plus,
    times,
    traced,
)

NAMES = {"a": 3, "b": 7, "c": 64, "s": 1, "d": -2, "f": 0.75, "flag": True, "table": (4, 8, 16)}
OPERATORS = ("+", "-", "*", "//", "%", "/", "**", "==", "!=", "<", "<=", ">", ">=")


def python(text: str) -> Any:
    """What Python makes of a formula's text."""
    return eval(text, {"__builtins__": {}}, {**NAMES, **FUNCTIONS})  # noqa: S307 - the test's own formulas


def named(name: str) -> Any:
    return traced(NAMES[name], Formula.name(name))


@st.composite
def values(draw: st.DrawFn, depth: int = 4) -> Any:
    """Numbers computed from names and constants, with their formulas."""
    leaves = st.sampled_from([name for name in NAMES if name != "table"]).map(named) | st.integers(-4, 9)
    if depth == 0:
        return draw(leaves)
    inner = values(depth - 1)
    kind = draw(st.sampled_from(["leaf", "binary", "neg", "not", "logic", "if", "index", "call"]))
    try:
        match kind:
            case "binary":
                return apply(draw(st.sampled_from(OPERATORS)), draw(inner), draw(inner))
            case "neg" | "not":
                return apply(kind, draw(inner))
            case "logic":
                return apply(draw(st.sampled_from(["and", "or"])), draw(inner), draw(inner), draw(inner))
            case "if":
                return apply("if", draw(inner), draw(inner), draw(inner))
            case "index":
                return apply("index", named("table"), draw(st.integers(-3, 2)))
            case "call":
                name = draw(st.sampled_from(["min", "max"]))
                return apply("call", name, draw(inner), draw(inner))
    except (ArithmeticError, TypeError, ValueError):
        pass
    return draw(leaves)


def is_usable(value: Any) -> bool:
    """Whether a drawn number is one that a spec may hold."""
    return isinstance(value, int | float) and math.isfinite(value) and abs(value) < 2**63


@given(values().filter(is_usable))
def test_a_formula_reads_as_the_value_it_stands_for(value: Any) -> None:
    """With Python's precedence: parentheses stand where they are needed."""
    assert python(str(operand(value))) == plain(value)
    assert type(plain(value)) in (int, float, bool)


@given(values().filter(is_usable))
def test_names_can_be_replaced_by_what_they_stand_for(value: Any) -> None:
    """By all their values, which leaves a plain number, or by other formulas."""
    formula = operand(value)
    if not isinstance(formula, Formula):
        return
    assert formula.substitute(NAMES) == plain(value)
    assert formula.names() <= set(NAMES)
    renamed = formula.substitute(
        {name: Formula("+", (Formula.name(name), 0)) for name in NAMES if name != "table"}
    )
    assert renamed.names() == formula.names()
    again: Any = renamed.substitute(NAMES)
    assert float(again) == pytest.approx(float(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a + b * c", apply("+", named("a"), apply("*", named("b"), named("c")))),
        ("(a + b) * c", apply("*", apply("+", named("a"), named("b")), named("c"))),
        ("a - (b - c)", apply("-", named("a"), apply("-", named("b"), named("c")))),
        ("a - b - c", apply("-", apply("-", named("a"), named("b")), named("c"))),
        ("(-a) ** 2", apply("**", apply("neg", named("a")), 2)),
        ("-a ** 2", apply("neg", apply("**", named("a"), 2))),
        ("2 ** a ** s", apply("**", 2, apply("**", named("a"), named("s")))),
        ("a * (-2)", apply("*", named("a"), -2)),
        ("a if flag else b", apply("if", named("a"), named("flag"), named("b"))),
        ("not a == b", apply("not", apply("==", named("a"), named("b")))),
        ("(a == b) == s", apply("==", apply("==", named("a"), named("b")), named("s"))),
        ("table[1] // 2", apply("//", apply("index", named("table"), 1), 2)),
        ("max(a, b + 1)", apply("call", "max", named("a"), apply("+", named("b"), 1))),
        ("(a, b)", apply("tuple", named("a"), named("b"))),
    ],
    ids=str,
)
def test_formulas_are_written_as_a_person_would(text: str, value: Any) -> None:
    """No parentheses but those that are needed; a negative number has some."""
    assert str(formula_of(value)) == text


def test_a_traced_number_is_a_number() -> None:
    """It compares and hashes as one."""
    size = named("c")

    assert size == 64
    assert hash(size) == hash(64)
    assert {size: "found"}[64] == "found"
    assert repr(traced(True, Formula.name("flag"))) == "True"


def test_only_what_depends_on_a_name_has_a_formula() -> None:
    """Constants stay plain."""
    assert formula_of(apply("+", 2, 3)) is None
    assert isinstance(apply("==", named("a"), 3), TracedBool)
    assert isinstance(apply("+", named("a"), 3), TracedInt)
    assert traced("text", Formula.name("a")) == "text"
    assert traced(3, 4) == 3


def test_the_items_of_a_list_keep_their_formulas() -> None:
    a, table = traced(3, Formula.name("a")), traced((4, 8), Formula.name("table"))
    written = traced((0, 3), Formula("tuple", (0, operand(a))))

    assert [str(formula_of(item)) for item in items(table)] == ["table[0]", "table[1]"]
    assert [formula_of(item) for item in items(written)] == [None, Formula.name("a")]
    assert [formula_of(item) for item in items((4, 8))] == [None, None]
    assert items(table) == (4, 8)
    assert items(written) == (0, 3)


def test_a_factor_of_one_and_a_term_are_kept_simple() -> None:
    """`times` leaves the other factor as it is; `plus` and `times` keep formulas."""
    size = named("c")

    assert times(size, 1) is size
    assert times(1, size) is size
    assert str(formula_of(times(size, named("s")))) == "c * s"
    assert str(formula_of(plus(size, 3))) == "c + 3"


@pytest.mark.parametrize(("value", "expected"), [(24, 24), (5.6, 8), (33, 32), (36, 40), (11, 16), (91, 88)])
def test_make_divisible_is_mobilenets(value: float, expected: int) -> None:
    """By hand: the nearest multiple of 8, or the next where that is below nine tenths: 8 is, of 11."""
    assert make_divisible(value) == expected


def test_plain_arithmetic_remembers_what_a_number_rests_on() -> None:
    """No formula says how, so that it is printed as the number it is."""
    formula = formula_of((named("c") - 1) // 2 + math.floor(named("b") * 0.5))

    assert formula is not None
    assert formula.settled() == 34
    assert formula.rests() == {"b", "c"}
    assert not formula.names()


def test_what_a_number_rests_on_crosses_a_border_with_it() -> None:
    formula = formula_of(apply("*", named("a"), named("c") // 2))

    assert formula is not None
    outside = formula.substitute({"a": 3, "c": Formula("*", (2, Formula.name("height")))})
    assert (outside.names(), outside.rests()) == (frozenset(), {"height"})
    assert outside.settled() == 96
    assert formula.substitute({"a": 3, "c": 64}) == 96
