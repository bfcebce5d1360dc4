"""Expressions → values: arithmetic in Python's way, and layers closed over their arguments.

Numbers keep their formulas in the names of the block they stand in (see `graph.formula`). A fault is
collected and its value is `UNKNOWN`, which silences everything computed from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from netdsl.analysis.binding import Given, bind_layer, given_twice, match
from netdsl.analysis.environment import (
    CONSTANTS,
    MERGE_FUNCTIONS,
    MOST_STEPS,
    UNROLLING,
    USAGE,
    BlockContext,
    Effort,
    Environment,
    Program,
    report_unknown,
)
from netdsl.analysis.labels import indexed_word, label_body
from netdsl.analysis.scope import Tensor
from netdsl.analysis.values import (
    UNKNOWN,
    BrokenValue,
    ChainValue,
    ChoiceValue,
    FanValue,
    IdentityValue,
    InputValue,
    LayerUse,
    LayerValue,
    MergeValue,
    RecallValue,
    RepeatValue,
    SeriesValue,
    StagesValue,
    Unknown,
    describe,
    is_layer,
    relabelled,
)
from netdsl.diagnostics import Collector, Diagnostic, Edit, Faults, Label, Span
from netdsl.diagnostics.edits import behind, write
from netdsl.graph.formula import FUNCTIONS, Formula, apply, formula_of, items, plain, resting, traced
from netdsl.graph.graph import MergeKind
from netdsl.graph.shapes import WORDS
from netdsl.language import syntax
from netdsl.layers.layer import Layer, spell
from netdsl.records import replace

_AXES = {
    **{word: name for name, word in WORDS.items()},
    **{name.upper(): name for name in WORDS},
    "channel": "c",
}
"""What people call the sizes of `x`."""
_NOTHING: tuple[Edit, ...] = ()
"""No edit."""
LARGEST_NUMBER = 2**63
LONGEST_LIST = 10_000
"""Items of the longest list an expression may make, those of lists inside it included."""
MOST_DIGITS = 300
"""Digits that `round` may keep or cut."""
STEPS_OF_A_CALL = 5
"""What looking up a layer or block and binding its arguments counts for."""

_MERGE_OF: dict[str, MergeKind] = {"+": "add", "-": "sub", "*": "mul", "|": "concat"}


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
    value = _EVALUATORS[type(body)](body, environment)
    if isinstance(value, tuple) and not isinstance(body, syntax.Name | syntax.Index):
        return _checked_list(value, body.span, environment)
    return value


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
    help, fix = "write a layer or a block, such as `conv(64, 3)`", _NOTHING
    if isinstance(value, str) and value in environment.program.known():
        help = f"leave the quotes out: `{value}`"
        fix = write(span, value) if span.text[1:-1] == value else ()
    message = f"{describe(value)} stands where a layer is expected"
    environment.report("expected-layer", message, span, help, fix=fix)
    return BrokenValue(span)


# Leaves


def _constant(body: Any, _: Environment) -> Any:
    return body.value


def _broken(_: syntax.Broken, __: Environment) -> Unknown:
    return UNKNOWN


def _name(body: syntax.Name, environment: Environment) -> Any:
    name, program = body.name, environment.program
    label = environment.label(body, name)
    if name == "x":
        return _input(body.span, environment)
    if name == "id":
        return IdentityValue(body.span)
    if name in environment.variables:
        return _through_parameter(environment.variables[name], name, label, body.span, environment)
    if name in CONSTANTS:
        return CONSTANTS[name]
    if name in program.parameters:
        return _through_parameter(program.parameters[name], name, label, body.span, environment)
    if name in USAGE:
        message = f"`{name}` stands without its arguments"
        return environment.report("missing-argument", message, body.span, f"write `{USAGE[name]}`")
    return _use(name, body.span, Given([], {}, body.span), environment, label, bare=True)


def _through_parameter(value: Any, name: str, label: str, span: Span, environment: Environment) -> Any:
    if is_layer(value):
        return relabelled(value, label, span, name if name in environment.block.parameters else None)
    return environment.named(value)


def _input(span: Span, environment: Environment) -> Any:
    if environment.x is None:
        message = "`x` has no meaning outside of a block's body and the net"
        return environment.report("x-outside", message, span, "use it in the body, or write a number")
    return InputValue(environment.x, span)


def _attribute(body: syntax.Attribute, environment: Environment) -> Any:
    value = evaluate(body.value, environment)
    if isinstance(value, Unknown):
        return UNKNOWN
    if not isinstance(value, InputValue):
        return environment.report(
            "no-attribute",
            f"{describe(value)} has no `{body.name}`",
            body.span,
            "only `x` has sizes: `x.c`, `x.h`, `x.w`",
        )
    if body.name not in WORDS:
        axis = _AXES.get(body.name)
        help = f"write `x.{axis}`" if axis else "its sizes are `x.c`, `x.h`, `x.w` and `x.d`"
        fix = write(body.span, f"x.{axis}") if axis else ()
        return environment.report("no-attribute", f"`x` has no `{body.name}`", body.span, help, fix=fix)
    shape = value.tensor.shape
    if value.tensor.several:
        return several_inputs(body.span, environment)
    if shape is None or body.name in value.tensor.doubt:
        return UNKNOWN
    if body.name not in shape:
        axes = " ".join(shape.names)
        message = f"`x` has no {WORDS[body.name]}: its axes are `{axes}`"
        sizes = " and ".join(f"`x.{name}`" for name in shape.names if name in WORDS)
        help = f"it has {sizes}" if sizes else "name an axis `c`, `d`, `h` or `w` with `rearrange`"
        return environment.report("no-such-axis", message, body.span, help, _came_from(value.tensor))
    return environment.named(shape.size(body.name))


def several_inputs(span: Span, environment: Environment) -> Unknown:
    """Refuses to take the one input where there are several."""
    message = "the net has several inputs, so it must say which it takes"
    return environment.report("several-inputs", message, span, "begin with `from(name)`")


def _came_from(tensor: Tensor) -> Label:
    return Label(tensor.span, f"gives {tensor.shape}")


def _listing(body: syntax.Listing, environment: Environment) -> Any:
    given = tuple(evaluate(item, environment) for item in body.items)
    if any(isinstance(item, Unknown) for item in given):
        return UNKNOWN
    if any(formula_of(item) is not None for item in given) and not any(is_layer(item) for item in given):
        return apply("tuple", *given)
    return given


# Arithmetic and logic


def _binary(body: syntax.Binary, environment: Environment) -> Any:
    left, right = evaluate(body.left, environment), evaluate(body.right, environment)
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return UNKNOWN
    if is_layer(left) or is_layer(right):
        return _on_layers(body, left, right, environment)
    if body.operator == "*" and isinstance(left, tuple) and isinstance(right, int):
        return left * min(int(right), LONGEST_LIST + 1)
    if body.operator == "+" and isinstance(left, tuple) and isinstance(right, tuple):
        return left + right
    if not _is_number(left) or not _is_number(right):
        message = f"`{body.operator}` cannot take {describe(left)} and {describe(right)}"
        return environment.report("operands", message, body.span, "it takes numbers, or layers")
    return _arithmetic(body, left, right, environment)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(plain(value), bool)


def _is_number(value: Any) -> bool:
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
        return _too_large(body.span, environment)
    try:
        result = apply(operator, left, right)
    except ZeroDivisionError:
        return _divided_by_zero(body, environment)
    except OverflowError:
        return _too_large(body.span, environment)
    if isinstance(result, complex):
        message = f"{describe(left)} is below 0 and has no power of {plain(right)}"
        return environment.report("operands", message, body.span, "give it a whole number as its power")
    return _too_large(body.span, environment) if abs(result) > LARGEST_NUMBER else result


def _divided_by_zero(body: syntax.Binary, environment: Environment) -> Unknown:
    help = "guard it by a condition, or round up: `ceil(…)`"
    return environment.report("division-by-zero", "a number is divided by zero", body.span, help)


def _too_large(span: Span, environment: Environment) -> Unknown:
    message = f"a number is larger than {LARGEST_NUMBER:,}"
    return environment.report("number-too-large", message, span, "sizes go to 2,147,483,647")


def _on_layers(body: syntax.Binary, left: Any, right: Any, environment: Environment) -> Any:
    if body.operator == "*" and is_layer(left) and _is_number(right):
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


def _negate(body: syntax.Negate, environment: Environment) -> Any:
    value = evaluate(body.operand, environment)
    if isinstance(value, Unknown):
        return UNKNOWN
    if not _is_number(value):
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


def _not(body: syntax.Not, environment: Environment) -> Any:
    value = evaluate(body.operand, environment)
    if isinstance(value, Unknown):
        return UNKNOWN
    if is_layer(value):
        return environment.report("operands", "`not` cannot take a layer", body.span, _CONDITION)
    return apply("not", value)


def _compare(body: syntax.Compare, environment: Environment) -> Any:
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


def _logic(body: syntax.Logic, environment: Environment) -> Any:
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
    if all(_is_number(value) for value in rest):
        return apply(body.operator, *values, *rest)
    return traced(plain(values[-1]), resting(plain(values[-1]), *values))


def _quietly(body: syntax.Expression, environment: Environment) -> Any:
    """What an expression that is not needed would be worth; None where it is worth nothing."""
    found = Collector()
    value = evaluate(body, replace(environment, found=found))
    return None if len(found) or isinstance(value, Unknown) else value


_CONDITION = "a condition compares numbers, such as `x.c == 64`"


def _conditional(body: syntax.Conditional, environment: Environment) -> Any:
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
    if _is_number(value) and _is_number(alternative):
        return apply(
            "if", *((value, condition, alternative) if condition else (alternative, condition, value))
        )
    return traced(plain(value), resting(plain(value), value, condition))


def _index(body: syntax.Index, environment: Environment) -> Any:
    value, index = evaluate(body.value, environment), evaluate(body.index, environment)
    if isinstance(value, Unknown) or isinstance(index, Unknown):
        return UNKNOWN
    if not isinstance(value, tuple):
        help = "only a list has items, such as `[64, 128][0]`"
        message = f"{describe(value)} cannot be indexed"
        return environment.report("not-a-list", message, body.value.span, help)
    if not isinstance(index, int):
        message = f"an index is a whole number, not {describe(index)}"
        return environment.report("operands", message, body.index.span, "count from 0, or from the end: -1")
    if not -len(value) <= index < len(value):
        message = f"the index {int(index)} is outside a list of {len(value)}"
        help = f"the indices go from 0 to {len(value) - 1}" if value else "the list is empty"
        return environment.report("index-range", message, body.index.span, help)
    item = value[index]
    if is_layer(item):
        label = environment.label(body, indexed_word(body))
        return relabelled(item, label, body.span, None)
    formula = formula_of(value)
    if formula is not None and formula_of(index) is None:
        return traced(item, Formula("index", (formula, int(index))))
    return item


# Layers


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


def _call(body: syntax.Call, environment: Environment) -> Any:
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
        return _function(body, environment)
    label = environment.label(body, name)
    return _use(name, body.name_span, _given(body, environment), environment, label)


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


def _use(
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
    return type(plain(value)) if _is_number(value) else None


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
        help, fix = "write `from(stem)`", _NOTHING
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


# Functions and tables


def _function(body: syntax.Call, environment: Environment) -> Any:
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
        return _too_large(body.span, environment)
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


def _generator(body: syntax.Generator, environment: Environment) -> Any:
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
    if is_wrong and any(_is_number(element) for element in elements):
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


_EVALUATORS: dict[type[Any], Callable[[Any, Environment], Any]] = {
    syntax.Broken: _broken,
    syntax.Number: _constant,
    syntax.String: _constant,
    syntax.Name: _name,
    syntax.Negate: _negate,
    syntax.Not: _not,
    syntax.Binary: _binary,
    syntax.Compare: _compare,
    syntax.Logic: _logic,
    syntax.Conditional: _conditional,
    syntax.Attribute: _attribute,
    syntax.Index: _index,
    syntax.Call: _call,
    syntax.Listing: _listing,
    syntax.Generator: _generator,
    syntax.Chain: _chain,
    syntax.Sequence: _sequence,
    syntax.Stages: _stages,
    syntax.Merge: _merge,
}
