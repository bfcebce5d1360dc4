"""The grammar's own trees in the form of `python_expressions`, and texts with layers in them."""

from collections.abc import Iterable

from hypothesis import strategies as st
from lark import Token
from lark import Tree as LarkTree

from tests.language.python_expressions import NAMES, NUMBERS, Tree


def _layers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(inner, min_size=2, max_size=4).map(" -> ".join),
        st.tuples(inner, st.sampled_from(["+", "-", "*", "|"]), inner).map(" ".join),
        inner.map("({})".format),
        inner.map("{} * 3".format),
        st.tuples(inner, inner, inner).map(lambda parts: "{} if ({}) > 1 else {}".format(*parts)),
        st.tuples(inner, inner).map("f({0[0]}, k={0[1]})".format),
        st.tuples(inner, inner).map("({0[0]} for i, n in ({0[1]}))".format),
        inner.map("{}[0].c".format),
        inner.map("[{}, -2]".format),
    )


AS_LAYERS = st.recursive(NAMES | NUMBERS | st.just("conv(8, 3)"), _layers, max_leaves=10)
"""Texts of layers and values; most are expressions."""


def grammar_tree(node: LarkTree[Token] | Token) -> Tree:
    """Lark's tree of a text as nested tuples."""
    assert isinstance(node, LarkTree)
    rule, children = str(node.data), node.children
    match rule:
        case "number":
            digits = str(children[0])
            return ("value", int(digits) if digits.replace("_", "").isdigit() else float(digits))
        case "string":
            return ("value", str(children[0])[1:-1])
        case "name":
            return ("name", str(children[0]))
        case "group":
            return grammar_tree(children[1])
        case "minus" | "negation":
            return ("-" if rule == "minus" else "not", grammar_tree(children[1]))
        case "sum" | "product" | "unary":
            return _row(children[0], zip(map(str, children[1::2]), children[2::2], strict=True))
        case "parallel":
            return _row(children[0], (("|", child) for child in children[1:]))
        case "conjunction" | "disjunction":
            return ("and" if rule == "conjunction" else "or", *map(grammar_tree, children))
        case "inversion":
            signs = tuple(" ".join(map(str, child.children)) for child in _trees(children[1::2]))
            return ("compare", signs, *map(grammar_tree, children[::2]))
        case "conditional":
            return ("if", *map(grammar_tree, children))
        case "attribute":
            return ("attribute", grammar_tree(children[0]), str(children[1]))
        case "index":
            return ("index", *map(grammar_tree, _trees(children)))
        case "tuple" | "list":
            return ("list", *map(grammar_tree, _trees(children)))
        case "call":
            return ("call", str(children[0]), *map(_argument, _trees(children)))
        case "generator":
            element, targets, iterable = _trees(children)
            names = tuple(map(str, targets.children))
            return ("for", grammar_tree(element), names, grammar_tree(iterable))
        case "chain":
            return ("->", *map(grammar_tree, children))
    raise AssertionError(rule)


def _trees(children: list[LarkTree[Token] | Token]) -> list[LarkTree[Token]]:
    return [child for child in children if isinstance(child, LarkTree)]


def _row(first: LarkTree[Token] | Token, rest: Iterable[tuple[str, LarkTree[Token] | Token]]) -> Tree:
    left = grammar_tree(first)
    for sign, operand in rest:
        left = (sign, left, grammar_tree(operand))
    return left


def _argument(node: LarkTree[Token]) -> tuple[str | None, Tree]:
    if node.data == "generator":
        return None, grammar_tree(node)
    *name, value = node.children
    return str(name[0]) if name else None, grammar_tree(value)
