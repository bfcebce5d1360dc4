"""Numbers that remember how they were computed.

`k//2` in a block is 1 when `k` is 3, and the checker needs the 1; the source that netdsl prints needs the
`k // 2`, because there the block is a class with `k` as its constructor's argument. So a number may carry
its formula in the names of the block it stands in. It is an ordinary number everywhere else: it compares,
hashes and adds as one. Arithmetic that does not ask for formulas gives a constant that knows what it rests
on, so that nobody takes it for one that holds whatever the names stand for.

    4 * c  with c = 64                       →   TracedInt(256), formula `4 * c`
    (h - k) // 2 + 1, in plain arithmetic    →   TracedInt(14), formula `14`, which rests on `h` and `k`
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from netdsl.records import value_record

Plain = int | float | bool | str | None
Operand = "Formula | Plain | tuple[Any, ...]"

LOOSENESS = {
    "if": 0, "or": 1, "and": 2, "not": 3,
    "==": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4, "in": 4, "not in": 4,
    "+": 5, "-": 5, "*": 6, "/": 6, "//": 6, "%": 6, "neg": 7, "**": 8,
}  # fmt: skip
"""How tightly operators bind, the loosest first, as in Python."""

_ATOM = 9


@value_record()
class Formula:
    """An expression over names: `operator` applied to formulas and plain values.

    Besides Python's operators there are `name` (operand: the name), `index` (base, position), `tuple`,
    `call` (function's name, then its arguments) and `rests` (a number, then the names that it rests on, where
    no formula says how).
    """

    operator: str
    operands: tuple[Any, ...]

    @staticmethod
    def name(name: str) -> Formula:
        return Formula("name", (name,))

    def names(self) -> frozenset[str]:
        """The names that the formula reads."""
        if self.operator == "name":
            return frozenset(self.operands)
        found: frozenset[str] = frozenset()
        if self.operator == "rests":
            return found
        for operand in self.operands:
            if isinstance(operand, Formula):
                found |= operand.names()
        return found

    def rests(self) -> frozenset[str]:
        """The names that its constants rest on: with other values it would be another formula."""
        if self.operator == "rests":
            return frozenset(self.operands[1:])
        parts = [operand.rests() for operand in self.operands if isinstance(operand, Formula)]
        return frozenset().union(*parts)

    def settled(self) -> Formula | Any:
        """The formula with the numbers alone in the place of those that rest on something."""
        if self.operator == "rests":
            return self.operands[0]
        if not self.rests():
            return self
        operands = tuple(o.settled() if isinstance(o, Formula) else o for o in self.operands)
        if any(isinstance(operand, Formula) for operand in operands):
            return Formula(self.operator, operands)
        return evaluate(self.operator, operands)

    def functions(self) -> frozenset[str]:
        """The functions that the formula calls."""
        found = frozenset(self.operands[:1]) if self.operator == "call" else frozenset()
        for operand in self.operands:
            if isinstance(operand, Formula):
                found |= operand.functions()
        return found

    def substitute(self, values: Mapping[str, Any]) -> Formula | Any:
        """The formula with names replaced by other formulas or by plain values; names not given stay."""
        if self.operator == "name":
            return values.get(self.operands[0], self)
        if self.operator == "rests":
            number, *names = self.operands
            return resting(number, *(values.get(name, Formula.name(name)) for name in names))
        operands = tuple(o.substitute(values) if isinstance(o, Formula) else o for o in self.operands)
        if any(isinstance(operand, Formula) for operand in operands):
            return Formula(self.operator, operands)
        return evaluate(self.operator, operands)

    def __str__(self) -> str:
        return self._text(0)

    def _text(self, looseness: int) -> str:
        text, own = self._spelled()
        return f"({text})" if own < looseness else text

    def _spelled(self) -> tuple[str, int]:
        kind, operands = self.operator, self.operands
        if kind == "name":
            return operands[0], _ATOM
        if kind == "index":
            return f"{_spell(operands[0], _ATOM)}[{operands[1]}]", _ATOM
        if kind == "rests":
            return _spell(operands[0], _ATOM), _ATOM
        if kind == "tuple":
            return f"({', '.join(_spell(o, 0) for o in operands)}{',' * (len(operands) == 1)})", _ATOM
        if kind == "call":
            return f"{operands[0]}({', '.join(_spell(o, 0) for o in operands[1:])})", _ATOM
        own = LOOSENESS[kind]
        if kind == "if":
            then, condition, otherwise = operands
            return f"{_spell(then, 1)} if {_spell(condition, 1)} else {_spell(otherwise, 0)}", own
        if kind == "neg":
            return f"-{_spell(operands[0], own)}", own
        if kind == "not":
            return f"not {_spell(operands[0], own)}", own
        if kind in ("and", "or"):
            return f" {kind} ".join(_spell(o, own + 1) for o in operands), own
        left, right = operands
        if kind == "**":
            return f"{_spell(left, own + 1)} ** {_spell(right, own)}", own
        tight = own + 1 if own == 4 else own  # comparisons do not associate
        return f"{_spell(left, tight)} {kind} {_spell(right, own + 1)}", own


def _spell(operand: Any, looseness: int) -> str:
    if isinstance(operand, Formula):
        return operand._text(looseness)
    text = repr(plain(operand))
    return f"({text})" if text.startswith("-") and looseness > 5 else text


def resting(number: Any, *values: Any) -> Formula | Any:
    """A formula that is the number alone and remembers what the values rest on; the number, where nothing."""
    names: set[str] = set()
    for value in values:
        formula = value if isinstance(value, Formula) else formula_of(value)
        if formula is not None:
            names |= formula.names() | formula.rests()
    return Formula("rests", (number, *sorted(names))) if names else number


def _keeping(operate: Callable[..., Any], *, is_reflected: bool = False) -> Callable[..., Any]:
    """An operator of plain numbers whose result remembers what its operands rest on."""

    def kept(self: Any, *others: Any) -> Any:
        if not all(isinstance(other, int | float) for other in others):
            return NotImplemented
        operands = (*others, self) if is_reflected else (self, *others)
        result = operate(*(plain(operand) for operand in operands))
        return traced(result, resting(result, *operands))

    return kept


class _Remembering:
    """Arithmetic that does not ask for formulas."""

    formula: Formula

    __add__ = _keeping(operator.add)
    __radd__ = _keeping(operator.add, is_reflected=True)
    __sub__ = _keeping(operator.sub)
    __rsub__ = _keeping(operator.sub, is_reflected=True)
    __mul__ = _keeping(operator.mul)
    __rmul__ = _keeping(operator.mul, is_reflected=True)
    __truediv__ = _keeping(operator.truediv)
    __rtruediv__ = _keeping(operator.truediv, is_reflected=True)
    __floordiv__ = _keeping(operator.floordiv)
    __rfloordiv__ = _keeping(operator.floordiv, is_reflected=True)
    __mod__ = _keeping(operator.mod)
    __rmod__ = _keeping(operator.mod, is_reflected=True)
    __neg__ = _keeping(operator.neg)
    __floor__ = _keeping(math.floor)
    __ceil__ = _keeping(math.ceil)


class TracedInt(_Remembering, int):
    """An integer with its formula."""


class TracedFloat(_Remembering, float):
    """A float with its formula."""


class TracedBool(int):
    """A truth value with its formula; `bool` cannot be subclassed."""

    formula: Formula

    def __repr__(self) -> str:
        return repr(bool(self))


class TracedTuple(tuple[Any, ...]):
    """A list with its formula."""

    formula: Formula


def traced(value: Any, formula: Formula | Any) -> Any:
    """A value that remembers its formula; a value that cannot, or a constant formula, comes back plain."""
    if not isinstance(formula, Formula):
        return value
    kind: type[Any]
    if isinstance(value, bool | TracedBool):
        kind = TracedBool
    elif isinstance(value, int):
        kind = TracedInt
    elif isinstance(value, float):
        kind = TracedFloat
    elif isinstance(value, tuple):
        kind = TracedTuple
    else:
        return value
    result = kind(value)
    result.formula = formula
    return result


_PLAIN = frozenset({int, float, bool, str, type(None)})
"""Types whose values are plain as they are, by far the most frequent ones."""


def formula_of(value: Any) -> Formula | None:
    """The formula a value carries, or None."""
    return None if type(value) in _PLAIN else getattr(value, "formula", None)


def items(value: tuple[Any, ...]) -> tuple[Any, ...]:
    """The items of a list, each with its formula."""
    formula = formula_of(value)
    if formula is None:
        return tuple(value)
    if formula.operator == "tuple":
        return tuple(traced(item, part) for item, part in zip(value, formula.operands, strict=True))
    return tuple(traced(item, Formula("index", (formula, i))) for i, item in enumerate(value))


def plain(value: Any) -> Any:
    """The value without its formula, in Python's own types, all the way down."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, bool | TracedBool):
        return bool(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    return value


def operand(value: Any) -> Any:
    """What stands for a value inside a formula: its own formula, or the plain value."""
    formula = formula_of(value)
    return plain(value) if formula is None else formula


def make_divisible(value: float, divisor: int = 8, floor: float = 0.9) -> int:
    """The multiple of `divisor` nearest to a channel count, not below `floor` of it.

    MobileNet's rounding of scaled widths (Howard et al. 2017, as in TensorFlow's slim).

    >>> make_divisible(32 * 0.75), make_divisible(16 * 0.35)
    (24, 8)
    """
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < floor * value else rounded


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": len,
    "min": min,
    "max": max,
    "sum": sum,
    "round": round,
    "floor": math.floor,
    "ceil": math.ceil,
    "make_divisible": make_divisible,
}
"""The functions of values that a formula may call; `range`, `enumerate` and `zip` unroll instead."""

_OPERATORS: dict[str, Callable[..., Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "//": operator.floordiv, "%": operator.mod, "**": operator.pow,
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
    "in": lambda item, items: item in items, "not in": lambda item, items: item not in items,
    "neg": operator.neg, "not": operator.not_,
    "index": operator.getitem,
}  # fmt: skip


def evaluate(kind: str, operands: tuple[Any, ...]) -> Any:
    """An operator of a formula applied to plain values, as Python does it."""
    if kind == "call":
        return FUNCTIONS[operands[0]](*operands[1:])
    if kind == "tuple":
        return operands
    if kind == "rests":
        return operands[0]
    if kind == "if":
        return operands[0] if operands[1] else operands[2]
    if kind in ("and", "or"):
        stop = kind == "or"
        return next((o for o in operands if bool(o) is stop), operands[-1])
    return _OPERATORS[kind](*operands)


def apply(kind: str, *values: Any) -> Any:
    """An operator applied to values, with the formula of the result where an operand has one."""
    result = evaluate(kind, tuple(plain(value) for value in values))
    if any(formula_of(value) is not None for value in values):
        return traced(result, Formula(kind, tuple(operand(value) for value in values)))
    return result


def times(left: int, right: int) -> int:
    """The product of two sizes, keeping formulas; a factor of 1 leaves the other as it is."""
    if formula_of(right) is None and right == 1:
        return left
    if formula_of(left) is None and left == 1:
        return right
    result: int = apply("*", left, right)
    return result


def plus(left: int, right: int) -> int:
    """The sum of two sizes, keeping formulas."""
    result: int = apply("+", left, right)
    return result
