"""Expressions: the same trees as Python's where Python has them, and a place on everything."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings

from netdsl.diagnostics import Faults, Source, Span
from netdsl.language import syntax
from netdsl.language.expressions import LONGEST_ROW, parse_expression
from netdsl.language.word_reader import DEEPEST
from tests.language.python_expressions import TEXTS, Tree, python_tree, tree


def parse(text: str) -> syntax.Expression:
    source = Source("expression", text)
    return parse_expression(text, lambda start, end: Span(source, start, end))


def parsed(text: str) -> Tree | None:
    """Our tree of a text; None where it is not an expression."""
    try:
        return tree(parse(text))
    except Faults:
        return None


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_trees_are_pythons(text: str) -> None:
    """What Python can read of the subset we read likewise, and nothing else of it."""
    expected = python_tree(text)

    assert expected == parsed(text)


LAYERS = {
    "a -> b -> c": "(-> a b c)",
    "(a -> b) -> c": "(-> (-> a b) c)",
    "x + f -> g": "(-> (+ x f) g)",
    "a | b | c": "(| (| a b) c)",
    "a | b + c * d": "(| a (+ b (* c d)))",
    "a + b if c else d -> e": "(-> (if (+ a b) c d) e)",
    "a | b if c else d": "(if (| a b) c d)",
    "a if b else c if d else e": "(if a b (if c d e))",
    "f(a -> b, c | d)": "(f (-> a b) (| c d))",
    "(a -> b for c, d in e)": "(for (-> a b) c d e)",
    "(a,)": "(list a)",
    "a * -b": "(* a (- b))",
    "a * 2 + b": "(+ (* a 2) b)",
}


def written(node: Tree) -> str:
    """A tree as one line, names and numbers bare."""
    match node:
        case ("name" | "value", value):
            return str(value)
        case ("call", name, *arguments):
            return f"({name} {' '.join(written(value) for _, value in arguments)})"
        case ("for", element, targets, iterable):
            return f"(for {written(element)} {' '.join(targets)} {written(iterable)})"
        case (operator, *operands):
            return f"({operator} {' '.join(map(written, operands))})"
    raise AssertionError(node)


@pytest.mark.parametrize(("text", "expected"), LAYERS.items(), ids=LAYERS)
def test_layers_operators_bind_as_documented(text: str, expected: str) -> None:
    """What Python does not have: `->` is loosest, then the condition, then `|`."""
    assert written(tree(parse(text))) == expected


MIXED = {
    "a | b -> c": ("(-> (| a b) c)", "(| a (-> b c))"),
    "a -> b | c": ("(-> a (| b c))", "(| (-> a b) c)"),
    "a -> b | c -> d | e -> f": ("(-> a (| b c) (| d e) f)", "(| (| (-> a b) (-> c d)) (-> e f))"),
    "(a | b) -> c | d + e": ("(-> (| a b) (| c (+ d e)))", "(| (-> (| a b) c) (+ d e))"),
    "a\n  | b   # a comment\n  -> c": ("(-> (| a b) c)", "(| a (-> b c))"),
    "a | b if c else d -> e": ("(-> (if (| a b) c d) e)",),
}


@pytest.mark.parametrize(("text", "readings"), MIXED.items(), ids=MIXED)
def test_both_readings_of_a_mixed_chain_are_offered(text: str, readings: tuple[str, ...]) -> None:
    """Either can be pasted: it parses, and means what it shows."""
    with pytest.raises(Faults) as caught:
        parse(text)
    (diagnostic,) = caught.value.diagnostics
    offered = re.findall(r"`([^`]*)`", diagnostic.help or "")

    assert diagnostic.code == "mixed-arrow"
    assert tuple(written(tree(parse(reading))) for reading in offered) == readings


@pytest.mark.parametrize("word", ["if", "else", "for", "in", "and", "or", "not"])
def test_words_of_the_grammar_are_no_names(word: str) -> None:
    """Wherever they stand."""
    for text in ("{}", "a -> {}", "f({})", "f({}=1)", "-{} a", "x.{}", "{}()", "(a for {} in b)"):
        assert parsed(text.format(word)) is None
    assert parsed(f"{word}_ + {word}1") is not None


def nodes(node: syntax.Node) -> Iterator[syntax.Node]:
    """A node and all below it."""
    yield node
    for value in vars(node).values():
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, syntax.Node):
                yield from nodes(part)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_every_node_stands_where_its_span_says(text: str) -> None:
    """Reading the text of a node's span gives the node."""
    if parsed(text) is None:
        return
    for node in nodes(parse(text)):
        if isinstance(node, syntax.Expression) and not isinstance(node, syntax.Generator):
            assert parsed(node.span.text) == tree(node), node.span.text


@pytest.mark.parametrize("opening", ["(", "f(", "[", "-", "not ", "1 + (", "x -> ("])
def test_deep_texts_are_refused_and_not_feared(opening: str) -> None:
    """A thousand levels meet a diagnostic, half the limit does not."""
    closing = {"(": ")", "[": "]"}.get(opening.rstrip()[-1:], "")
    assert parsed(opening * (DEEPEST // 4) + "a" + closing * (DEEPEST // 4)) is not None

    with pytest.raises(Faults) as caught:
        parse(opening * 1000 + "a" + closing * 1000)
    assert [fault.code for fault in caught.value.diagnostics] == ["expression-too-deep"]


@pytest.mark.parametrize("operator", ["+", "*", "|", "-"])
def test_long_rows_are_refused(operator: str) -> None:
    """Each operand is a level of the tree."""
    assert parsed(f" {operator} ".join(["a"] * LONGEST_ROW)) is not None

    with pytest.raises(Faults) as caught:
        parse(f" {operator} ".join(["a"] * (LONGEST_ROW + 1)))
    assert [fault.code for fault in caught.value.diagnostics] == ["expression-too-deep"]


def test_chains_and_lists_may_be_long() -> None:
    """They are flat."""
    assert isinstance(parse(" -> ".join(["a"] * 1000)), syntax.Chain)
    assert isinstance(parse(f"[{', '.join(['1'] * 1000)}]"), syntax.Listing)


@pytest.mark.parametrize("text", ["1__0", "10_", "٣", "３", "1e_3", "0x10", "1j", "²"])
def test_what_only_looks_like_a_number_is_none(text: str) -> None:
    """Digits are those from 0 to 9, underscores between two of them."""
    assert parsed(text) is None
    assert parsed(f"f({text})") is None
