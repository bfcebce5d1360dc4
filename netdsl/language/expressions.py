"""Text of an expression → its syntax tree.

The grammar is `expressions.lark`; this reads it by operator precedence, since a parser with tables takes ten
times as long (see docs/decisions). A text that does not parse is explained by `mistakes`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from math import inf
from typing import Literal

from netdsl.diagnostics import Faults, Span
from netdsl.language import syntax
from netdsl.language.effort import MOST_WORDS, Words, too_many_words
from netdsl.language.word_reader import DEEPEST, LONGEST_NAME, Place, Unexpected, WordReader, name_too_long
from netdsl.language.words import KEYWORDS, NAME, NUMBER, STRING

FIXED = ("x", "id", "from", "true", "false", "none", "True", "False", "None")
"""Names that mean the same wherever they stand, so that nothing else can be called so."""
LONGEST_ROW = 200
"""Operands of one operator in a row, such as `a + b + c`; each is a level for what reads the tree."""

_WORD = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)
_WHOLE_NUMBER = re.compile(r"[0-9](_?[0-9]){0,11}\Z")

_PARALLEL, _OR, _AND, _NOT, _COMPARISON, _SUM, _PRODUCT, _UNARY = range(1, 9)
"""How tightly operators bind, the loosest first."""
_LEVELS = {
    "|": _PARALLEL,
    "or": _OR,
    "and": _AND,
    **dict.fromkeys(("==", "!=", "<=", ">=", "<", ">", "in", "not"), _COMPARISON),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "//", "/", "%"), _PRODUCT),
}
_NO_BARS: tuple[tuple[int, int], ...] = ()


def parse_expression(text: str, place: Place, words: Words | None = None) -> syntax.Expression:
    """The syntax tree of an expression.

    Args:
        words: what counts the words of the whole spec.

    Raises:
        Faults: the text is not an expression, or has too many words.
    """
    words = words or Words()
    if _WHOLE_NUMBER.match(text):  # most values of a document are no more than that
        return syntax.Number(place(0, len(text)), int(text))
    if len(text) <= LONGEST_NAME and _WORD.match(text) and text not in KEYWORDS:
        return syntax.Name(place(0, len(text)), text)
    try:
        return _Parser(text, place, words).whole()
    except Unexpected as unexpected:
        from netdsl.language.mistakes import explain  # only a wrong spec pays for the table of mistakes

        raise Faults([explain(unexpected, text, place)]) from None


class _Parser(WordReader):
    """Reads a text by the grammar's rules."""

    bars = _NO_BARS
    """The operands of the `|` that was read last, where it stands there without parentheses."""

    def whole(self) -> syntax.Expression:
        """The expression that is all of the text."""
        expression = self.chain()
        if self.word:
            self.unexpected()
        if self.found:
            raise Faults(self.found)
        return expression

    # Layers

    def chain(self) -> syntax.Expression:
        """`a -> b -> c`."""
        start = self.start
        self.deeper()
        expression = self.conditional()
        if self.word == "->":
            expression = self._steps(expression, start)
        self.bars = _NO_BARS
        self.depth -= 1
        return expression

    def _steps(self, first: syntax.Expression, start: int) -> syntax.Chain:
        steps, arrows = [first], []
        bars = {0: self.bars} if self.bars else {}
        while self.word == "->":
            arrows.append(self.start)
            self.next()
            self.bars = _NO_BARS
            steps.append(self.conditional())
            if self.bars:
                bars[len(arrows)] = self.bars
        span = self.place(start, self.behind)
        if bars:
            from netdsl.language.mixed_arrow import mixed_arrow  # only a wrong spec pays for it

            cuts = [start, *arrows, self.behind]
            self.found.append(mixed_arrow(self.text, self.place, cuts, bars, span))
        return syntax.Chain(span, tuple(steps))

    def conditional(self) -> syntax.Expression:
        """`a if condition else b`."""
        start = self.start
        then = self.operators(_PARALLEL)
        if self.word != "if":
            return then
        is_bare = bool(self.bars)
        self.next()
        condition = self.operators(_OR)
        self.take("else")
        self.bars = _NO_BARS
        self.deeper()
        otherwise = self.conditional()
        self.depth -= 1
        self.bars = ((start, self.behind),) if is_bare or self.bars else _NO_BARS
        return syntax.Conditional(self.place(start, self.behind), then, condition, otherwise)

    # Operators

    def operators(self, lowest: int) -> syntax.Expression:
        """Operands joined by operators that bind at least so tightly."""
        start = self.start
        if self.word == "not" and lowest <= _NOT:
            self.next()
            self.deeper()
            operand = self.operators(_NOT)
            self.depth -= 1
            left: syntax.Expression = syntax.Not(self.place(start, self.behind), operand)
        else:
            left = self.unary()
        while (level := _LEVELS.get(self.word, 0)) >= lowest:
            if level >= _SUM:
                left = self._binary(left, start, level)
            elif level == _COMPARISON:
                left = self._comparison(left, start)
            elif level == _PARALLEL:
                left = self._parallel(left, start)
            else:
                left = self._logic(left, start, level)
        return left

    def _binary(self, left: syntax.Expression, start: int, level: int) -> syntax.Expression:
        """A row of operators that bind equally tightly, from left to right."""
        operands = 1
        while _LEVELS.get(self.word) == level:
            operator = self.word
            self.next()
            right = self.operators(level + 1)
            operands = self._counted(operands, start)
            left = syntax.Binary(self.place(start, self.behind), operator, left, right)
        return left

    def _parallel(self, left: syntax.Expression, start: int) -> syntax.Expression:
        bars = [(start, self.behind)]
        while self.word == "|":
            self.next()
            begun = self.start
            right = self.operators(_PARALLEL + 1)
            self._counted(len(bars), start)
            bars.append((begun, self.behind))
            left = syntax.Binary(self.place(start, self.behind), "|", left, right)
        self.bars = tuple(bars)
        return left

    def _counted(self, operands: int, start: int) -> int:
        """One operand more of a row."""
        if operands == LONGEST_ROW:
            message = f"an expression has more than {LONGEST_ROW} operands in a row"
            self.too_deep(message, start, self.behind, "unroll a table: `(… for … in …)`")
        return operands + 1

    def _logic(self, left: syntax.Expression, start: int, level: int) -> syntax.Logic:
        operator: Literal["and", "or"] = "or" if level == _OR else "and"
        operands = [left]
        while self.word == operator:
            self.next()
            operands.append(self.operators(level + 1))
        return syntax.Logic(self.place(start, self.behind), operator, tuple(operands))

    def _comparison(self, left: syntax.Expression, start: int) -> syntax.Compare:
        operators, operands = [], [left]
        while _LEVELS.get(self.word) == _COMPARISON:
            operator = self.word
            self.next()
            if operator == "not":
                self.take("in")
                operator = "not in"
            operators.append(operator)
            operands.append(self.operators(_COMPARISON + 1))
        return syntax.Compare(self.place(start, self.behind), tuple(operators), tuple(operands))

    def unary(self) -> syntax.Expression:
        """`-a`, `a ** b`, or what is neither."""
        start = self.start
        if self.word == "-":
            self.next()
            self.deeper()
            operand = self.unary()
            self.depth -= 1
            return syntax.Negate(self.place(start, self.behind), operand)
        left = self.atom()
        if self.word != "**":
            return left
        self.next()
        self.deeper()
        right = self.unary()
        self.depth -= 1
        return syntax.Binary(self.place(start, self.behind), "**", left, right)

    # Operands

    def atom(self) -> syntax.Expression:
        """What no operator is in, but in brackets."""
        start, end, kind, word = self.start, self.end, self.kind, self.word
        value: syntax.Expression
        self.counted.count += 1
        if self.counted.count > MOST_WORDS:
            raise Faults([too_many_words(self.place(start, end))])
        if kind == NAME and word not in KEYWORDS:
            if end - start > LONGEST_NAME:
                self.found.append(name_too_long(word, self.place(start, end)))
            self.next()
            if self.word == "(":
                value = self._call(word, start, end)
            else:
                value = syntax.Name(self.place(start, end), word)
        elif kind == NUMBER:
            self.next()
            value = self._number(word, self.place(start, end))
        elif kind == STRING:
            self.next()
            value = syntax.String(self.place(start, end), word[1:-1])
        elif word == "(":
            value = self._group(start)
        elif word == "[":
            self.next()
            value = self._listing([], "]", start)
        else:
            self.unexpected()
        return self._parts(value, start) if self.word in (".", "[") else value

    def _number(self, text: str, span: Span) -> syntax.Number:
        is_integer = text.replace("_", "").isdigit()
        if is_integer and len(text) <= 40:
            return syntax.Number(span, int(text))
        value = inf if is_integer else float(text)
        if value == inf:
            shown = text if len(text) <= 12 else f"{text[:12]}…"
            help = "sizes go to 2,147,483,647, other numbers to 1e308"
            self.refuse("number-too-large", f"the number {shown} is too large", span, help)
        return syntax.Number(span, value)

    def _group(self, start: int) -> syntax.Expression:
        """`(a)`, `(a, b)` or `(a for b in c)`."""
        self.next()
        inside = self.start
        value = self.chain()
        if self.word == ",":
            return self._listing([value], ")", start)
        if self.word == "for":
            value = self._generator(value, inside)
        self.take(")")
        return value

    def _listing(self, items: list[syntax.Expression], closing: str, start: int) -> syntax.Listing:
        """A list from its first item, or from the comma behind that."""
        if self.word == "," and items:
            self.next()
        while self.word != closing:
            items.append(self.chain())
            if self.word == ",":
                self.next()
            elif self.word != closing:
                self.unexpected()
        self.next()
        return syntax.Listing(self.place(start, self.behind), tuple(items))

    def _call(self, name: str, start: int, end: int) -> syntax.Call:
        """`name(a, b=c)` or `name(a for b in c)`, from the parenthesis on."""
        self.next()
        arguments: list[syntax.Argument] = []
        while self.word != ")":
            begun = self.start
            word, value = None, self.chain()
            if self.word == "=" and isinstance(value, syntax.Name) and self.behind - begun == len(value.name):
                self.next()
                word, value = value.name, self.chain()
            elif self.word == "for" and not arguments:
                value = self._generator(value, begun)
                self._ended(")")
            arguments.append(syntax.Argument(self.place(begun, self.behind), word, value))
            if self.word == ",":
                self.next()
            else:
                self._ended(")")
        self.next()
        return syntax.Call(self.place(start, self.behind), name, self.place(start, end), tuple(arguments))

    def _ended(self, closing: str) -> None:
        if self.word != closing:
            self.unexpected()

    def _generator(self, element: syntax.Expression, start: int) -> syntax.Generator:
        """`element for a, b in iterable`, from `for` on."""
        self.next()
        targets = [self._target(())]
        while self.word == ",":
            self.next()
            targets.append(self._target(targets))
        self.take("in")
        iterable = self.conditional()
        self.bars = _NO_BARS
        return syntax.Generator(self.place(start, self.behind), element, tuple(targets), iterable)

    def _target(self, others: Collection[str]) -> str:
        name = self.name()
        if name in FIXED or name in others:
            why = "has a meaning of its own" if name in FIXED else "stands here twice"
            message = f"`{name}` {why}, so no item can be called so"
            span = self.place(self.behind - len(name), self.behind)
            self.refuse("reserved-name", message, span, "call it otherwise, such as `n`")
        return name

    def _parts(self, value: syntax.Expression, start: int) -> syntax.Expression:
        """`value.name` and `value[index]`, as often as they follow each other."""
        levels, foreign_end = 0, 0
        while self.word in (".", "["):
            levels += 1
            if self.depth + levels > DEEPEST:
                message = f"an expression is nested more than {DEEPEST} levels deep"
                self.too_deep(message, start, self.behind, "give its parts names, as blocks")
            is_index = self.word == "["
            self.next()
            if is_index:
                index = self.chain()
                self.take("]")
                value = syntax.Index(self.place(start, self.behind), value, index)
            else:
                name = self.name()
                foreign_end = self.behind if name[0].isupper() else foreign_end
                value = syntax.Attribute(self.place(start, self.behind), value, name)
        if foreign_end:  # no size is called so, but torch's classes are: `nn.ReLU`
            from netdsl.language.foreign import foreign_name

            fault = foreign_name(self.place(start, foreign_end))
            self.found += [fault] if fault else []
        return value
