"""A spec's declarations → the names its expressions may use.

params: {classes: 10, act: relu}   →   classes = 10, act = the layer relu
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netdsl.analysis.environment import RESERVED, BlockContext, Effort, Environment, Program
from netdsl.analysis.evaluate import evaluate
from netdsl.analysis.labels import label_body, named_steps
from netdsl.analysis.prelude import prelude, prelude_words
from netdsl.analysis.resolve import names_read
from netdsl.analysis.values import UNKNOWN, Unknown, describe, is_layer
from netdsl.diagnostics import Collector, Label, Span, did_you_mean
from netdsl.graph.formula import Formula, traced
from netdsl.graph.names import FORBIDDEN_NAMES
from netdsl.graph.shapes import SPATIAL_NAMES, Shape
from netdsl.language import syntax
from netdsl.layers.layer import LARGEST, Layer, spell
from netdsl.records import replace

CONSTRUCTOR_NAMES = ("self", "heads", "in_channels", "in_depth", "in_height", "in_width")
"""Names that the printed classes use themselves."""


def declare(
    spec: syntax.Spec,
    settings: Mapping[str, syntax.Expression],
    layers: Mapping[str, type[Layer]],
    found: Collector,
    *,
    keeps_formulas: bool,
) -> Program:
    """The program of a spec, its parameters replaced by the settings where those name them."""
    _check_names(spec, layers, found)
    own = {block.name: block for block in spec.blocks}
    shared = {block.name: block for block in spec.shared}
    words = {node.name for body in (*_bodies(spec), *settings.values()) for node in names_read(body)}
    library: dict[str, syntax.Block] = {}
    if words & prelude_words():  # most specs need none of it, and to read it takes time
        library = {block.name: block for block in prelude()}
    effort = Effort()
    program = Program(layers, {**library, **own}, shared, {}, effort, library, spec.unreadable)
    expressions = {setting.name: settings.get(setting.name, setting.value) for setting in spec.parameters}
    spans = {setting.name: setting.span for setting in spec.parameters}
    parameters = _Parameters(program, expressions, spans, found).evaluate()
    if not keeps_formulas:
        return replace(program, parameters=parameters, keeps_formulas=False)
    fixed = read_elsewhere(spec)
    named = {
        name: value
        if is_layer(value) or isinstance(value, Unknown) or name in fixed
        else traced(value, Formula.name(name))
        for name, value in parameters.items()
    }
    return replace(program, parameters=named)


def _bodies(spec: syntax.Spec) -> Iterator[syntax.Body]:
    """Every body and expression of a spec."""
    yield spec.net
    for setting in spec.parameters:
        yield setting.value
    for _, listing in spec.inputs:
        yield listing
    for head in spec.heads:
        yield head.body
    for block in (*spec.blocks, *spec.shared):
        yield block.body
        for parameter in block.parameters:
            if parameter.default is not None:
                yield parameter.default


def set_inputs(spec: syntax.Spec, settings: Mapping[str, syntax.Expression], found: Collector) -> syntax.Spec:
    """The spec with other shapes for the inputs that settings name; a parameter of the name comes first."""
    parameters = {setting.name for setting in spec.parameters}
    inputs = dict(spec.inputs)
    for name in inputs.keys() & settings.keys() - parameters:
        value = settings[name]
        if isinstance(value, syntax.Listing) and len(value.items) - 1 in SPATIAL_NAMES:
            inputs[name] = value
        else:
            environment = Environment(Program({}, {}, {}, {}, Effort()), found, BlockContext(), {})
            message = "an input is a list of 1 to 4 sizes"
            environment.report("input-shape", message, value.span, f"write `--set {name}=[3, 64, 64]`")
    return replace(spec, inputs=tuple(inputs.items()))


def input_shapes(spec: syntax.Spec, program: Program, found: Collector) -> dict[str, Shape]:
    """The inputs' shapes by name."""
    shapes = {}
    for name, listing in spec.inputs:
        environment = Environment(program, found, BlockContext(), {}, keeps_formulas=False)
        sizes = [(evaluate(item, environment), item.span) for item in listing.items]
        for size, span in sizes:
            if isinstance(size, Unknown):
                continue
            if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= LARGEST:
                shown = spell(size) if isinstance(size, int | float) else describe(size)
                message = f"an input's size must be a whole number from 1 to {LARGEST:,}, not {shown}"
                environment.report("input-size", message, span, "write sizes such as `[3, 224, 224]`")
        known = all(isinstance(size, int) and 1 <= size <= LARGEST for size, _ in sizes)
        if known and len(sizes) - 1 in SPATIAL_NAMES:
            shapes[name] = Shape.of(*(size for size, _ in sizes))
    return shapes


SMALLEST_PICTURE = 16
"""Height and width from which a shape with its channels last is taken for a picture."""


def looks_channels_last(shape: Shape) -> bool:
    """Whether a shape is rather that of a picture with its channels behind: `[224, 224, 3]`."""
    if len(shape.sizes) != 3:
        return False
    first, second, last = shape.sizes
    is_square = first == second and last == 1
    return min(first, second) >= SMALLEST_PICTURE and (last in (3, 4) or is_square)


def unknown_settings(spec: syntax.Spec, settings: Mapping[str, Span], found: Collector) -> None:
    """Adds a diagnostic for each setting that names neither a parameter of the spec nor an input."""
    names = [setting.name for setting in spec.parameters]
    inputs = [name for name, _ in spec.inputs]
    environment = Environment(Program({}, {}, {}, {}, Effort()), found, BlockContext(), {})
    for name, span in settings.items():
        if name not in (*names, *inputs):
            listed = f"its parameters are {', '.join(names)}" if names else "it has no `params`"
            environment.report(
                "unknown-parameter",
                f"`{spec.name}` has no parameter `{name}`",
                span,
                did_you_mean(name, (*names, *inputs)) or listed,
            )


class _Parameters:
    """Evaluates parameters in the order in which they read each other."""

    def __init__(
        self,
        program: Program,
        expressions: Mapping[str, syntax.Expression],
        spans: Mapping[str, Span],
        found: Collector,
    ) -> None:
        self.program = program
        self.expressions = expressions
        self.spans = spans
        self.found = found
        self.values: dict[str, Any] = {}

    def evaluate(self) -> dict[str, Any]:
        for name in self.expressions:
            self._value(name, ())
        return {name: self.values[name] for name in self.expressions}

    def _value(self, name: str, path: tuple[str, ...]) -> None:
        if name in self.values:
            return
        own = replace(self.program, parameters=self.values)
        environment = Environment(own, self.found, BlockContext(), {}, keeps_formulas=False)
        if name in path:
            cycle = " -> ".join([*path[path.index(name) :], name])
            message = f"parameters depend on each other: {cycle}"
            help = "give one of them a value of its own"
            environment.report("parameter-cycle", message, self.spans[name], help)
            self.values[name] = UNKNOWN
            return
        expression = self.expressions[name]
        for node in names_read(expression):
            if node.name in self.expressions:
                self._value(node.name, (*path, name))
        labelled = replace(environment, labels=label_body(expression))
        self.values.setdefault(name, evaluate(expression, labelled))


def read_elsewhere(spec: syntax.Spec) -> frozenset[str]:
    """The parameters that something else than the net reads by name: blocks, shared modules, inputs, other
    parameters. The printed network cannot take those as arguments of its constructor, since what reads them
    is printed apart from it."""
    own = {setting.name for setting in spec.parameters}
    if not own:
        return frozenset()
    apart = {id(spec.net), *(id(head.body) for head in spec.heads)}
    apart |= {id(body) for block in spec.blocks for body, _ in _scoped(block)}
    read = [_names(body) for body in _bodies(spec) if id(body) not in apart]
    read += [_names(body) - hidden for block in spec.blocks for body, hidden in _scoped(block)]
    return frozenset(own).intersection(frozenset().union(*read))


def _scoped(block: syntax.Block) -> Iterator[tuple[syntax.Body, frozenset[str]]]:
    """A block's defaults and body, each with the parameters that hide the spec's of their name."""
    names = [parameter.name for parameter in block.parameters]
    for number, parameter in enumerate(block.parameters):
        if parameter.default is not None:
            yield parameter.default, frozenset(names[:number])
    yield block.body, frozenset(names)


def _names(body: syntax.Body) -> frozenset[str]:
    return frozenset(node.name for node in names_read(body))


def _check_names(spec: syntax.Spec, layers: Mapping[str, type[Layer]], found: Collector) -> None:
    environment = Environment(Program({}, {}, {}, {}, Effort()), found, BlockContext(), {})
    declared: dict[str, Span] = {}
    for what, nodes in (
        ("parameter", spec.parameters),
        ("block", spec.blocks),
        ("shared module", spec.shared),
    ):
        for node in nodes:
            if node.name in RESERVED or node.name in CONSTRUCTOR_NAMES:
                message = f"`{node.name}` is reserved and cannot be the name of a {what}"
                environment.report("reserved-name", message, node.span, f"try `{node.name}_`")
            elif node.name in layers:
                message = f"the {what} `{node.name}` would hide the layer of that name"
                environment.report(
                    "hides-layer", message, node.span, f"call it otherwise, such as `my_{node.name}`"
                )
            elif node.name in declared:
                message = f"two things are called `{node.name}`"
                first = Label(declared[node.name], "first here")
                environment.report("duplicate-name", message, node.span, "call one of them otherwise", first)
            declared.setdefault(node.name, node.span)
    shared = {module.name: module.span for module in spec.shared}
    for stage in named_steps(spec.net):
        if stage.name in shared:
            message = f"a stage of the net and a shared module are both called `{stage.name}`"
            first = Label(shared[stage.name], "shared here")
            environment.report("duplicate-name", message, stage.span, "call one of them otherwise", first)
    for block in spec.blocks:
        for parameter in block.parameters:
            if parameter.name in RESERVED or parameter.name in CONSTRUCTOR_NAMES:
                message = f"`{parameter.name}` is reserved and cannot be the name of a parameter"
                environment.report("reserved-name", message, parameter.span, f"try `{parameter.name}_`")
    modules = [*_stage_names(spec.net), *((head.name, head.span) for head in spec.heads)]
    modules += [(name, spec.span) for name, _ in spec.inputs if name != "input"]
    modules += [(block.name, block.span) for block in spec.shared]
    for block in spec.blocks:
        modules += _stage_names(block.body)
    for name, span in modules:
        if name in FORBIDDEN_NAMES or name in ("self", "heads"):
            message = (
                f"`{name}` cannot be the name of a module: torch's modules have an attribute of that name"
            )
            environment.report("reserved-name", message, span, f"try `{name}_`")


def _stage_names(body: syntax.Body) -> list[tuple[str, Span]]:
    names = []
    if isinstance(body, syntax.Stages):
        for stage in body.items:
            names += [(stage.name, stage.span), *_stage_names(stage.body)]
    elif isinstance(body, syntax.Sequence | syntax.Merge):
        for inner in body.items if isinstance(body, syntax.Sequence) else body.branches:
            names += _stage_names(inner)
    return names
