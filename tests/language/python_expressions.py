"""Texts that are expressions of netdsl and of Python alike, and what Python's own parser makes of them.

Layers aside, the language claims to be a subset of Python's expressions with the same precedence and meaning.
So Python is the reference: its tree, and what it computes.
"""

import ast
from typing import Any

from hypothesis import strategies as st

from netdsl.language import syntax

Tree = tuple[Any, ...]
"""A tree as nested tuples, each beginning with what it is."""

NUMBERS = st.integers(0, 99).map(str) | st.sampled_from(["1.5", "2.", ".5", "1e-3", "1_000", "0.25"])
NAMES = st.sampled_from(["a", "b", "c"])
BINARY = st.sampled_from(["+", "-", "*", "/", "//", "%", "**"])
COMPARISONS = st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "not in"])


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Texts made of others, without more parentheses than they are given.

    What a generator runs over has some, since Python takes a condition there for a filter.
    """
    listed = st.lists(inner, max_size=3).map(", ".join)
    return st.one_of(
        st.tuples(inner, BINARY, inner).map(" ".join),
        st.tuples(inner, COMPARISONS, inner).map(" ".join),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
        inner.map("not {}".format),
        inner.map("-{}".format),
        inner.map("({})".format),
        st.tuples(inner, inner, inner).map(lambda parts: "{} if {} else {}".format(*parts)),
        listed.map("[{}]".format),
        st.tuples(inner, inner).map("({0[0]}, {0[1]})".format),
        st.tuples(NAMES, inner).map("{0[0]}[{0[1]}]".format),
        NAMES.map("{}.c".format),
        st.tuples(NAMES, listed).map("{0[0]}({0[1]})".format),
        st.tuples(NAMES, inner).map("{0[0]}(1, k={0[1]})".format),
        st.tuples(inner, inner).map("sum({0[0]} for i in ({0[1]}))".format),
    )


TEXTS = st.recursive(NUMBERS | NAMES, compound, max_leaves=12)


def python_tree(text: str) -> Tree | None:
    """Python's tree of a text; None where it is not a Python expression."""
    try:
        return _of_python(ast.parse(text, mode="eval").body)
    except SyntaxError:
        return None


_SIGNS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not in", ast.And: "and", ast.Or: "or", ast.USub: "-", ast.Not: "not",
}  # fmt: skip


def _of_python(node: ast.AST) -> Tree:
    match node:
        case ast.Constant(value=value):
            return ("value", value)
        case ast.Name(id=name):
            return ("name", name)
        case ast.BinOp(left=left, op=op, right=right):
            return (_SIGNS[type(op)], _of_python(left), _of_python(right))
        case ast.UnaryOp(op=op, operand=operand):
            return (_SIGNS[type(op)], _of_python(operand))
        case ast.BoolOp(op=op, values=values):
            return (_SIGNS[type(op)], *map(_of_python, values))
        case ast.Compare(left=left, ops=ops, comparators=rest):
            signs = tuple(_SIGNS[type(op)] for op in ops)
            return ("compare", signs, _of_python(left), *map(_of_python, rest))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return ("if", _of_python(body), _of_python(test), _of_python(orelse))
        case ast.Attribute(value=value, attr=name):
            return ("attribute", _of_python(value), name)
        case ast.Subscript(value=value, slice=index):
            return ("index", _of_python(value), _of_python(index))
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return ("list", *map(_of_python, items))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords):
            named = ((keyword.arg, _of_python(keyword.value)) for keyword in keywords)
            return ("call", name, *((None, _of_python(a)) for a in arguments), *named)
        case ast.GeneratorExp(elt=element, generators=[clause]):
            assert isinstance(clause.target, ast.Name)
            return ("for", _of_python(element), (clause.target.id,), _of_python(clause.iter))
    raise AssertionError(ast.dump(node))


def tree(node: syntax.Expression) -> Tree:
    """Our tree in the same form."""
    match node:
        case syntax.Number(value=value) | syntax.String(value=value):
            return ("value", value)
        case syntax.Name(name=name):
            return ("name", name)
        case syntax.Binary(operator=operator, left=left, right=right):
            return (operator, tree(left), tree(right))
        case syntax.Negate(operand=operand):
            return ("-", tree(operand))
        case syntax.Not(operand=operand):
            return ("not", tree(operand))
        case syntax.Logic(operator=operator, operands=operands):
            return (operator, *map(tree, operands))
        case syntax.Compare(operators=operators, operands=operands):
            return ("compare", operators, *map(tree, operands))
        case syntax.Conditional(then=then, condition=condition, otherwise=otherwise):
            return ("if", tree(then), tree(condition), tree(otherwise))
        case syntax.Attribute(value=value, name=name):
            return ("attribute", tree(value), name)
        case syntax.Index(value=value, index=index):
            return ("index", tree(value), tree(index))
        case syntax.Listing(items=items):
            return ("list", *map(tree, items))
        case syntax.Call(name=name, arguments=arguments):
            return ("call", name, *((argument.name, tree(argument.value)) for argument in arguments))
        case syntax.Generator(element=element, targets=targets, iterable=iterable):
            return ("for", tree(element), targets, tree(iterable))
        case syntax.Chain(steps=steps):
            return ("->", *map(tree, steps))
        case syntax.Broken():
            return ("broken",)
