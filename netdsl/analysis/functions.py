"""What the language's own functions are worth, and unrolled tables."""

from __future__ import annotations

from typing import Any

from netdsl.analysis.environment import UNROLLING, USAGE, Environment
from netdsl.analysis.evaluate import LONGEST_LIST, as_layer, evaluate
from netdsl.analysis.operators import LARGEST_NUMBER, is_number, number_too_large
from netdsl.analysis.values import UNKNOWN, BrokenValue, SeriesValue, Unknown, describe, is_layer
from netdsl.graph.formula import Formula, apply, formula_of, items, plain
from netdsl.language import syntax
from netdsl.records import replace

MOST_DIGITS = 300
"""Digits that `round` may keep or cut."""


def evaluate_function(body: syntax.Call, environment: Environment) -> Any:
    named = next((argument for argument in body.arguments if argument.name), None)
    if named is not None:
        message = f"`{body.name}` has no argument `{named.name}`"
        return environment.report("unknown-argument", message, named.span, f"write `{USAGE[body.name]}`")
    values = [evaluate(argument.value, environment) for argument in body.arguments]
    # a table without rows is no layers at all, or here a list without items
    values = [() if isinstance(value, SeriesValue) and not value.elements else value for value in values]
    if any(isinstance(value, Unknown) or _is_wrong_table(value) for value in values):
        return UNKNOWN
    if any(is_layer(value) for value in values):
        message = f"`{body.name}` cannot take a layer"
        return environment.report("operands", message, body.span, f"write `{USAGE[body.name]}`")
    try:
        if body.name in UNROLLING:
            return _unrolled(body, values, environment)
        if body.name == "round" and len(values) > 1 and abs(values[1]) > MOST_DIGITS:
            raise OverflowError
        result = apply("call", body.name, *values)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        given = " and ".join(describe(value) for value in values)
        message = f"`{body.name}` cannot take {given}" if given else f"`{body.name}` is given no value"
        return environment.report("operands", message, body.span, f"write `{USAGE[body.name]}`")
    if isinstance(result, int) and abs(result) > LARGEST_NUMBER:
        return number_too_large(body.span, environment)
    return result


def _is_wrong_table(value: Any) -> bool:
    """Whether a table's rows are wrong, which is told already, so that it may be one of values."""
    return isinstance(value, SeriesValue) and any(isinstance(row, BrokenValue) for row in value.elements)


def _unrolled(body: syntax.Call, values: list[Any], environment: Environment) -> Any:
    """`range`, `enumerate` and `zip`, as lists; what their length rests on becomes a constraint."""
    for value in values:
        _rest_on(value, environment)
    if body.name == "range":
        return tuple(range(*(plain(value) for value in values))[: LONGEST_LIST + 1])
    if body.name == "zip":
        return tuple(zip(*map(_items, values), strict=False))
    start = plain(values[1]) if len(values) > 1 else 0
    return tuple(enumerate(_items(values[0]), start))


def _items(value: Any) -> tuple[Any, ...]:
    """The items of a list, each with its formula."""
    if not isinstance(value, tuple):
        raise TypeError(f"{describe(value)} is not a list")
    return items(value)


def _rest_on(value: Any, environment: Environment) -> None:
    """Notes that the layout holds only for this value, or for a list of this length."""
    formula = formula_of(value)
    if formula is None:
        return
    if isinstance(value, tuple):
        environment.block.constraints[Formula("call", ("len", formula))] = len(value)
    else:
        environment.block.constraints[formula] = plain(value)


def evaluate_generator(body: syntax.Generator, environment: Environment) -> Any:
    iterable = evaluate(body.iterable, environment)
    if isinstance(iterable, Unknown):
        return UNKNOWN
    if not isinstance(iterable, tuple):
        help = "unroll a list, `range(n)`, `enumerate(…)` or `zip(…)`"
        return environment.report(
            "not-a-list", f"{describe(iterable)} cannot be unrolled", body.iterable.span, help
        )
    _rest_on(iterable, environment)
    elements = []
    for item in _items(iterable):
        variables = _unpacked(body, item, environment)
        if variables is None:
            return UNKNOWN
        inner = replace(environment, variables={**environment.variables, **variables})
        elements.append(evaluate(body.element, inner))
    if elements and not any(isinstance(element, Unknown) or is_layer(element) for element in elements):
        return tuple(elements)
    is_wrong = any(isinstance(element, Unknown) for element in elements)
    if is_wrong and any(is_number(element) for element in elements):
        return UNKNOWN  # a list of values, some of which are wrong, which is told already
    layers = tuple(as_layer(element, body.element.span, environment) for element in elements)
    match body.element:
        case syntax.Name(name=word) | syntax.Call(name=word):
            label = environment.label(body.element, word)
        case _:
            label = environment.label(body, "series")
    return SeriesValue(layers, label, body.span)


def _unpacked(body: syntax.Generator, item: Any, environment: Environment) -> dict[str, Any] | None:
    targets = body.targets
    if len(targets) == 1:
        return {targets[0]: item}
    if not isinstance(item, tuple) or len(item) != len(targets):
        given = f"a list of {len(item)}" if isinstance(item, tuple) else describe(item)
        message = f"{given} cannot be unpacked into {len(targets)} names"
        help = f"each item must be a list of {len(targets)}, or name it once: `for item in …`"
        environment.report("unpacking", message, body.span, help)
        return None
    return dict(zip(targets, _items(item), strict=True))
