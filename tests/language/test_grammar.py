"""The grammar is the truth: the parser reads what it says, and the shipped parse tables are its own."""

import json
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

from netdsl.diagnostics import Faults, Source, Span
from netdsl.language import tables
from netdsl.language.expressions import parse_expression
from tests.language.grammar_trees import AS_LAYERS, grammar_tree
from tests.language.python_expressions import TEXTS, tree
from tests.language.python_expressions import Tree as OurTree

GRAMMAR = files("netdsl.language").joinpath("expressions.lark").read_text("utf-8")
LAYERS = (
    "conv(64, 7, stride=2) -> batchnorm -> relu",
    "x + (f -> g) * 3 | id",
    "(stage(64 * 2**i, n, 1 if i == 0 else 2) for i, n in enumerate(depths))",
    'rearrange("c d h w -> (c d) h w")',
    "x if x.c == c and not s > 1 else conv(c, 1, s)",
    "[1, 2, (3,), []] # a comment",
)


@pytest.fixture(scope="module")
def shipped() -> Lark:
    return tables.load_parser()


@pytest.fixture(scope="module")
def built() -> Lark:
    return tables.build_parser(GRAMMAR)


def test_the_shipped_tables_are_fresh() -> None:
    """They are those of the grammar as it is; else run `python -m netdsl.language.tables`."""
    shipped = json.loads(files("netdsl.language").joinpath("expressions.json").read_text("utf-8"))

    assert shipped["of"] == json.loads(tables.print_tables())["of"]


def test_tables_of_another_grammar_or_lark_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser is then built from the grammar's text."""
    built = []
    build = tables.build_parser

    def build_and_note(grammar: str) -> Lark:
        built.append(grammar)
        return build(grammar)

    monkeypatch.setattr(tables, "build_parser", build_and_note)
    tables.load_parser()
    assert built == []
    monkeypatch.setattr(tables, "_identity", lambda _: "another release of Lark")
    tables.load_parser()
    assert built == [GRAMMAR]


def outcome(parser: Lark, text: str) -> Tree[Token] | type[UnexpectedInput]:
    try:
        return parser.parse(text)
    except UnexpectedInput as error:
        return type(error)


@pytest.mark.parametrize("text", LAYERS)
def test_both_parsers_give_the_same_trees(text: str, shipped: Lark, built: Lark) -> None:
    """For texts with layers in them."""
    assert outcome(shipped, text) == outcome(built, text)
    assert isinstance(outcome(shipped, text), Tree)


@settings(max_examples=100, deadline=None)
@given(text=TEXTS | st.text("ab12 ()[],.+-*|>=#\"'", max_size=12))
def test_both_parsers_accept_the_same_texts(text: str, shipped: Lark, built: Lark) -> None:
    """And refuse the same."""
    assert outcome(shipped, text) == outcome(built, text)


def read(text: str) -> OurTree | str:
    """The parser's tree of a text; where it is none, that, or what else is wrong with it."""
    source = Source("expression", text)
    try:
        return tree(parse_expression(text, lambda start, end: Span(source, start, end)))
    except Faults as faults:
        codes = {fault.code for fault in faults.diagnostics}
        return "beyond the grammar" if codes <= BEYOND else "no expression"


BEYOND = {"mixed-arrow", "reserved-name", "number-too-large", "expression-too-deep"}
"""What is refused although the grammar has it."""
WORDS = (
    *("a", "b1", "x", "if", "else", "for", "in", "and", "or", "not", "inb", "notx"),
    *("1", "2.5", ".5", "1_0", "1e3", "'q'"),
    *(
        "->",
        "|",
        "+",
        "-",
        "*",
        "**",
        "/",
        "//",
        "%",
        "==",
        "!=",
        "<",
        "<=",
        ">=",
        "(",
        ")",
        "[",
        "]",
        ",",
        ".",
    ),
    *("=", "#", ";", ":", "!"),
)
ANYTHING = st.lists(st.sampled_from([*WORDS, *"\n\t"]), max_size=12).flatmap(
    lambda words: st.sampled_from(["", " "]).map(lambda blank: blank.join(words))
)


@settings(max_examples=400, deadline=None)
@given(text=AS_LAYERS | TEXTS | ANYTHING)
def test_the_parser_reads_what_the_grammar_says(text: str, shipped: Lark) -> None:
    """The same trees of the same texts, and none of others."""
    found, said = read(text), outcome(shipped, text)

    if isinstance(said, Tree):
        assert found in (grammar_tree(said), "beyond the grammar")
    else:
        assert found == "no expression"


@settings(max_examples=200, deadline=None)
@given(text=AS_LAYERS)
def test_layers_are_read_and_not_only_refused(text: str) -> None:
    """What the test above compares are trees."""
    assert isinstance(read(text), tuple) or " | " in text
