"""Names that nobody declares, and arguments that nobody takes, wherever they stand: in unused blocks and
untaken branches as well.

Elaboration meets only what it runs through. This pass reads all of a spec's text, so that a misspelt layer
is found before the condition that guards it changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from netdsl.analysis.binding import Given, match
from netdsl.analysis.environment import RESERVED, BlockContext, Effort, Environment, Program, report_unknown
from netdsl.diagnostics import Collector
from netdsl.language import syntax
from netdsl.records import replace

Use = tuple[syntax.Name | syntax.Call, Mapping[str, None]]
"""A name that is read, with the generators' names that hold there."""


def resolve_names(spec: syntax.Spec, program: Program, found: Collector) -> None:
    """Adds a diagnostic for every unknown name of a spec and for every block that uses itself."""
    outside = Environment(program, found, BlockContext(), {})
    for body in (
        spec.net,
        *(head.body for head in spec.heads),
        *(setting.value for setting in spec.parameters),
    ):
        _check(body, outside)
    for block in (*spec.blocks, *spec.shared):
        names = {parameter.name: None for parameter in block.parameters}
        for parameter in block.parameters:
            if parameter.default is not None:
                _check(parameter.default, replace(outside, variables=names))
        _check(block.body, replace(outside, variables=names))
    _check_recursion(spec, found)


def names_read(body: syntax.Body) -> list[syntax.Name | syntax.Call]:
    """Every name and call in a body, those of its named steps included."""
    return [node for node, _ in _uses(body)]


def _check(body: syntax.Body, environment: Environment) -> None:
    program = environment.program
    for node, targets in _uses(body):
        name = node.name
        known = (
            name in RESERVED
            or name in environment.variables
            or name in targets
            or name in program.blocks
            or name in program.shared
            or name in program.layers
            or name in program.parameters
            or name in program.unreadable
        )
        if not known:
            span = node.name_span if isinstance(node, syntax.Call) else node.span
            report_unknown(name, span, node.span, environment)
        elif isinstance(node, syntax.Call) and name not in environment.variables and name not in targets:
            _check_arguments(node, program, environment.found)


def _check_arguments(call: syntax.Call, program: Program, found: Collector) -> None:
    """The arguments' number and names; their values are elaboration's business."""
    names: Iterable[str]
    is_open = False
    if call.name in program.parameters:
        return
    if call.name in program.blocks:
        parameters = program.blocks[call.name].parameters
        names = [parameter.name for parameter in parameters]
        required = [parameter.name for parameter in parameters if parameter.default is None]
    elif call.name in program.layers:
        layer = program.layers[call.name]
        names, is_open = layer.arguments(), layer.extra is not None
        required = [name for name, argument in layer.arguments().items() if argument.required]
    else:
        return
    positional = [(None, argument.span) for argument in call.arguments if argument.name is None]
    named = {argument.name: (None, argument.span) for argument in call.arguments if argument.name is not None}
    unnamed_last = any(a.name is not None and b.name is None for a, b in pairwise(call.arguments))
    if not unnamed_last:
        found.extend(match(call.name, names, required, Given(positional, named, call.span), is_open)[1])


def _uses(body: syntax.Body) -> list[Use]:
    """Every name and call with the generators' names that hold there."""
    found: list[Use] = []
    _gather(body, {}, found)
    return found


def _gather(body: syntax.Body, targets: Mapping[str, None], found: list[Use]) -> None:
    match body:
        case syntax.Name():
            found.append((body, targets))
        case syntax.Call(name=name, arguments=arguments):
            found.append((body, targets))
            if name != "from":
                for argument in arguments:
                    _gather(argument.value, targets, found)
        case syntax.Number():
            pass
        case syntax.Generator(element=element, iterable=iterable, targets=names):
            _gather(iterable, targets, found)
            _gather(element, {**targets, **dict.fromkeys(names)}, found)
        case syntax.Stages(items=stages):
            for stage in stages:
                _gather(stage.body, targets, found)
        case _:
            for child in _children(body):
                _gather(child, targets, found)


def _children(body: syntax.Body) -> tuple[syntax.Body, ...]:
    match body:
        case syntax.Negate(operand=operand) | syntax.Not(operand=operand):
            return (operand,)
        case syntax.Binary(left=left, right=right):
            return (left, right)
        case syntax.Compare(operands=operands) | syntax.Logic(operands=operands):
            return operands
        case syntax.Conditional(then=then, condition=condition, otherwise=otherwise):
            return (then, condition, otherwise)
        case syntax.Attribute(value=value):
            return (value,)
        case syntax.Index(value=value, index=index):
            return (value, index)
        case syntax.Listing(items=items) | syntax.Chain(steps=items):
            return items
        case syntax.Sequence(items=bodies) | syntax.Merge(branches=bodies):
            return bodies
        case _:
            return ()


def _check_recursion(spec: syntax.Spec, found: Collector) -> None:
    blocks = {block.name: block for block in (*spec.blocks, *spec.shared)}
    environment = Environment(Program({}, {}, {}, {}, Effort()), found, BlockContext(), {})
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        own = {parameter.name for parameter in blocks[name].parameters}
        for node in names_read(blocks[name].body):
            if node.name in own or node.name not in blocks or node.name in done:
                continue
            if node.name in path:
                cycle = " -> ".join([*path[path.index(node.name) :], node.name])
                environment.report(
                    "recursive-block", f"a block uses itself: {cycle}", node.span, "repeat with `layer * n`"
                )
            else:
                visit(node.name, (*path, node.name))
        done.add(name)

    for name in blocks:
        if name not in done:
            visit(name, (name,))
