"""Expressions → values: arithmetic in Python's way, and layers closed over their arguments.

Numbers keep their formulas in the names of the block they stand in (see `graph.formula`). A fault is
collected and its value is `UNKNOWN`, which silences everything computed from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from netdsl.analysis.binding import Given, bind_layer, match
from netdsl.analysis.labels import Labels
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
from netdsl.diagnostics import Collector, Diagnostic, Faults, Label, Span, did_you_mean
from netdsl.graph.formula import FUNCTIONS, Formula, apply, formula_of, plain
from netdsl.graph.graph import MergeKind
from netdsl.graph.shapes import WORDS
from netdsl.language import syntax
from netdsl.layers.layer import Layer
from netdsl.records import record, replace, value_record

MERGE_FUNCTIONS = ("add", "sub", "mul", "concat")
UNROLLING = ("range", "enumerate", "zip")
CONSTANTS: dict[str, Any] = {
    "true": True,
    "false": False,
    "True": True,
    "False": False,
    "none": None,
    "None": None,
}
RESERVED = ("x", "id", "from", *CONSTANTS, *MERGE_FUNCTIONS, *UNROLLING, *FUNCTIONS)
"""Names that mean the same in every spec."""

LARGEST_NUMBER = 2**63
LONGEST_LIST = 100_000
"""Items of the longest list an expression may make."""

_MERGE_OF: dict[str, MergeKind] = {"+": "add", "-": "sub", "*": "mul", "|": "concat"}


class BlockContext:
    """What all expressions of one use of a block share.

    Attributes:
        parameters: the block's own parameters; for the net, the spec's.
        recalled: the tensors of named steps passed so far, for `from(name)`.
        constraints: formulas whose value the unrolling of lists relied on.
    """

    def __init__(self, parameters: frozenset[str] = frozenset()) -> None:
        self.parameters = parameters
        self.recalled: dict[str, Tensor] = {}
        self.constraints: dict[Formula, Any] = {}


@value_record()
class Program:
    """The names a spec declares, and those it finds."""

    layers: Mapping[str, type[Layer]]
    blocks: Mapping[str, syntax.Block]
    """The prelude's blocks and the spec's own, which may replace them."""
    shared: Mapping[str, syntax.Block]
    parameters: Mapping[str, Any]
    """The spec's parameters, evaluated."""

    def known(self) -> list[str]:
        return [*self.layers, *self.blocks, *self.shared, *self.parameters, *RESERVED]


@record
class Environment:
    """Where an expression stands: what its names mean."""

    program: Program
    found: Collector
    block: BlockContext
    labels: Labels
    x: Tensor | None = None
    """The tensor that entered the block; None outside of any."""
    variables: Mapping[str, Any] = MappingProxyType({})
    keeps_formulas: bool = True
    """Whether numbers keep their formulas; not in arguments that close over the names around a use."""
    trail: tuple[Label, ...] = ()
    """The uses of blocks that led here."""

    def report(self, code: str, message: str, span: Span, help: str | None = None, *labels: Label) -> Unknown:
        self.found.add(
            Diagnostic(code=code, message=message, span=span, help=help, labels=labels, trail=self.trail)
        )
        return UNKNOWN

    def named(self, value: Any) -> Any:
        return value if self.keeps_formulas else plain(value)


def constant(expression: syntax.Expression, parameters: Mapping[str, Any]) -> Any:
    """The value of an expression without layers, such as a recipe's.

    Raises:
        Faults: it is wrong.
    """
    found = Collector()
    program = Program({}, {}, {}, parameters)
    environment = Environment(program, found, BlockContext(), {}, keeps_formulas=False)
    value = evaluate(expression, environment)
    if len(found):
        raise Faults(found)
    return value


def evaluate(body: syntax.Body, environment: Environment) -> Any:
    """The value of an expression or a body."""
    return _EVALUATORS[type(body)](body, environment)


def as_layer(value: Any, span: Span, environment: Environment) -> LayerValue:
    """A value in the place of a layer; a sequence is a chain."""
    if isinstance(value, Unknown):
        return BrokenValue(span)
    if is_layer(value):
        return value  # type: ignore[no-any-return]
    if isinstance(value, tuple) and all(is_layer(item) or isinstance(item, tuple) for item in value):
        return ChainValue(tuple(as_layer(item, span, environment) for item in value), span)
    environment.report(
        "expected-layer",
        f"{describe(value)} stands where a layer is expected",
        span,
        "write a layer or a block, such as `conv(64, 3)`",
    )
    return BrokenValue(span)


# Leaves


def _constant(body: Any, _: Environment) -> Any:
    return body.value


def _broken(_: syntax.Broken, __: Environment) -> Unknown:
    return UNKNOWN


def _name(body: syntax.Name, environment: Environment) -> Any:
    name, program = body.name, environment.program
    label = environment.labels.get(id(body), name)
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
    return _use(name, body.span, Given([], {}, body.span), environment, label, bare=True)


def _through_parameter(value: Any, name: str, label: str, span: Span, environment: Environment) -> Any:
    if is_layer(value):
        return relabelled(value, label, span, name if name in environment.block.parameters else None)
    return environment.named(value)


def _input(span: Span, environment: Environment) -> Any:
    if environment.x is None:
        return environment.report("x-outside", "`x` has no meaning outside of a block or the net", span)
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
        help = did_you_mean(body.name, WORDS) or "its sizes are `x.c`, `x.h`, `x.w` and `x.d`"
        return environment.report("no-attribute", f"`x` has no `{body.name}`", body.span, help)
    shape = value.tensor.shape
    if shape is None or body.name in value.tensor.doubt:
        return UNKNOWN
    if body.name not in shape:
        axes = " ".join(shape.names)
        message = f"`x` has no {WORDS[body.name]}: its axes are `{axes}`"
        return environment.report("no-such-axis", message, body.span, None, _came_from(value.tensor))
    return environment.named(shape.size(body.name))


def _came_from(tensor: Tensor) -> Label:
    return Label(tensor.span, f"gives {tensor.shape}")


def _listing(body: syntax.Listing, environment: Environment) -> Any:
    items = tuple(evaluate(item, environment) for item in body.items)
    if any(isinstance(item, Unknown) for item in items):
        return UNKNOWN
    if any(formula_of(item) is not None for item in items) and not any(is_layer(item) for item in items):
        return apply("tuple", *items)
    return items


# Arithmetic and logic


def _binary(body: syntax.Binary, environment: Environment) -> Any:
    left, right = evaluate(body.left, environment), evaluate(body.right, environment)
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return UNKNOWN
    if is_layer(left) or is_layer(right):
        return _on_layers(body, left, right, environment)
    if body.operator == "*" and isinstance(left, tuple) and isinstance(right, int):
        return _repeated_list(body, left, right, environment)
    if body.operator == "+" and isinstance(left, tuple) and isinstance(right, tuple):
        return left + right
    if not _is_number(left) or not _is_number(right):
        message = f"`{body.operator}` cannot take {describe(left)} and {describe(right)}"
        return environment.report("operands", message, body.span)
    return _arithmetic(body, left, right, environment)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _arithmetic(body: syntax.Binary, left: Any, right: Any, environment: Environment) -> Any:
    operator = body.operator
    if operator == "|":
        message = f"`|` joins layers, not {describe(left)} and {describe(right)}"
        return environment.report("operands", message, body.span)
    if operator in ("/", "//", "%") and right == 0:
        return environment.report("division-by-zero", "a number is divided by zero", body.span)
    if operator == "**" and isinstance(left, int) and right * abs(left).bit_length() > 4096:
        return environment.report("number-too-large", "a power is too large to compute", body.span)
    try:
        result = apply(operator, left, right)
    except (OverflowError, ZeroDivisionError):
        return environment.report("number-too-large", "a number is too large to compute", body.span)
    if isinstance(result, complex) or abs(result) > LARGEST_NUMBER:
        return environment.report("number-too-large", "a number is too large to compute", body.span)
    return result


def _repeated_list(body: syntax.Binary, items: tuple[Any, ...], count: int, environment: Environment) -> Any:
    if len(items) * count > LONGEST_LIST:
        return environment.report(
            "list-too-long", f"a list of {len(items) * count} items is too long", body.span
        )
    return items * int(count)


def _on_layers(body: syntax.Binary, left: Any, right: Any, environment: Environment) -> Any:
    label = environment.labels.get(id(body), "merge")
    if body.operator == "*" and is_layer(left) and isinstance(right, int):
        return _repeat(left, right, label.replace("mul", "series"), body, environment)
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
    return MergeValue(kind, branches, label, body.span)


def _repeat(left: LayerValue, count: int, label: str, body: syntax.Binary, environment: Environment) -> Any:
    if isinstance(plain(count), bool) or count < 0:
        return environment.report(
            "repeat-count",
            f"a layer cannot be repeated {plain(count)} times",
            body.right.span,
            "repeat it 0 times or more",
        )
    if isinstance(left, LayerUse):
        label = left.label
    return RepeatValue(left, count, label, body.span, body.right.span)


def _negate(body: syntax.Negate, environment: Environment) -> Any:
    value = evaluate(body.operand, environment)
    if isinstance(value, Unknown):
        return UNKNOWN
    if not _is_number(value):
        return environment.report("operands", f"`-` cannot take {describe(value)}", body.span)
    return apply("neg", value)


def _not(body: syntax.Not, environment: Environment) -> Any:
    value = evaluate(body.operand, environment)
    if isinstance(value, Unknown):
        return UNKNOWN
    if is_layer(value):
        return environment.report("operands", "`not` cannot take a layer", body.span)
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
            return environment.report("operands", message, body.span)
    return results[0] if len(results) == 1 else apply("and", *results)


def _logic(body: syntax.Logic, environment: Environment) -> Any:
    values: list[Any] = []
    for operand in body.operands:
        value = evaluate(operand, environment)
        if isinstance(value, Unknown):
            return UNKNOWN
        if is_layer(value):
            return environment.report("operands", f"`{body.operator}` cannot take a layer", operand.span)
        values.append(value)
        if bool(value) is (body.operator == "or"):
            break
    rest = [_quietly(operand, environment) for operand in body.operands[len(values) :]]
    if all(_is_number(value) for value in rest):
        return apply(body.operator, *values, *rest)
    return plain(values[-1])


def _quietly(body: syntax.Expression, environment: Environment) -> Any:
    """What an expression that is not needed would be worth; None where it is worth nothing."""
    found = Collector()
    value = evaluate(body, replace(environment, found=found))
    return None if len(found) or isinstance(value, Unknown) else value


def _conditional(body: syntax.Conditional, environment: Environment) -> Any:
    condition = evaluate(body.condition, environment)
    if isinstance(condition, Unknown):
        return UNKNOWN
    if is_layer(condition):
        return environment.report(
            "operands", "a layer stands where a condition is expected", body.condition.span
        )
    taken, other = (body.then, body.otherwise) if condition else (body.otherwise, body.then)
    value = evaluate(taken, environment)
    formula = formula_of(condition)
    if formula is None or isinstance(value, Unknown):
        return value
    if is_layer(value):
        return ChoiceValue(formula, bool(condition), value, body.span)
    alternative = _quietly(other, environment)
    if _is_number(value) and _is_number(alternative):
        return apply(
            "if", *((value, condition, alternative) if condition else (alternative, condition, value))
        )
    return plain(value)


def _index(body: syntax.Index, environment: Environment) -> Any:
    value, index = evaluate(body.value, environment), evaluate(body.index, environment)
    if isinstance(value, Unknown) or isinstance(index, Unknown):
        return UNKNOWN
    if not isinstance(value, tuple):
        return environment.report("not-a-list", f"{describe(value)} cannot be indexed", body.value.span)
    if not isinstance(index, int):
        return environment.report(
            "operands", f"an index is a whole number, not {describe(index)}", body.index.span
        )
    if not -len(value) <= index < len(value):
        message = f"the index {int(index)} is outside a list of {len(value)}"
        return environment.report("index-range", message, body.index.span)
    item = value[index]
    if is_layer(item):
        label = environment.labels.get(id(body), "item")
        return relabelled(item, label, body.span, None)
    if formula_of(value) is not None and formula_of(index) is None:
        return apply("index", value, index)
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
        steps += value.steps if isinstance(value, ChainValue) else (value,)
    return ChainValue(tuple(steps), span)


def _stages(body: syntax.Stages, environment: Environment) -> StagesValue:
    return StagesValue(body, environment)


def _merge(body: syntax.Merge, environment: Environment) -> Any:
    branches = tuple(as_layer(evaluate(b, environment), b.span, environment) for b in body.branches)
    return MergeValue(body.kind, branches, environment.labels.get(id(body), body.kind), body.span)


def _call(body: syntax.Call, environment: Environment) -> Any:
    name = body.name
    if name in MERGE_FUNCTIONS:
        return _merge_call(body, environment)
    if name == "from":
        return _recall(body, environment)
    if name in environment.variables or name in environment.program.parameters:
        return _call_parameter(body, environment)
    if name in FUNCTIONS or name in UNROLLING:
        return _function(body, environment)
    label = environment.labels.get(id(body), name)
    return _use(name, body.name_span, _given(body, environment), environment, label)


def _given(body: syntax.Call, environment: Environment) -> Given:
    positional: list[tuple[Any, Span]] = []
    named: dict[str, tuple[Any, Span]] = {}
    for argument in body.arguments:
        value = evaluate(argument.value, environment)
        if is_layer(value) and not isinstance(argument.value, syntax.Name) and environment.keeps_formulas:
            # a layer handed on is applied where other names hold, so its numbers go without formulas
            value = evaluate(argument.value, replace(environment, keeps_formulas=False))
        if argument.name is None:
            positional.append((value, argument.span))
            if named:
                environment.report(
                    "argument-order", "an argument without a name follows one with a name", argument.span
                )
        elif argument.name in named:
            environment.report("repeated-argument", f"`{argument.name}` is given twice", argument.span)
        else:
            named[argument.name] = (value, argument.span)
    return Given(positional, named, body.span)


def _use(
    name: str, span: Span, given: Given, environment: Environment, label: str, bare: bool = False
) -> LayerUse | Unknown:
    """A layer, block or shared module by its name."""
    program = environment.program
    if name in program.blocks:
        return _use_block(program.blocks[name], given, environment, label, bare)
    if name in program.shared:
        block = program.shared[name]
        _, faults = match(name, (), (), given)
        environment.found.extend(replace(fault, trail=environment.trail) for fault in faults)
        return LayerUse(block, None, None if faults else (), {}, label, given.span, is_shared=True)
    if name in program.layers:
        return _use_layer(program.layers[name], given, environment, label, bare)
    return environment.report(
        "unknown-name", f"`{name}` is not known here", span, unknown_help(name, environment)
    )


def unknown_help(name: str, environment: Environment) -> str | None:
    """What may have been meant by a name nobody declared."""
    torch_words = {
        f"{word}{rank}d": word
        for word in ("conv", "maxpool", "avgpool", "batchnorm", "dropout")
        for rank in (1, 2, 3)
    }
    if name.lower() in torch_words:
        word = torch_words[name.lower()]
        return f"write `{word}`: how many axes it has is inferred, and so are the input's channels"
    known = [*environment.variables, *environment.program.known()]
    return did_you_mean(name, known) or "`netdsl layers` lists the layers; blocks are declared under `blocks`"


def _use_layer(
    layer: type[Layer], given: Given, environment: Environment, label: str, bare: bool
) -> LayerUse:
    if bare and any(argument.required for argument in layer.arguments().values()):
        return LayerUse(layer, None, None, {}, label, given.span, bare=True)
    bound, spans, faults = bind_layer(layer, given)
    environment.found.extend(replace(fault, trail=environment.trail) for fault in faults)
    return LayerUse(layer, bound, None, spans, label, given.span, bare=bare)


def _use_block(
    block: syntax.Block, given: Given, environment: Environment, label: str, bare: bool
) -> LayerUse | Unknown:
    names = [parameter.name for parameter in block.parameters]
    required = [parameter.name for parameter in block.parameters if parameter.default is None]
    if bare and required:
        return LayerUse(block, None, None, {}, label, given.span, bare=True)
    bound, faults = match(block.name, names, required, given)
    environment.found.extend(replace(fault, trail=environment.trail) for fault in faults)
    values: dict[str, Any] = {}
    for parameter in block.parameters:
        if parameter.name in bound:
            values[parameter.name] = bound[parameter.name][0]
        elif parameter.default is not None:
            # a default sees the block's earlier parameters and the spec's names, not those around the use
            inner = replace(environment, variables=dict(values), x=None, keeps_formulas=False, labels={})
            values[parameter.name] = evaluate(parameter.default, inner)
    wrong = bool(faults) or any(isinstance(value, Unknown) for value in values.values())
    spans = {name: span for name, (_, span) in bound.items()}
    return LayerUse(
        block, None, None if wrong else tuple(values.items()), spans, label, given.span, bare=bare
    )


def _call_parameter(body: syntax.Call, environment: Environment) -> Any:
    """`act(0.1)` where the parameter `act` holds the bare name of a layer or block."""
    name = body.name
    value = environment.variables.get(name, environment.program.parameters.get(name))
    label = environment.labels.get(id(body), name)
    if isinstance(value, Unknown):
        return UNKNOWN
    if not isinstance(value, LayerUse) or not value.bare:
        what = "a layer with its arguments" if is_layer(value) else describe(value)
        return environment.report("not-callable", f"`{name}` is {what} and cannot be called", body.name_span)
    given = _given(body, environment)
    if isinstance(value.target, syntax.Block):
        return _use_block(value.target, given, environment, label, bare=False)
    return _use_layer(value.target, given, environment, label, bare=False)


def _recall(body: syntax.Call, environment: Environment) -> Any:
    arguments = body.arguments
    if len(arguments) != 1 or not isinstance(arguments[0].value, syntax.Name):
        return environment.report(
            "from-argument", "`from` takes the name of one stage or input", body.span, "write `from(stem)`"
        )
    return RecallValue(arguments[0].value.name, body.span, environment)


def _merge_call(body: syntax.Call, environment: Environment) -> Any:
    """`concat(a, b)`, or `concat(layer for … in …)`, whose branches are numbered."""
    kind: MergeKind = body.name  # type: ignore[assignment]
    label = environment.labels.get(id(body), kind)
    named = next((argument for argument in body.arguments if argument.name), None)
    if named is not None:
        return environment.report("unknown-argument", f"`{kind}` has no argument `{named.name}`", named.span)
    values = [evaluate(argument.value, environment) for argument in body.arguments]
    if len(values) == 1 and isinstance(values[0], SeriesValue):
        return FanValue(kind, values[0].elements, label, body.span)
    if len(values) == 1 and isinstance(values[0], tuple):
        values = list(values[0])
    if not values:
        return environment.report(
            "merge-branches", f"`{kind}` has no branches", body.span, f"write `{kind}(a, b)`"
        )
    return MergeValue(
        kind, tuple(as_layer(value, body.span, environment) for value in values), label, body.span
    )


# Functions and tables


def _function(body: syntax.Call, environment: Environment) -> Any:
    named = next((argument for argument in body.arguments if argument.name), None)
    if named is not None:
        return environment.report(
            "unknown-argument", f"`{body.name}` has no argument `{named.name}`", named.span
        )
    values = [evaluate(argument.value, environment) for argument in body.arguments]
    if any(isinstance(value, Unknown) for value in values):
        return UNKNOWN
    if any(is_layer(value) for value in values):
        return environment.report("operands", f"`{body.name}` cannot take a layer", body.span)
    try:
        if body.name in UNROLLING:
            return _unrolled(body, values, environment)
        return apply("call", body.name, *values)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
        return environment.report("operands", f"`{body.name}` cannot take these values: {error}", body.span)


def _unrolled(body: syntax.Call, values: list[Any], environment: Environment) -> Any:
    """`range`, `enumerate` and `zip`, as lists; what their length rests on becomes a constraint."""
    for value in values:
        _rest_on(value, environment)
    if body.name == "range":
        numbers = range(*(plain(value) for value in values))
        if len(numbers) > LONGEST_LIST:
            return environment.report(
                "list-too-long", f"a list of {len(numbers)} items is too long", body.span
            )
        return tuple(numbers)
    lists = [_items(value) for value in values]
    if body.name == "zip":
        return tuple(zip(*lists, strict=False))
    start = plain(values[1]) if len(values) > 1 else 0
    return tuple(enumerate(_items(values[0]), start))


def _items(value: Any) -> tuple[Any, ...]:
    """The items of a list, each with its formula."""
    if not isinstance(value, tuple):
        raise TypeError(f"{describe(value)} is not a list")
    if formula_of(value) is None:
        return tuple(value)
    return tuple(apply("index", value, i) for i in range(len(value)))


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
    layers = tuple(as_layer(element, body.element.span, environment) for element in elements)
    label = environment.labels.get(id(body)) or environment.labels.get(id(body.element), "series")
    return SeriesValue(layers, label, body.span)


def _unpacked(body: syntax.Generator, item: Any, environment: Environment) -> dict[str, Any] | None:
    targets = body.targets
    if len(targets) == 1:
        return {targets[0]: item}
    if not isinstance(item, tuple) or len(item) != len(targets):
        given = f"a list of {len(item)}" if isinstance(item, tuple) else describe(item)
        environment.report("unpacking", f"{given} cannot be unpacked into {len(targets)} names", body.span)
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
