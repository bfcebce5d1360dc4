"""How an expression is spaced: which of its signs touch their neighbours, and where a line may be broken.

The loosest part of a calculation gets the blanks, as gofmt does it: `k//2`, `n-1`, `64 * 2**i`, `2*n + 1`.
What acts on layers is always spaced, since there the operands are long: `x + f`, `x * gate`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from lark import Lark, Token, Tree

from netdsl.language.tables import load_parser
from netdsl.records import record

FUNCTIONS = frozenset(
    (*("len", "min", "max", "sum", "round", "floor", "ceil"), "make_divisible", "range", "enumerate", "zip")
)
"""Calls that give values; any other call gives a layer."""

_WORD = re.compile(
    r"""\#[^\n]*
    | "[^"\n]*" | '[^'\n]*'
    | (?:\d[\d_]*\.?[\d_]* | \.\d[\d_]*) (?:[eE][+-]?[\d_]+)?
    | \w+ | -> | \*\* | // | [=!<>]= | \S""",
    re.VERBOSE,
)
_KEYWORDS = ("if", "else", "for", "in", "and", "or", "not")
_LOOSENESS = {
    ",": 0,
    "for": 1,
    "->": 2,
    "if": 3,
    "else": 3,
    "|": 4,
    "or": 5,
    "and": 6,
    "+": 7,
    "-": 7,
    "*": 8,
}
"""Where a line is broken first: behind a comma, else in front of the sign."""


@record
class Word:
    """A word of an expression: a name, a number, a quoted text, a sign or a comment."""

    text: str
    start: int
    spaced: bool
    """Whether a blank stands before it."""
    looseness: int | None
    """How readily a line is broken before it, the smaller the sooner; None where it never is."""


@cache
def _parser() -> Lark:
    """The grammar's own parser: it keeps the operators and brackets, which the syntax tree does not."""
    return load_parser()


def words_of(text: str) -> Iterator[Word]:
    """The words of an expression, spaced as it is to be.

    Raises:
        UnexpectedInput: it is none.
    """
    before, after = _touching(_parser().parse(text))
    last, last_start = "", -1
    for found in _WORD.finditer(text):
        word, start = found.group(), found.start()
        spaced = start not in before and last_start not in after and _is_spaced(last, word)
        behind = 0 if last == "," else None
        looseness = behind if behind is not None else _LOOSENESS.get(word) if spaced else None
        yield Word(word, start, spaced, None if word.startswith("#") else looseness)
        last, last_start = word, start


def _is_spaced(last: str, word: str) -> bool:
    """Whether a blank stands between two words, operators of calculation left aside."""
    if word.startswith("#"):
        return True
    if last in ("", "(", "[", ".", "=") or word in (")", "]", ",", "="):
        return False
    if word == ".":
        return last[-1:].isdigit() and last[0] in "0123456789."  # `1.c` would be read otherwise
    if word in ("(", "["):
        touches_name = last not in _KEYWORDS and re.match(r"[^\W\d]|[\"')\]]", last)
        return not touches_name
    return True


def _touching(tree: Tree[Token]) -> tuple[set[int], set[int]]:
    """Where the operators stand that have no blank before them, and those that have none behind."""
    before: set[int] = set()
    after: set[int] = set()
    for node in tree.iter_subtrees():
        if node.data == "minus":
            after.add(_position(node.children[0]))
        elif node.data in ("sum", "product", "unary") and _is_tight(node):
            operators = {_position(child) for child in node.children[1::2]}
            before |= operators
            after |= operators
    return before, after


def _position(child: Tree[Token] | Token) -> int:
    assert isinstance(child, Token)
    return child.start_pos or 0


def _is_tight(node: Tree[Token]) -> bool:
    """Whether the operators of a row touch their operands."""
    operands = [child for child in node.children[::2] if isinstance(child, Tree)]
    if node.data == "unary":
        return True
    if node.data == "product":
        return _is_tight_product({str(child) for child in node.children[1::2]}, operands)
    is_simple = not any(operand.data in ("product", "unary", "minus") for operand in operands)
    return is_simple and any(operand.data == "number" for operand in operands)


def _is_tight_product(operators: set[str], operands: list[Tree[Token]]) -> bool:
    """Whether `4*c` and `k//2` rather than `64 * 2**i`, `x.c // 2`, `c * width // 64` and `x * gate`."""
    if operators <= {"*", "/"}:
        return not (any(operand.data == "unary" for operand in operands) or _is_gate(operands))
    return len(operators) == 1 and all(operand.data in ("name", "number", "minus") for operand in operands)


def _is_gate(operands: list[Tree[Token]]) -> bool:
    """Whether a product multiplies what layers give, rather than numbers or how often a layer stands."""
    return any(map(_is_layer, operands[1:])) or (
        _is_input(operands[0]) and all(operand.data == "name" for operand in operands[1:])
    )


def _is_input(operand: Tree[Token]) -> bool:
    return operand.data == "name" and operand.children[0] in ("x", "id")


def _is_layer(operand: Tree[Token]) -> bool:
    """Whether an operand is a layer for certain; a name alone may be a number."""
    if operand.data == "call":
        return str(operand.children[0]) not in FUNCTIONS
    if operand.data == "group":
        inside = operand.children[1]
        return isinstance(inside, Tree) and (
            inside.data in ("chain", "parallel", "generator") or _is_layer(inside)
        )
    return _is_input(operand)
