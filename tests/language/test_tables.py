"""The shipped parse tables: those of the grammar, and no other grammar's."""

import json
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

from netdsl.language import tables
from tests.language.python_expressions import TEXTS

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
