"""Why a text is not an expression: the mistake that a person made, not the parser's state."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netdsl.diagnostics import Diagnostic, Faults, Source, Span
from netdsl.language.expressions import parse_expression
from netdsl.language.mistakes import REMEDIES

CASES = {
    "missing-arrow": """
        conv(64, 3) relu
        conv(64, 3, padding=(1, 2)) relu
        f(a for a in b) relu
        relu conv(64, 3)
        a -> relu conv(64, 3)
        a * 3 relu
        x + f relu
        (a, b) c
        x.c relu
        (a b)
        relu if c else tanh gelu
    """,
    "comma-for-arrow": """
        a, b
        conv(8, 3), relu
        relu -> tanh, conv(8, 3)
    """,
    "missing-comma": """
        conv(64 3)
        conv(k//2 3)
        conv(64, 3 padding=1)
        conv(64, k=3 s=2)
        [1, 2 3]
        conv((1 2), 3)
        f(g(1) h(2))
    """,
    "missing-value": """
        conv(64, kernel_size=)
        conv(64, kernel_size=, padding=1)
        conv(64, , 3)
        conv(, 3)
        [, 1]
        conv(64, kernel_size=
    """,
    "missing-operand": """
        conv(64, 3) ->
        -> relu
        a + -> b
        a -> -> relu
        f(a ->)
        (a |)
        x + * 3
        a and
        not
        a ==
        / 2
        conv(*3)
        a if c else
        |
    """,
    "missing-else": """
        relu if c
        relu if x.c == 3
        relu if x.c == 3 -> tanh
        f(relu if x.c == 3)
        f(1, relu if c, 2)
        (a if b else c) if d
    """,
    "missing-parenthesis": """
        conv(64, 3
        conv(64, 3 -> relu
        (conv(64, 3) -> relu
        f(g(1)
        [1, 2
        x[1
        f(1,
        f(
        f(a]
        [1, 2)
    """,
    "surplus-parenthesis": """
        conv(64, 3))
        conv(64, 3)) -> relu
        a + b)
        [1]]
    """,
    "assignment": """
        c = 3
        conv(3) -> y = relu
        x.c = 3
        (a = 3)
        [a = 3]
    """,
    "nested-call": """
        conv(64, 3)(2)
        f()(2)
        (a)(b)
        f(x)[1](3)
        x.c(3)
        3(4)
    """,
    "bracket-generator": """
        [a for a in b]
        sum([a for a in [1, 2]])
    """,
    "syntax": """
        3x
        1.2.3
        x.
        x..c
        x.3
        1, 2
        relu, 3
        a -> b,
        (a for in b)
        (a for b c)
        (a for b in)
    """,
    "unknown-character": """
        a → b
        a × 3
        a && b
        a ? b : c
        {a: b}
        !a
    """,
    "unclosed-string": """
        pad(1, "reflect)
        'abc
    """,
}


def fault(text: str) -> Diagnostic:
    """The one diagnostic of a text that is no expression."""
    source = Source("expression", text)
    with pytest.raises(Faults) as caught:
        parse_expression(text, lambda start, end: Span(source, start, end))
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


ROWS = [(code, line.strip()) for code, lines in CASES.items() for line in lines.strip().splitlines()]


@pytest.mark.parametrize(("code", "text"), ROWS, ids=[text for _, text in ROWS])
def test_a_mistake_is_called_by_its_name(code: str, text: str) -> None:
    """Each broken text, and what its author left out or put too much."""
    assert fault(text).code == code


def test_every_mistake_has_cases() -> None:
    """None is left to chance."""
    assert set(REMEDIES) <= set(CASES)


@pytest.mark.parametrize("text", ["", "  ", "# only a comment", "\n"])
def test_an_empty_expression_is_none(text: str) -> None:
    """A comment is nothing."""
    assert fault(text).code == "empty-expression"


def test_an_open_parenthesis_is_shown_where_it_opens() -> None:
    """The end of a long line says little; where the parenthesis opens says all."""
    diagnostic = fault("relu -> conv(64, 3 -> tanh")

    assert [label.span.start for label in diagnostic.labels] == [len("relu -> conv")]


def test_a_look_alike_is_named_with_what_was_meant() -> None:
    """An arrow from a word processor."""
    assert fault("conv(64, 3) → relu").help == "write `->`"


WORDS = 'conv x 3 1.5 "a" ( ) [ ] , . = -> + - * ** | == < if else for in and or not # \' ? é'
TOKENS = st.sampled_from([*WORDS.split(), " ", "\n"])


@settings(max_examples=300, deadline=None)
@given(st.lists(TOKENS, max_size=12))
def test_any_text_is_an_expression_or_has_one_fault(words: list[str]) -> None:
    """Whatever is typed, netdsl has one thing to say, at a place in the text, and never fails itself."""
    text = " ".join(words)
    source = Source("expression", text)
    try:
        parse_expression(text, lambda start, end: Span(source, start, end))
    except Faults as faults:
        (diagnostic,) = faults.diagnostics
        assert diagnostic.span is not None
        assert 0 <= diagnostic.span.start <= len(text)
        assert diagnostic.help
