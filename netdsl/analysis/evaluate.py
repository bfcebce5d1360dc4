"""Expressions → values: arithmetic in Python's way, and layers closed over their arguments.

Numbers keep their formulas in the names of the block they stand in (see `graph.formula`). A fault is
collected and its value is `UNKNOWN`, which silences everything computed from it. What each kind of expression
is worth is said in `leaves`, `operators`, `calls` and `functions`; `evaluators` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from netdsl.analysis.environment import MOST_STEPS, BlockContext, Effort, Environment, Program
from netdsl.analysis.values import BrokenValue, ChainValue, LayerValue, Unknown, describe, is_layer
from netdsl.diagnostics import Collector, Edit, Faults, Span
from netdsl.diagnostics.edits import write
from netdsl.language import syntax

NO_EDITS: tuple[Edit, ...] = ()
"""No edit."""
LONGEST_LIST = 10_000
"""Items of the longest list an expression may make, those of lists inside it included."""


def constant(expression: syntax.Expression, parameters: Mapping[str, Any]) -> Any:
    """The value of an expression without layers, such as a recipe's.

    Raises:
        Faults: it is wrong.
    """
    found = Collector()
    program = Program({}, {}, {}, parameters, Effort())
    environment = Environment(program, found, BlockContext(), {}, keeps_formulas=False)
    value = evaluate(expression, environment)
    if len(found):
        raise Faults(found)
    return value


def evaluate(body: syntax.Body, environment: Environment) -> Any:
    """The value of an expression or a body.

    Raises:
        Faults: working out the spec takes too long.
    """
    effort = environment.program.effort
    effort.steps += 1
    if effort.steps > MOST_STEPS:
        environment.spend(0, body.span)
    value = _evaluators()[type(body)](body, environment)
    if isinstance(value, tuple) and not isinstance(body, syntax.Name | syntax.Index):
        return _checked_list(value, body.span, environment)
    return value


@cache
def _evaluators() -> Mapping[type[Any], Callable[[Any, Environment], Any]]:
    """Asked for when it is needed, since each of them evaluates the parts of what it works out."""
    from netdsl.analysis.evaluators import EVALUATORS

    return EVALUATORS


def _checked_list(value: tuple[Any, ...], span: Span, environment: Environment) -> Any:
    """A list that was just made, if it is not too long."""
    size = _size(value)
    environment.spend(size // 4, span)
    if size <= LONGEST_LIST:
        return value
    help = "to repeat a layer write `layer * n`"
    return environment.report("list-too-long", f"a list has more than {LONGEST_LIST:,} items", span, help)


def _size(value: tuple[Any, ...]) -> int:
    """The items of a list and of the lists inside it; counting stops where they are too many."""
    size = len(value)
    for item in value:
        if size > LONGEST_LIST:
            break
        if isinstance(item, tuple):
            size += _size(item)
    return size


def as_layer(value: Any, span: Span, environment: Environment) -> LayerValue:
    """A value in the place of a layer; a sequence is a chain."""
    if isinstance(value, Unknown):
        return BrokenValue(span)
    if is_layer(value):
        return value  # type: ignore[no-any-return]
    if isinstance(value, tuple) and all(is_layer(item) or isinstance(item, tuple) for item in value):
        return ChainValue(tuple(as_layer(item, span, environment) for item in value), span)
    help, fix = "write a layer or a block, such as `conv(64, 3)`", NO_EDITS
    if isinstance(value, str) and value in environment.program.known():
        help = f"leave the quotes out: `{value}`"
        fix = write(span, value) if span.text[1:-1] == value else ()
    message = f"{describe(value)} stands where a layer is expected"
    environment.report("expected-layer", message, span, help, fix=fix)
    return BrokenValue(span)
