"""Text of an expression → its syntax tree.

The grammar is `expressions.lark`. The tree is built without judging anything but form; a text that does
not parse is explained by `mistakes`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from math import inf
from typing import Literal

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

from netdsl.diagnostics import Diagnostic, Faults, Label, Span
from netdsl.language import syntax
from netdsl.language.tables import load_parser

Place = Callable[[int, int], Span]
"""Turns a run of characters of the expression into a span of the file."""


FIXED = ("x", "id", "from", "true", "false", "none", "True", "False", "None")
"""Names that mean the same wherever they stand, so that nothing else can be called so."""
DEEPEST = 80
"""Levels of parentheses, calls and operators inside each other."""
LONGEST_KEPT = 500
"""Characters of an expression whose tree is kept."""
LONGEST_ROW = 200
"""Operands of one operator in a row, such as `a + b + c`; each is a level for what reads the tree."""

_KEYWORDS = frozenset({"if", "else", "for", "in", "and", "or", "not"})
_WORD = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)
_WHOLE_NUMBER = re.compile(r"[0-9](_?[0-9]){0,11}\Z")


@cache
def parser() -> Lark:
    """The parser, made at its first use."""
    return load_parser()


def parse_expression(text: str, place: Place) -> syntax.Expression:
    """The syntax tree of an expression.

    Raises:
        Faults: the text is not an expression.
    """
    if _WHOLE_NUMBER.match(text):  # most values of a document are no more than that
        return syntax.Number(place(0, len(text)), int(text))
    if _WORD.match(text) and text not in _KEYWORDS:
        return syntax.Name(place(0, len(text)), text)
    try:
        tree = parsed(text) if len(text) <= LONGEST_KEPT else parser().parse(text)
        return _Builder(place).build(tree)
    except UnexpectedInput as error:
        from netdsl.language.mistakes import explain  # only a wrong spec pays for the table of mistakes

        raise Faults([explain(error, text, place)]) from None


@lru_cache(maxsize=4096)
def parsed(text: str) -> Tree[Token]:
    """Lark's tree of an expression, kept: an editor sends the same expressions with every keystroke.

    Raises:
        UnexpectedInput: the text is not an expression.
    """
    return parser().parse(text)


class _Builder:
    """Turns Lark's tree into the syntax tree, one method per rule of the grammar."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.depth = 0

    def build(self, tree: Tree[Token]) -> syntax.Expression:
        method: Callable[[Tree[Token]], syntax.Expression] = getattr(self, f"_{tree.data}")
        self.depth += 1
        if self.depth > DEEPEST:
            message = f"an expression is nested more than {DEEPEST} levels deep"
            self._refuse("expression-too-deep", message, tree, "give its parts names, as blocks")
        expression = method(tree)
        self.depth -= 1
        return expression

    def _span(self, tree: Tree[Token] | Token) -> Span:
        return self.place(_start(tree), _end(tree))

    def _number(self, tree: Tree[Token]) -> syntax.Number:
        text = str(tree.children[0])
        is_integer = text.replace("_", "").isdigit()
        if is_integer and len(text) > 40:
            self._too_large(text, tree)
        value = int(text) if is_integer else float(text)
        if value == inf:
            self._too_large(text, tree)
        return syntax.Number(self._span(tree), value)

    def _too_large(self, text: str, tree: Tree[Token]) -> None:
        shown = text if len(text) <= 12 else f"{text[:12]}…"
        help = "sizes go to 2,147,483,647, other numbers to 1e308"
        self._refuse("number-too-large", f"the number {shown} is too large", tree, help)

    def _string(self, tree: Tree[Token]) -> syntax.String:
        return syntax.String(self._span(tree), str(tree.children[0])[1:-1])

    def _name(self, tree: Tree[Token]) -> syntax.Name:
        return syntax.Name(self._span(tree), str(tree.children[0]))

    def _group(self, tree: Tree[Token]) -> syntax.Expression:
        return self.build(_subtree(tree.children[1]))

    def _minus(self, tree: Tree[Token]) -> syntax.Negate:
        return syntax.Negate(self._span(tree), self.build(_subtree(tree.children[1])))

    def _negation(self, tree: Tree[Token]) -> syntax.Not:
        return syntax.Not(self._span(tree), self.build(_subtree(tree.children[1])))

    def _binary(self, tree: Tree[Token]) -> syntax.Expression:
        """Left-associative operators: operand (operator operand)*."""
        self._check_row(tree, (len(tree.children) + 1) // 2)
        left = self.build(_subtree(tree.children[0]))
        start = _start(tree)  # the operands' own spans leave out their parentheses
        for operator, operand in zip(tree.children[1::2], tree.children[2::2], strict=True):
            right = self.build(_subtree(operand))
            span = self.place(start, _end(operand))
            left = syntax.Binary(span, str(operator), left, right)
        return left

    _sum = _product = _unary = _binary

    def _parallel(self, tree: Tree[Token]) -> syntax.Expression:
        self._check_row(tree, len(tree.children))
        left = self.build(_subtree(tree.children[0]))
        for operand in map(_subtree, tree.children[1:]):
            span = self.place(_start(tree), _end(operand))
            left = syntax.Binary(span, "|", left, self.build(operand))
        return left

    def _disjunction(self, tree: Tree[Token]) -> syntax.Logic:
        return self._logic("or", tree)

    def _conjunction(self, tree: Tree[Token]) -> syntax.Logic:
        return self._logic("and", tree)

    def _logic(self, operator: Literal["and", "or"], tree: Tree[Token]) -> syntax.Logic:
        operands = tuple(self.build(_subtree(child)) for child in tree.children)
        return syntax.Logic(self._span(tree), operator, operands)

    def _inversion(self, tree: Tree[Token]) -> syntax.Compare:
        operands = tuple(self.build(_subtree(child)) for child in tree.children[::2])
        operators = tuple(" ".join(map(str, _subtree(child).children)) for child in tree.children[1::2])
        return syntax.Compare(self._span(tree), operators, operands)

    def _conditional(self, tree: Tree[Token]) -> syntax.Conditional:
        then, condition, otherwise = (self.build(_subtree(child)) for child in tree.children)
        return syntax.Conditional(self._span(tree), then, condition, otherwise)

    def _chain(self, tree: Tree[Token]) -> syntax.Chain:
        for child in tree.children:
            if _is_bare_parallel(_subtree(child)):
                raise Faults([self._mixed_arrow(tree)])
        return syntax.Chain(self._span(tree), tuple(self.build(_subtree(c)) for c in tree.children))

    def _attribute(self, tree: Tree[Token]) -> syntax.Attribute:
        if str(tree.children[1])[:1].isupper():  # no size is called so, but torch's classes are: `nn.ReLU`
            from netdsl.language.foreign import foreign_name

            fault = foreign_name(self._span(tree))
            if fault is not None:
                raise Faults([fault])
        return syntax.Attribute(
            self._span(tree), self.build(_subtree(tree.children[0])), str(tree.children[1])
        )

    def _index(self, tree: Tree[Token]) -> syntax.Index:
        value, index = (self.build(child) for child in _subtrees(tree))
        return syntax.Index(self._span(tree), value, index)

    def _call(self, tree: Tree[Token]) -> syntax.Call:
        name = tree.children[0]
        assert isinstance(name, Token)
        return syntax.Call(
            self._span(tree),
            str(name),
            self._span(name),
            tuple(self._argument(child) for child in _subtrees(tree)),
        )

    def _argument(self, tree: Tree[Token]) -> syntax.Argument:
        if tree.data == "generator":
            return syntax.Argument(self._span(tree), None, self.build(tree))
        *name, value = tree.children
        return syntax.Argument(self._span(tree), str(name[0]) if name else None, self.build(_subtree(value)))

    def _listing(self, tree: Tree[Token]) -> syntax.Listing:
        return syntax.Listing(self._span(tree), tuple(self.build(child) for child in _subtrees(tree)))

    _tuple = _list = _listing

    def _generator(self, tree: Tree[Token]) -> syntax.Generator:
        element, targets, iterable = (_subtree(child) for child in tree.children)
        names = tuple(map(str, targets.children))
        for name, token in zip(names, targets.children, strict=True):
            if name in FIXED or names.count(name) > 1:
                why = "has a meaning of its own" if name in FIXED else "stands here twice"
                message = f"`{name}` {why}, so no item can be called so"
                self._refuse("reserved-name", message, token, "call it otherwise, such as `n`")
        return syntax.Generator(self._span(tree), self.build(element), names, self.build(iterable))

    def _check_row(self, tree: Tree[Token], operands: int) -> None:
        if operands > LONGEST_ROW:
            message = f"an expression has {operands} operands in a row, more than {LONGEST_ROW}"
            self._refuse("expression-too-deep", message, tree, "unroll a table: `(… for … in …)`")

    def _refuse(self, code: str, message: str, tree: Tree[Token] | Token, help: str) -> None:
        raise Faults([Diagnostic(code=code, message=message, span=self._span(tree), help=help)])

    def _mixed_arrow(self, chain: Tree[Token]) -> Diagnostic:
        """Shows both readings of `a | b -> c`: nobody can tell which was meant."""
        steps = [_subtree(child) for child in chain.children]
        written = [f"({self._line(step)})" if _is_bare_parallel(step) else self._line(step) for step in steps]
        readings = [" -> ".join(written)]
        if all(step.data == "parallel" for step in steps if _is_bare_parallel(step)):
            readings.append(self._branches_first(steps))
        return Diagnostic(
            code="mixed-arrow",
            message="`|` and `->` stand side by side without parentheses",
            span=self._span(next(step for step in steps if _is_bare_parallel(step))),
            label="which comes first?",
            labels=(Label(self._span(chain), "in this chain"),),
            help="write " + " or ".join(f"`{reading}`" for reading in readings),
        )

    def _branches_first(self, steps: list[Tree[Token]]) -> str:
        """The reading of a chain in which `|` is looser than `->`."""
        branches: list[list[str]] = [[]]
        for step in steps:
            operands = _subtrees(step) if step.data == "parallel" else [step]
            for number, operand in enumerate(operands):
                if number:
                    branches.append([])
                branches[-1].append(self._line(operand))
        return " | ".join(f"({' -> '.join(b)})" if len(b) > 1 else b[0] for b in branches)

    def _line(self, tree: Tree[Token]) -> str:
        """A part of the text as one line, without comments."""
        return " ".join(re.sub(r"#[^\n]*", "", self._span(tree).text).split())


def _is_bare_parallel(tree: Tree[Token]) -> bool:
    """Whether a step of a chain is `a | b` without parentheses."""
    if tree.data == "conditional":
        return any(_is_bare_parallel(_subtree(tree.children[i])) for i in (0, 2))
    return tree.data == "parallel"


def _start(tree: Tree[Token] | Token) -> int:
    """Where the text of a tree begins: at its first token. (Lark can note this, for a third of its time.)"""
    while not isinstance(tree, Token):
        tree = tree.children[0]
    return tree.start_pos or 0


def _end(tree: Tree[Token] | Token) -> int:
    while not isinstance(tree, Token):
        tree = tree.children[-1]
    return tree.end_pos or 0


def _subtrees(tree: Tree[Token]) -> list[Tree[Token]]:
    """The children of a tree that keeps its brackets and commas."""
    return [child for child in tree.children if isinstance(child, Tree)]


def _subtree(child: Tree[Token] | Token) -> Tree[Token]:
    assert isinstance(child, Tree)
    return child
