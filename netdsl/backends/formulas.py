"""Formulas and values of the graph → Python expressions.

They are laid out as a formatter would, which writes powers without spaces.

    Formula `64 * 2 ** i`   →   64 * 2**i
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from netdsl.backends.layout import (
    Bracketed,
    Expression,
    Item,
    Operation,
    Prefixed,
    Text,
    call,
    parenthesized,
    tuple_of,
)
from netdsl.graph.formula import LOOSENESS, Formula, plain
from netdsl.graph.polynomial import simplified

_ATOM = 9

_FUNCTIONS = {"floor": "math.floor", "ceil": "math.ceil"}
"""Functions that Python keeps in a module."""

_ORDERS = ("==", "!=", "<", "<=", ">", ">=")

_OPPOSITES = {"in": "not in", "not in": "in", "==": "!=", "!=": "=="}

Names = Mapping[str, str]
"""What a name of the spec is called in the printed source, where that differs."""


def expression(value: Any, names: Names) -> Expression:
    """A formula or a plain value as a Python expression."""
    return _spelled(value, names)[0]


def literal(value: Any) -> Expression:
    """A plain value as Python writes it: numbers, truth values, None, text in double quotes and tuples."""
    value = plain(value)
    if isinstance(value, tuple):
        return tuple_of(*map(literal, value))
    if isinstance(value, str):
        return Text(_quoted(value))
    if isinstance(value, float) and not math.isfinite(value):
        return Text("math.nan" if math.isnan(value) else "math.inf" if value > 0 else "-math.inf")
    if value is None or isinstance(value, bool | int | float):
        return Text(repr(value))
    raise TypeError(f"{value!r} cannot be printed")


def truth(value: Any) -> Any:
    """A condition said as briefly as it can be: a formula, or True or False where it is always one of them.

    `c == c and n + 1 + 1 > 3`   →   `n + 2 > 3`
    """
    if not isinstance(value, Formula):
        return bool(value)
    kind, operands = value.operator, value.operands
    if kind in ("and", "or"):
        return _joined_truth(kind, [truth(operand) for operand in operands])
    if kind == "not":
        inner = truth(operands[0])
        return Formula("not", (inner,)) if isinstance(inner, Formula) else not inner
    if LOOSENESS.get(kind) == LOOSENESS["=="]:
        left, right = (simplified(o) if isinstance(o, Formula) else o for o in operands)
        is_equal = left == right and isinstance(left, Formula)
        return kind in ("==", "<=", ">=") if is_equal and kind in _ORDERS else Formula(kind, (left, right))
    return value


def _joined_truth(kind: str, parts: list[Any]) -> Any:
    decisive = kind == "or"
    if any(part is decisive for part in parts):
        return decisive
    open_parts = tuple(part for part in parts if isinstance(part, Formula))
    if len(open_parts) <= 1:
        return open_parts[0] if open_parts else not decisive
    return Formula(kind, open_parts)


def _quoted(text: str) -> str:
    spelled = repr(text)
    return f'"{spelled[1:-1]}"' if spelled.startswith("'") and '"' not in text else spelled


def _spelled(value: Any, names: Names) -> tuple[Expression, int]:
    """The expression and how loosely it binds."""
    if not isinstance(value, Formula):
        found = literal(value)
        return found, LOOSENESS["neg"] if found.flat.startswith("-") else _ATOM
    kind, operands = value.operator, value.operands
    if kind == "name":
        return Text(names.get(operands[0], operands[0])), _ATOM
    if kind == "call":
        arguments = (Item(expression(operand, names)) for operand in operands[1:])
        return call(_FUNCTIONS.get(operands[0], operands[0]), *arguments), _ATOM
    if kind == "tuple":
        return tuple_of(*(expression(operand, names) for operand in operands)), _ATOM
    if kind == "index":
        base, position = _tight(operands[0], _ATOM, names), expression(operands[1], names)
        return Bracketed(f"{base.flat}[", (Item(position),), "]"), _ATOM
    return _operation(kind, operands, names), LOOSENESS[kind]


def _operation(kind: str, operands: tuple[Any, ...], names: Names) -> Expression:
    own = LOOSENESS[kind]
    if kind == "if":
        then, condition, otherwise = operands
        last = _tight(otherwise, 0, names)
        rest = [("if", _tight(condition, 1, names)), ("else", last)]
        if isinstance(last, Operation) and isinstance(otherwise, Formula) and otherwise.operator == "if":
            rest[1:] = [("else", last.first), *last.rest]
        return Operation(_tight(then, 1, names), tuple(rest))
    if kind == "not":
        return _negated(operands[0], names)
    if kind == "neg":
        return Prefixed("-", _tight(operands[0], _ATOM, names))
    if kind in ("and", "or"):
        first, *others = (_tight(operand, own + 1, names) for operand in operands)
        return Operation(first, tuple((kind, other) for other in others))
    left, right = operands
    if own == 4:
        return _comparison(kind, left, right, names)
    if kind == "**":
        is_tight = _is_simple(left) and _is_simple(right)
        is_power = isinstance(right, Formula) and right.operator == kind
        power = _tight(right, _ATOM if is_power else LOOSENESS["neg"], names)
        return Operation(_tight(left, _ATOM, names), ((kind, power),), is_tight)
    return _joined(_tight(left, own, names), own, left, (kind, _tight(right, own + 1, names)))


def _joined(left: Expression, own: int, formula: Any, step: tuple[str, Expression]) -> Operation:
    """`a + b` and `c` as one operation of three, since they break together."""
    chains = isinstance(formula, Formula) and LOOSENESS.get(formula.operator) == own
    if chains and isinstance(left, Operation):
        return Operation(left.first, (*left.rest, step))
    return Operation(left, (step,))


def _negated(operand: Any, names: Names) -> Expression:
    if isinstance(operand, Formula) and operand.operator in _OPPOSITES:
        left, right = operand.operands
        return _comparison(_OPPOSITES[operand.operator], left, right, names)
    return Prefixed("not ", _tight(operand, 3, names))


def _comparison(kind: str, left: Any, right: Any, names: Names) -> Expression:
    if kind in ("==", "!=") and (_is_singleton(left) or _is_singleton(right)):
        kind = "is" if kind == "==" else "is not"
    return Operation(_tight(left, 5, names), ((kind, _tight(right, 5, names)),))


def _is_singleton(operand: Any) -> bool:
    return operand is None or isinstance(operand, bool)


def _is_simple(operand: Any) -> bool:
    """Whether a formatter writes a power of it without spaces."""
    return (isinstance(operand, Formula) and operand.operator == "name") or (
        isinstance(operand, int | float) and not isinstance(operand, bool)
    )


def _tight(operand: Any, looseness: int, names: Names) -> Expression:
    """An operand, in parentheses where it binds more loosely than its place."""
    found, own = _spelled(operand, names)
    return parenthesized(found) if own < looseness else found
