"""What operators are worth: of numbers in Python's way, of layers as merges and repeats, and conditions."""

from __future__ import annotations

import re
from typing import Any

from netdsl.analysis.environment import Environment
from netdsl.analysis.evaluate import LONGEST_LIST, as_layer, evaluate
from netdsl.analysis.values import (
    UNKNOWN,
    ChoiceValue,
    LayerUse,
    LayerValue,
    MergeValue,
    RepeatValue,
    Unknown,
    describe,
    is_layer,
)
from netdsl.diagnostics import Collector, Label, Span
from netdsl.diagnostics.edits import behind
from netdsl.graph.formula import Formula, apply, formula_of, plain, resting, traced
from netdsl.graph.graph import MergeKind
from netdsl.language import syntax
from netdsl.layers.layer import spell
from netdsl.records import replace

LARGEST_NUMBER = 2**63
_MERGE_OF: dict[str, MergeKind] = {"+": "add", "-": "sub", "*": "mul", "|": "concat"}


def evaluate_binary(body: syntax.Binary, environment: Environment) -> Any:
    left, right = evaluate(body.left, environment), evaluate(body.right, environment)
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return UNKNOWN
    if is_layer(left) or is_layer(right):
        return _on_layers(body, left, right, environment)
    if body.operator == "*" and isinstance(left, tuple) and isinstance(right, int):
        return left * min(int(right), LONGEST_LIST + 1)
    if body.operator == "+" and isinstance(left, tuple) and isinstance(right, tuple):
        return left + right
    if not is_number(left) or not is_number(right):
        message = f"`{body.operator}` cannot take {describe(left)} and {describe(right)}"
        return environment.report("operands", message, body.span, "it takes numbers, or layers")
    return _arithmetic(body, left, right, environment)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(plain(value), bool)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _arithmetic(body: syntax.Binary, left: Any, right: Any, environment: Environment) -> Any:
    operator = body.operator
    if operator == "|":
        message = f"`|` joins layers, not {describe(left)} and {describe(right)}"
        help = "numbers are combined by `+ - * /`, conditions by `and` and `or`"
        return environment.report("operands", message, body.span, help)
    if right == 0 and operator in ("/", "//", "%"):
        return _divided_by_zero(body, environment)
    if operator == "**" and isinstance(left, int) and right * abs(left).bit_length() > 4096:
        return number_too_large(body.span, environment)
    try:
        result = apply(operator, left, right)
    except ZeroDivisionError:
        return _divided_by_zero(body, environment)
    except OverflowError:
        return number_too_large(body.span, environment)
    if isinstance(result, complex):
        message = f"{describe(left)} is below 0 and has no power of {plain(right)}"
        return environment.report("operands", message, body.span, "give it a whole number as its power")
    return number_too_large(body.span, environment) if abs(result) > LARGEST_NUMBER else result


def _divided_by_zero(body: syntax.Binary, environment: Environment) -> Unknown:
    help = "guard it by a condition, or round up: `ceil(…)`"
    return environment.report("division-by-zero", "a number is divided by zero", body.span, help)


def number_too_large(span: Span, environment: Environment) -> Unknown:
    message = f"a number is larger than {LARGEST_NUMBER:,}"
    return environment.report("number-too-large", message, span, "sizes go to 2,147,483,647")


def _on_layers(body: syntax.Binary, left: Any, right: Any, environment: Environment) -> Any:
    if body.operator == "*" and is_layer(left) and is_number(right):
        label = environment.label(body, "series")
        if isinstance(body.left, syntax.Name | syntax.Call):  # a name's layer keeps being called by it
            label = environment.label(body.left, body.left.name)
        return _repeat(left, right, label, body, environment)
    if body.operator not in _MERGE_OF:
        message = f"`{body.operator}` cannot take {describe(left)} and {describe(right)}"
        return environment.report(
            "operands", message, body.span, "layers are joined by `->`, `+`, `-`, `*` and `|`"
        )
    for value, operand in ((left, body.left), (right, body.right)):
        if not is_layer(value) and not isinstance(value, tuple):
            message = f"`{body.operator}` cannot take {describe(left)} and {describe(right)}"
            help = (
                "to repeat a layer write `layer * 3`" if body.operator == "*" else "both sides must be layers"
            )
            return environment.report(
                "operands", message, body.span, help, Label(operand.span, "not a layer")
            )
    first = as_layer(left, body.left.span, environment)
    second = as_layer(right, body.right.span, environment)
    kind = _MERGE_OF[body.operator]
    joins = isinstance(first, MergeValue) and first.kind == kind and isinstance(body.left, syntax.Binary)
    branches = (*first.branches, second) if joins and isinstance(first, MergeValue) else (first, second)
    return MergeValue(kind, branches, environment.label(body, kind), body.span)


def _repeat(left: LayerValue, count: Any, label: str, body: syntax.Binary, environment: Environment) -> Any:
    if not _is_whole(count) or count < 0:
        help = "repeat it a whole number of times, from 0; `//` divides without a remainder"
        message = f"a layer cannot be repeated {spell(count)} times"
        return environment.report("repeat-count", message, body.right.span, help)
    if isinstance(left, LayerUse):
        label = left.label
    return RepeatValue(left, count, label, body.span, body.right.span)


def evaluate_negation(body: syntax.Negate, environment: Environment) -> Any:
    value = evaluate(body.operand, environment)
    if isinstance(value, Unknown):
        return UNKNOWN
    if not is_number(value):
        help = "to subtract what a layer gives write `x - layer`; a list's item is `- layer`, with a space"
        message = f"`-` with nothing before it cannot take {describe(value)}"
        sign = Span(body.span.source, body.span.start, body.span.start + 1)
        is_item = re.search(r"^[ -]*\Z", sign.source.text[: sign.start], re.MULTILINE)
        return environment.report(
            "operands",
            message,
            body.span,
            help if is_layer(value) else "negate a number",
            fix=behind(sign, " ") if is_layer(value) and is_item else (),
        )
    return apply("neg", value)


def evaluate_not(body: syntax.Not, environment: Environment) -> Any:
    value = evaluate(body.operand, environment)
    if isinstance(value, Unknown):
        return UNKNOWN
    if is_layer(value):
        return environment.report("operands", "`not` cannot take a layer", body.span, _CONDITION)
    return apply("not", value)


def evaluate_comparison(body: syntax.Compare, environment: Environment) -> Any:
    operands = [evaluate(operand, environment) for operand in body.operands]
    if any(isinstance(operand, Unknown) for operand in operands):
        return UNKNOWN
    results = []
    for operator, left, right in zip(body.operators, operands, operands[1:], strict=False):
        try:
            if is_layer(left) or is_layer(right):
                raise TypeError
            results.append(apply(operator, left, right))
        except TypeError:
            message = f"`{operator}` cannot compare {describe(left)} and {describe(right)}"
            return environment.report("operands", message, body.span, _CONDITION)
    return results[0] if len(results) == 1 else apply("and", *results)


def evaluate_logic(body: syntax.Logic, environment: Environment) -> Any:
    values: list[Any] = []
    for operand in body.operands:
        value = evaluate(operand, environment)
        if isinstance(value, Unknown):
            return UNKNOWN
        if is_layer(value):
            message = f"`{body.operator}` cannot take a layer"
            return environment.report("operands", message, operand.span, _CONDITION)
        values.append(value)
        if bool(value) is (body.operator == "or"):
            break
    rest = [_quietly(operand, environment) for operand in body.operands[len(values) :]]
    if all(is_number(value) for value in rest):
        return apply(body.operator, *values, *rest)
    return traced(plain(values[-1]), resting(plain(values[-1]), *values))


def _quietly(body: syntax.Expression, environment: Environment) -> Any:
    """What an expression that is not needed would be worth; None where it is worth nothing."""
    found = Collector()
    value = evaluate(body, replace(environment, found=found))
    return None if len(found) or isinstance(value, Unknown) else value


_CONDITION = "a condition compares numbers, such as `x.c == 64`"


def evaluate_conditional(body: syntax.Conditional, environment: Environment) -> Any:
    condition = evaluate(body.condition, environment)
    if isinstance(condition, Unknown):
        return UNKNOWN
    if is_layer(condition):
        message = "a layer stands where a condition is expected"
        return environment.report("operands", message, body.condition.span, _CONDITION)
    taken, other = (body.then, body.otherwise) if condition else (body.otherwise, body.then)
    value = evaluate(taken, environment)
    formula = formula_of(condition)
    if formula is None or isinstance(value, Unknown):
        return value
    if not isinstance(formula.settled(), Formula):  # it rests on what no formula says
        environment.block.constraints[formula] = bool(condition)
        return value
    if is_layer(value):
        return ChoiceValue(formula, bool(condition), value, body.span)
    alternative = _quietly(other, environment)
    if is_number(value) and is_number(alternative):
        return apply(
            "if", *((value, condition, alternative) if condition else (alternative, condition, value))
        )
    return traced(plain(value), resting(plain(value), value, condition))
