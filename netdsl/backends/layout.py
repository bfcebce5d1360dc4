"""Python expressions as data, laid out on the page as `ruff format` would lay them out.

A printed network is read by people, so its lines break where a formatter would break them: an expression
that does not fit into 88 columns opens its brackets, first with everything inside on one line, then with
each item on a line of its own.

    nn.Sequential(OrderedDict(conv1=…, relu1=…))   →   nn.Sequential(
                                                           OrderedDict(
                                                               conv1=…,
                                                               relu1=…,
                                                           )
                                                       )
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

WIDTH = 88
INDENT = 4


class Expression(ABC):
    """A Python expression."""

    @property
    @abstractmethod
    def flat(self) -> str:
        """The expression on one line."""

    @abstractmethod
    def broken(self, indent: int, prefix: str, suffix: str) -> list[str]:
        """The expression inside of brackets, over several lines."""


@final
@dataclass(frozen=True)
class Text(Expression):
    """What never breaks: a name, a literal, a short formula."""

    text: str

    @property
    def flat(self) -> str:
        return self.text

    def broken(self, indent: int, prefix: str, suffix: str) -> list[str]:
        return [" " * indent + prefix + self.text + suffix]


@final
@dataclass(frozen=True)
class Item:
    """One item between brackets, with `name=` or `*` before it where it needs that."""

    value: Expression
    prefix: str = ""

    @property
    def flat(self) -> str:
        return self.prefix + self.value.flat


@final
@dataclass(frozen=True)
class Bracketed(Expression):
    """A call, a tuple, a list, a dictionary or parentheses: `opening` up to its bracket, items, bracket."""

    opening: str
    items: tuple[Item, ...]
    closing: str = ")"
    is_tuple: bool = False

    @cached_property
    def flat(self) -> str:
        inside = ", ".join(item.flat for item in self.items)
        return self.opening + inside + ("," if self._keeps_comma else "") + self.closing

    @property
    def _is_collection(self) -> bool:
        """Whether it is a tuple, list or dictionary: broken, each item gets a line in any case."""
        return self.is_tuple or self.opening in ("[", "{")

    @property
    def _keeps_comma(self) -> bool:
        return self.is_tuple and len(self.items) == 1

    def broken(self, indent: int, prefix: str, suffix: str) -> list[str]:
        inner = " " * (indent + INDENT)
        body = inner + ", ".join(item.flat for item in self.items)
        lines = [body]
        if self._is_collection or width(body) > WIDTH:
            comma = "," if self._keeps_comma or len(self.items) > 1 else ""
            broken = (laid_out(item.value, indent + INDENT, item.prefix, comma) for item in self.items)
            lines = [line for part in broken for line in part]
        return [" " * indent + prefix + self.opening, *lines, " " * indent + self.closing + suffix]


@final
@dataclass(frozen=True)
class Comprehension(Expression):
    """`[element for … in …]`."""

    element: Expression
    clause: str

    @cached_property
    def flat(self) -> str:
        return f"[{self.element.flat} {self.clause}]"

    def broken(self, indent: int, prefix: str, suffix: str) -> list[str]:
        inner = " " * (indent + INDENT)
        lines = [f"{inner}{self.element.flat} {self.clause}"]
        if width(lines[0]) > WIDTH:
            lines = [*laid_out(self.element, indent + INDENT), inner + self.clause]
        return [" " * indent + prefix + "[", *lines, " " * indent + "]" + suffix]


@final
@dataclass(frozen=True)
class Prefixed(Expression):
    """`not value` or `-value`."""

    operator: str
    value: Expression

    @property
    def flat(self) -> str:
        return self.operator + self.value.flat

    def broken(self, indent: int, prefix: str, suffix: str) -> list[str]:
        return self.value.broken(indent, prefix + self.operator, suffix)


@final
@dataclass(frozen=True)
class Operation(Expression):
    """Operands with operators of one precedence between them, such as `a + b - c` or `a if b else c`."""

    first: Expression
    rest: tuple[tuple[str, Expression], ...]
    is_tight: bool = False
    """Whether the operator stands without spaces: a power of simple operands."""

    @cached_property
    def flat(self) -> str:
        space = "" if self.is_tight else " "
        steps = (f"{space}{operator}{space}{value.flat}" for operator, value in self.rest)
        return self.first.flat + "".join(steps)

    def broken(self, indent: int, prefix: str, suffix: str) -> list[str]:
        lines = self._operand(self.first, indent, prefix, "")
        for number, (operator, value) in enumerate(self.rest, 1):
            end = suffix if number == len(self.rest) else ""
            lines += self._operand(value, indent, f"{operator} ", end)
        return lines

    def _operand(self, value: Expression, indent: int, prefix: str, suffix: str) -> list[str]:
        if self._is_logic and isinstance(value, Operation) and value._is_logic:
            return value.broken(indent, prefix, suffix)  # `and` breaks wherever an `or` around it does
        return laid_out(value, indent, prefix, suffix)

    @property
    def _is_logic(self) -> bool:
        return self.rest[0][0] in ("and", "or")


def call(target: str, *items: Item) -> Bracketed:
    """A call: `call("nn.ReLU")` is `nn.ReLU()`."""
    return Bracketed(f"{target}(", items)


def tuple_of(*values: Expression) -> Bracketed:
    return Bracketed("(", tuple(map(Item, values)), is_tuple=True)


def parenthesized(value: Expression) -> Bracketed:
    return Bracketed("(", (Item(value),))


def substituted(value: Expression, old: str, new: str) -> Expression:
    """The expression with a name in the place of a part that reads as `old` does.

    >>> substituted(call("See", Item(call("len", Item(Text("a"))))), "len(a)", "n").flat
    'See(n)'
    """
    if value.flat == old:
        return Text(new)
    match value:
        case Bracketed(items=items):
            inner = (replace(item, value=substituted(item.value, old, new)) for item in items)
            return replace(value, items=tuple(inner))
        case Operation(first=first, rest=rest):
            steps = tuple((operator, substituted(operand, old, new)) for operator, operand in rest)
            return replace(value, first=substituted(first, old, new), rest=steps)
        case Prefixed(value=inner_value):
            return replace(value, value=substituted(inner_value, old, new))
        case Comprehension(element=element):
            return replace(value, element=substituted(element, old, new))
    return value


def condition(value: Expression) -> Expression:
    """A truth value on the right of a statement; one that may have to break is put into `bool(…)`, since a
    formatter has several ways to break an operation between calls, but one way inside of brackets."""
    has_brackets = "(" in value.flat or "[" in value.flat
    is_long = len(value.flat) > WIDTH // 2
    return call("bool", Item(value)) if _is_open(value) and has_brackets and is_long else value


def _is_open(value: Expression) -> bool:
    """Whether an expression breaks outside of brackets of its own."""
    return _is_open(value.value) if isinstance(value, Prefixed) else isinstance(value, Operation)


def width(line: str) -> int:
    """Columns that a line takes; every character of a printed file takes one."""
    return len(line)


def laid_out(value: Expression, indent: int, prefix: str = "", suffix: str = "") -> list[str]:
    """The lines of an expression that stands between brackets."""
    line = " " * indent + prefix + value.flat + suffix
    return [line] if width(line) <= WIDTH else value.broken(indent, prefix, suffix)


def statement(start: str, value: Expression, indent: int, comment: str = "") -> list[str]:
    """The lines of `start value`, such as `return x`, with a comment behind or, for want of room, above."""
    line = " " * indent + start + value.flat
    remark = f"  # {comment}" if comment else ""
    if width(line + remark) <= WIDTH:
        return [line + remark]
    above = [" " * indent + f"# {comment}"] if comment else []
    if width(line) <= WIDTH:
        return [*above, line]
    if _is_open(value):
        return [*above, *parenthesized(value).broken(indent, start, "")]
    return [*above, *value.broken(indent, start, "")]


def signature(start: str, parameters: Iterable[str | Item], end: str, indent: int) -> list[str]:
    """The lines of `def name(parameters) -> …:`."""
    items = (part if isinstance(part, Item) else Item(Text(part)) for part in parameters)
    return laid_out(Bracketed(f"{start}(", tuple(items)), indent, "", end)
