"""The grammar's parse tables, computed once and shipped as JSON.

Building an LALR parser from `expressions.lark` costs more than checking a spec with it, so the tables lie
beside the grammar in `expressions.json`. They hold for one grammar and one release of Lark; with any other
the parser is built anew. `python -m netdsl.language.tables` writes them; a test keeps them fresh.
"""

from __future__ import annotations

import json
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import lark
from lark import Lark
from lark.grammar import Rule
from lark.lexer import TerminalDef


def load_parser() -> Lark:
    """The parser of the grammar, from the shipped tables where they hold."""
    folder = files("netdsl.language")
    grammar = folder.joinpath("expressions.lark").read_text("utf-8")
    shipped = folder.joinpath("expressions.json")
    if shipped.is_file():
        tables = json.loads(shipped.read_text("utf-8"))
        if tables["of"] == _identity(grammar):
            return Lark.load(_with_numbers(tables["parser"]))
    return build_parser(grammar)


def build_parser(grammar: str) -> Lark:
    """The parser built from the grammar's text."""
    return Lark(grammar, parser="lalr", maybe_placeholders=False)


def print_tables() -> str:
    """The text of `expressions.json`."""
    grammar = files("netdsl.language").joinpath("expressions.lark").read_text("utf-8")
    data, memo = build_parser(grammar).memo_serialize([TerminalDef, Rule])
    tables = {"of": _identity(grammar), "parser": {"data": data, "memo": memo}}
    return json.dumps(tables, separators=(",", ":"), sort_keys=True) + "\n"


def _identity(grammar: str) -> str:
    return f"lark {lark.__version__}, grammar {sha256(grammar.encode()).hexdigest()[:16]}"


def _with_numbers(data: Any) -> Any:
    """JSON has only text for keys; Lark's tables are keyed by numbers."""
    if isinstance(data, dict):
        return {int(key) if key.isdigit() else key: _with_numbers(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_with_numbers(value) for value in data]
    return data


if __name__ == "__main__":
    Path(__file__).with_name("expressions.json").write_text(print_tables(), "utf-8")
