"""What calls are worth: layers, blocks and shared modules with their arguments, `from` and merges."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from netdsl.analysis.binding import Given, bind_layer, given_twice, match
from netdsl.analysis.environment import (
    CONSTANTS,
    MERGE_FUNCTIONS,
    UNROLLING,
    USAGE,
    Environment,
    Program,
    report_unknown,
)
from netdsl.analysis.evaluate import NO_EDITS, as_layer, evaluate
from netdsl.analysis.functions import evaluate_function
from netdsl.analysis.labels import label_body
from netdsl.analysis.operators import is_number
from netdsl.analysis.values import (
    UNKNOWN,
    FanValue,
    LayerUse,
    MergeValue,
    RecallValue,
    SeriesValue,
    Unknown,
    describe,
    is_layer,
)
from netdsl.diagnostics import Diagnostic, Edit, Span
from netdsl.diagnostics.edits import write
from netdsl.graph.formula import FUNCTIONS, plain
from netdsl.graph.graph import MergeKind
from netdsl.language import syntax
from netdsl.layers.layer import Layer
from netdsl.records import replace

STEPS_OF_A_CALL = 5
"""What looking up a layer or block and binding its arguments counts for."""


def evaluate_call(body: syntax.Call, environment: Environment) -> Any:
    name = body.name
    if name in MERGE_FUNCTIONS:
        return _merge_call(body, environment)
    if name == "from":
        return _recall(body, environment)
    if name in ("x", "id", *CONSTANTS):
        message = f"`{name}` takes no arguments"
        fix = write(body.span, name)
        return environment.report("not-callable", message, body.name_span, f"write `{name}`", fix=fix)
    if name in environment.variables or name in environment.program.parameters:
        return _call_parameter(body, environment)
    if name in FUNCTIONS or name in UNROLLING:
        return evaluate_function(body, environment)
    label = environment.label(body, name)
    return use_of(name, body.name_span, _given(body, environment), environment, label)


def _given(body: syntax.Call, environment: Environment) -> Given:
    positional: list[tuple[Any, Span]] = []
    named: dict[str, tuple[Any, Span]] = {}
    is_broken = False
    for argument in body.arguments:
        value = evaluate(argument.value, environment)
        if is_layer(value) and not isinstance(argument.value, syntax.Name) and environment.keeps_formulas:
            # a layer handed on is applied where other names hold, so its numbers go without formulas
            value = evaluate(argument.value, replace(environment, keeps_formulas=False))
        if argument.name is None:
            positional.append((value, argument.span))
            if named:
                message = "an argument without a name follows one with a name"
                help = "put the arguments without names first"
                fix = _unnamed_first(body, _names_of(body.name, environment.program))
                environment.report("argument-order", message, argument.span, help, fix=fix)
                is_broken = True
        elif argument.name in named:
            message = f"`{argument.name}` is given twice"
            environment.add(given_twice(message, named[argument.name][1], argument.span))
        else:
            named[argument.name] = (value, argument.span)
    return Given(positional, named, body.span, is_broken)


def _names_of(name: str, program: Program) -> list[str]:
    """The parameters of a layer or block in their order."""
    if name in program.blocks:
        return [parameter.name for parameter in program.blocks[name].parameters]
    return list(program.layers[name].arguments()) if name in program.layers else []


def _unnamed_first(call: syntax.Call, names: list[str]) -> tuple[Edit, ...]:
    """The arguments of a call with those first that have no names, where those take none of the others'."""
    count = sum(argument.name is None for argument in call.arguments)
    if len(names) < count or any(argument.name in names[:count] for argument in call.arguments):
        return ()
    ordered = sorted(call.arguments, key=lambda argument: argument.name is not None)
    texts = (argument.span.text for argument in ordered)
    whole = call.arguments[0].span.to(call.arguments[-1].span)
    return write(whole, ", ".join(texts)) if "\n" not in whole.text and "#" not in whole.text else ()


def use_of(
    name: str, span: Span, given: Given, environment: Environment, label: str, bare: bool = False
) -> LayerUse | Unknown:
    """A layer, block or shared module by its name."""
    program = environment.program
    environment.spend(STEPS_OF_A_CALL, span)
    if given.is_broken or name in program.unreadable:
        return UNKNOWN
    if name in program.blocks:
        return _use_block(program.blocks[name], given, environment, label, bare)
    if name in program.shared:
        block = program.shared[name]
        _, faults = match(name, (), (), given)
        _add_all(faults, environment)
        return LayerUse(block, None, None if faults else (), {}, label, given.span, is_shared=True)
    if name in program.layers:
        return _use_layer(program.layers[name], given, environment, label, bare)
    return report_unknown(name, span, given.span, environment)


def _add_all(faults: Iterable[Diagnostic], environment: Environment) -> None:
    for fault in faults:
        environment.add(fault)


def _use_layer(
    layer: type[Layer], given: Given, environment: Environment, label: str, bare: bool
) -> LayerUse:
    if bare:
        alone = _without_arguments(layer)  # type: ignore[arg-type]  # mypy takes the hash of instances for that of the class
        return LayerUse(layer, alone, None, {}, label, given.span, bare=True)
    bound, spans, faults = bind_layer(layer, given)
    _add_all(faults, environment)
    return LayerUse(layer, bound, None, spans, label, given.span)


@cache
def _without_arguments(layer: type[Layer]) -> Layer | None:
    """The layer with its defaults, which all its uses share; None where some argument has none."""
    arguments = layer.arguments().values()
    return None if any(argument.required for argument in arguments) else layer()


def _use_block(
    block: syntax.Block, given: Given, environment: Environment, label: str, bare: bool
) -> LayerUse | Unknown:
    names = [parameter.name for parameter in block.parameters]
    required = [parameter.name for parameter in block.parameters if parameter.default is None]
    if bare and required:
        return LayerUse(block, None, None, {}, label, given.span, bare=True)
    bound, faults = match(block.name, names, required, given)
    _add_all(faults, environment)
    values: dict[str, Any] = {}
    for parameter in block.parameters:
        if parameter.name in bound:
            values[parameter.name] = bound[parameter.name][0]
        elif isinstance(parameter.default, syntax.Number):
            values[parameter.name] = parameter.default.value
        elif parameter.default is not None:
            # a default sees the block's earlier parameters and the spec's names, not those around the use
            labels = label_body(parameter.default)
            inner = replace(environment, variables=dict(values), x=None, labels=labels)
            values[parameter.name] = evaluate(parameter.default, inner)
    wrong = bool(faults) or any(isinstance(value, Unknown) for value in values.values())
    spans = {name: span for name, (_, span) in bound.items()}
    bound_values = None if wrong else tuple(values.items())
    kinds = _kind(tuple(values.values()))
    return LayerUse(block, None, bound_values, spans, label, given.span, bare=bare, kinds=kinds)


def _kind(value: Any) -> Any:
    """Tells apart what Python holds for equal and a layer does not: 1, 1.0 and true."""
    if isinstance(value, tuple):
        return tuple(_kind(item) for item in value)
    return type(plain(value)) if is_number(value) else None


def _call_parameter(body: syntax.Call, environment: Environment) -> Any:
    """`act(0.1)` where the parameter `act` holds the bare name of a layer or block."""
    name = body.name
    value = environment.variables.get(name, environment.program.parameters.get(name))
    label = environment.label(body, name)
    if isinstance(value, Unknown):
        return UNKNOWN
    if not isinstance(value, LayerUse) or not value.bare:
        what = "a layer with its arguments" if is_layer(value) else describe(value)
        message = f"`{name}` is {what} and cannot be called"
        help = f"write `{name}` alone, or give it the bare name of a layer or block"
        fix = write(body.span, name) if not body.arguments else ()
        return environment.report("not-callable", message, body.name_span, help, fix=fix)
    given = _given(body, environment)
    if given.is_broken:
        return UNKNOWN
    if isinstance(value.target, syntax.Block):
        return _use_block(value.target, given, environment, label, bare=False)
    return _use_layer(value.target, given, environment, label, bare=False)


def _recall(body: syntax.Call, environment: Environment) -> Any:
    arguments = body.arguments
    if len(arguments) != 1 or not isinstance(arguments[0].value, syntax.Name):
        message = "`from` takes the name of one stage or input"
        help, fix = "write `from(stem)`", NO_EDITS
        quoted = arguments[0].value if len(arguments) == 1 else None
        if isinstance(quoted, syntax.String) and quoted.value.isidentifier():
            help, fix = f"write `from({quoted.value})`", write(quoted.span, quoted.value)
        return environment.report("from-argument", message, body.span, help, fix=fix)
    return RecallValue(arguments[0].value.name, body.span, environment)


def _merge_call(body: syntax.Call, environment: Environment) -> Any:
    """`concat(a, b)`, or `concat(layer for … in …)`, whose branches are numbered."""
    kind: MergeKind = body.name  # type: ignore[assignment]
    label = environment.label(body, kind)
    named = next((argument for argument in body.arguments if argument.name), None)
    if named is not None:
        message = f"`{kind}` has no argument `{named.name}`"
        return environment.report("unknown-argument", message, named.span, f"write `{USAGE[kind]}`")
    values = [evaluate(argument.value, environment) for argument in body.arguments]
    if len(values) == 1 and isinstance(values[0], SeriesValue):
        return FanValue(kind, values[0].elements, label, body.span)
    if len(values) == 1 and isinstance(values[0], tuple):
        values = list(values[0])
    if not values:
        return environment.report(
            "merge-branches", f"`{kind}` has no branches", body.span, f"write `{kind}(a, b)`"
        )
    spans = [argument.span for argument in body.arguments]
    spans = spans if len(spans) == len(values) else [body.span] * len(values)
    layers = [as_layer(value, span, environment) for value, span in zip(values, spans, strict=True)]
    return MergeValue(kind, tuple(layers), label, body.span)
