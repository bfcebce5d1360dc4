"""Which function works out which kind of expression or body."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from netdsl.analysis.calls import evaluate_call
from netdsl.analysis.environment import Environment
from netdsl.analysis.evaluate import as_layer, evaluate
from netdsl.analysis.functions import evaluate_generator
from netdsl.analysis.leaves import evaluate_attribute, evaluate_index, evaluate_listing, evaluate_name
from netdsl.analysis.operators import (
    evaluate_binary,
    evaluate_comparison,
    evaluate_conditional,
    evaluate_logic,
    evaluate_negation,
    evaluate_not,
)
from netdsl.analysis.values import UNKNOWN, ChainValue, LayerValue, MergeValue, StagesValue, Unknown
from netdsl.diagnostics import Span
from netdsl.language import syntax


def _constant(body: Any, _: Environment) -> Any:
    return body.value


def _broken(_: syntax.Broken, __: Environment) -> Unknown:
    return UNKNOWN


def _chain(body: syntax.Chain, environment: Environment) -> Any:
    return _in_sequence(body.steps, body.span, environment)


def _sequence(body: syntax.Sequence, environment: Environment) -> Any:
    return _in_sequence(body.items, body.span, environment)


def _in_sequence(bodies: Iterable[syntax.Body], span: Span, environment: Environment) -> Any:
    steps: list[LayerValue] = []
    for body in bodies:
        value = as_layer(evaluate(body, environment), body.span, environment)
        if isinstance(value, ChainValue):
            environment.spend(len(value.steps) // 4, body.span)
            steps += value.steps
        else:
            steps.append(value)
    return ChainValue(tuple(steps), span)


def _stages(body: syntax.Stages, environment: Environment) -> StagesValue:
    return StagesValue(body, environment)


def _merge(body: syntax.Merge, environment: Environment) -> Any:
    branches = tuple(as_layer(evaluate(b, environment), b.span, environment) for b in body.branches)
    return MergeValue(body.kind, branches, environment.label(body, body.kind), body.span)


EVALUATORS: dict[type[Any], Callable[[Any, Environment], Any]] = {
    syntax.Broken: _broken,
    syntax.Number: _constant,
    syntax.String: _constant,
    syntax.Name: evaluate_name,
    syntax.Negate: evaluate_negation,
    syntax.Not: evaluate_not,
    syntax.Binary: evaluate_binary,
    syntax.Compare: evaluate_comparison,
    syntax.Logic: evaluate_logic,
    syntax.Conditional: evaluate_conditional,
    syntax.Attribute: evaluate_attribute,
    syntax.Index: evaluate_index,
    syntax.Call: evaluate_call,
    syntax.Listing: evaluate_listing,
    syntax.Generator: evaluate_generator,
    syntax.Chain: _chain,
    syntax.Sequence: _sequence,
    syntax.Stages: _stages,
    syntax.Merge: _merge,
}
