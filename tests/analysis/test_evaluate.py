"""What expressions are worth: what Python computes, wherever both can."""

import math
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from netdsl.analysis.evaluate import constant
from netdsl.diagnostics import Faults, Source, Span
from netdsl.graph.formula import FUNCTIONS, plain
from netdsl.language.expressions import parse_expression

NAMES: dict[str, Any] = {"a": 3, "b": -2, "c": 0.5, "items": (4, 8, 16)}
PYTHON = {**FUNCTIONS, "range": range, "enumerate": enumerate, "zip": zip, "tuple": tuple}


def ours(text: str) -> Any:
    """The value of an expression; the code of its fault where it has one."""
    source = Source("expression", text)
    try:
        expression = parse_expression(text, lambda start, end: Span(source, start, end))
        return plain(constant(expression, NAMES))
    except Faults as faults:
        return faults.diagnostics[0].code


def pythons(text: str) -> Any:
    """What Python computes, lists as tuples; the kind of its error where it refuses."""
    try:
        value = eval(text, {"__builtins__": {}}, {**NAMES, **PYTHON})  # noqa: S307 - the test's own texts
    except (ArithmeticError, TypeError, ValueError, IndexError) as error:
        return type(error)
    return as_tuple(value)


def as_tuple(value: Any) -> Any:
    if isinstance(value, list | tuple | range | enumerate | zip):
        return tuple(map(as_tuple, value))
    return value


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", ">=", "and", "or"])
    return st.one_of(
        st.tuples(inner, operators, inner).map("({0[0]} {0[1]} {0[2]})".format),
        inner.map("(not {})".format),
        inner.map("(-{})".format),
        st.tuples(inner, inner, inner).map("({0[0]} if {0[1]} else {0[2]})".format),
        st.tuples(inner, inner).map("max({0[0]}, {0[1]})".format),
        st.tuples(inner, inner).map("({0[0]} in [1, {0[1]}])".format),
        st.integers(-4, 3).map("items[{}]".format),
        inner.map("round({})".format),
        inner.map("floor({})".format),
        st.tuples(inner, st.integers(0, 3)).map("sum([{0[0]}] * {0[1]})".format),
    )


LEAVES = st.integers(0, 20).map(str) | st.sampled_from(["a", "b", "c", "1.5", "True", "False"])


@settings(max_examples=300, deadline=None)
@given(st.recursive(LEAVES, compound, max_leaves=8))
def test_numbers_are_pythons(text: str) -> None:
    """The same value of the same type; where Python refuses, so does netdsl, with a diagnostic."""
    expected = pythons(text)
    if isinstance(expected, type):
        assert isinstance(ours(text), str)
        return
    assume(not isinstance(expected, complex) and math.isfinite(expected) and abs(expected) < 2**62)
    found = ours(text)
    if found == "operands" and "**" in text:  # on the way, a complex number
        return
    if found == "number-too-large":  # on the way, a large one
        return
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2] + [3]",
        "[a, b] * 2",
        "(n * n for n in items)",
        "(n + m for n, m in zip(items, [1, 2, 3]))",
        "(i * n for i, n in enumerate(items))",
        "(i * n for i, n in enumerate(items, 2))",
        "range(3)",
        "range(1, 4)",
        "range(6, 0, -2)",
        "((n, [n]) for n in items)",
        "len(items) + sum(items) + min(items) + max(1, 2, 3)",
        "round(2.567, 1)",
        "1 < 2 < 3 != 4",
        "3 not in items",
        "items[-1] - items[0]",
        "[[1, 2], [3, 4]][1][0]",
    ],
)
def test_lists_are_pythons(text: str) -> None:
    """Tables are unrolled as Python's generators are."""
    expected = pythons(f"tuple{text}" if " for " in text else text)

    assert ours(text) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [("none", None), ("true", True), ("false", False), ('"text"', "text"), ("[]", ()), ("x_ if 0 else 1", 1)],
)
def test_what_python_spells_otherwise(text: str, value: Any) -> None:
    """`none`, `true` and `false`; text; and the branch that is not taken is not computed."""
    assert ours(text) == value
