"""What names, lists and their items are worth, and the sizes of `x`."""

from __future__ import annotations

from typing import Any

from netdsl.analysis.binding import Given
from netdsl.analysis.calls import use_of
from netdsl.analysis.environment import CONSTANTS, USAGE, Environment, known_as
from netdsl.analysis.evaluate import evaluate
from netdsl.analysis.labels import indexed_word
from netdsl.analysis.scope import Tensor
from netdsl.analysis.values import UNKNOWN, IdentityValue, InputValue, Unknown, describe, is_layer, relabelled
from netdsl.diagnostics import Label, Span
from netdsl.diagnostics.edits import is_step, write
from netdsl.graph.formula import Formula, apply, formula_of, traced
from netdsl.graph.shapes import WORDS
from netdsl.language import syntax

_AXES = {
    **{word: name for name, word in WORDS.items()},
    **{name.upper(): name for name in WORDS},
    "channel": "c",
}
"""What people call the sizes of `x`."""


def evaluate_name(body: syntax.Name, environment: Environment) -> Any:
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
    return use_of(name, body.span, Given([], {}, body.span), environment, label, bare=True)


def _through_parameter(value: Any, name: str, label: str, span: Span, environment: Environment) -> Any:
    if is_layer(value):
        return relabelled(value, label, span, name if name in environment.block.parameters else None)
    return environment.named(value)


def _input(span: Span, environment: Environment) -> Any:
    if environment.x is None:
        message = "`x` has no meaning outside of a block's body and the net"
        return environment.report("x-outside", message, span, "use it in the body, or write a number")
    return InputValue(environment.x, span)


def evaluate_attribute(body: syntax.Attribute, environment: Environment) -> Any:
    value = evaluate(body.value, environment)
    if isinstance(value, Unknown):
        return UNKNOWN
    if not isinstance(value, InputValue):
        return _no_size(body, value, environment)
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


def _no_size(body: syntax.Attribute, value: Any, environment: Environment) -> Unknown:
    message = f"{describe(value)} has no `{body.name}`"
    meant = known_as(body.name, environment) if is_layer(value) else None
    if meant is None:
        help = "only `x` has sizes: `x.c`, `x.h`, `x.w`"
        return environment.report("no-attribute", message, body.span, help)
    chain = f"{body.value.span.text} -> {meant}"
    help = f"layers follow each other by an arrow: write `{' '.join(chain.split())}`"
    fix = write(body.span, chain) if is_step(body.span) else ()
    return environment.report("no-attribute", message, body.span, help, fix=fix)


def several_inputs(span: Span, environment: Environment) -> Unknown:
    """Refuses to take the one input where there are several."""
    message = "the net has several inputs, so it must say which it takes"
    return environment.report("several-inputs", message, span, "begin with `from(name)`")


def _came_from(tensor: Tensor) -> Label:
    return Label(tensor.span, f"gives {tensor.shape}")


def evaluate_listing(body: syntax.Listing, environment: Environment) -> Any:
    given = tuple(evaluate(item, environment) for item in body.items)
    if any(isinstance(item, Unknown) for item in given):
        return UNKNOWN
    if any(formula_of(item) is not None for item in given) and not any(is_layer(item) for item in given):
        return apply("tuple", *given)
    return given


def evaluate_index(body: syntax.Index, environment: Environment) -> Any:
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
