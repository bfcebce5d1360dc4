"""The pipeline, one function per goal: `check` a spec, `emit` its source, `build` its module.

    text → spec → network → report | source → module

Each goal is a few calls in order; every stage between is data that can be looked at. Nothing here imports
torch except `build`.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netdsl.analysis.claims import verify_claims
from netdsl.analysis.elaborate import Elaboration, elaborate
from netdsl.analysis.program import declare, input_shapes, set_inputs, unknown_settings
from netdsl.analysis.report import Report
from netdsl.analysis.resolve import resolve_names
from netdsl.diagnostics import Collector, Diagnostic, Faults, Source, Span, TooManyFaults, fault
from netdsl.diagnostics.fixes import apply
from netdsl.diagnostics.moved import moved_back
from netdsl.graph.graph import Network
from netdsl.graph.shapes import Shape
from netdsl.language import syntax
from netdsl.language.document import read_document
from netdsl.language.expressions import parse_expression
from netdsl.layers.layer import Layer, spell
from netdsl.layers.plugin import load_layers
from netdsl.records import record, replace
from netdsl.specs import find_spec, open_extended

if TYPE_CHECKING:
    from torch import nn

    from netdsl.analysis.lints.choice import Lints
    from netdsl.analysis.sizes import Result, Sizes


LONGEST_READ_ON = 2**14
"""Characters of the longest text that is read on behind what is no YAML: it is read again for each fault."""
MOST_READ_ON = 16
"""Faults of YAML, one behind the other, behind which is read on."""
MOST_BUILT_LAYERS = 100_000
"""Layers of the largest network of which source is printed or modules are made: each takes some kilobytes."""


@record
class Compilation:
    """A spec on its way: what was read, what it declares, and what was found wrong."""

    sources: tuple[Source, ...]
    """The spec's text, and those that it extends."""
    spec: syntax.Spec | None
    network: Network | None
    report: Report
    parameters: Mapping[str, Any]
    """The spec's parameters, evaluated."""


def compile_spec(
    spec: str | Path,
    settings: Mapping[str, str] | None = None,
    plugins: Sequence[str] = (),
    *,
    to_print: bool = True,
) -> Compilation:
    """Reads and elaborates a spec.

    Args:
        spec: a file, or the name of a shipped spec.
        settings: parameters to replace, or an input's shape, as text.
        plugins: modules with layers of the user's own.
        to_print: whether source may be printed of the network; if not, it is only to be reported on, and how
            its numbers were computed need not be kept.

    Raises:
        Faults: there is no such file, or a plugin cannot be used.
    """
    return compile_source(find_spec(spec), settings, plugins, to_print=to_print)


def compile_source(
    source: Source,
    settings: Mapping[str, str] | None = None,
    plugins: Sequence[str] = (),
    *,
    to_print: bool = True,
) -> Compilation:
    """Reads and elaborates the text of a spec; `compile_spec` says more."""
    collects = gc.isenabled()
    gc.disable()  # nearly all that is made here lives on: looking for garbage is a tenth of the time
    try:
        return _compile(source, settings or {}, load_layers(plugins), to_print)
    finally:
        if collects:
            gc.enable()


def _compile(
    source: Source,
    settings: Mapping[str, str],
    layers: Mapping[str, type[Layer]],
    to_print: bool,
    rounds: int = MOST_READ_ON,
) -> Compilation:
    found = Collector(bounded=True)
    sources = [source]
    spec: syntax.Spec | None = None

    def open_and_keep(name: str, span: Span) -> Source:
        sources.append(open_extended(name, span))
        return sources[-1]

    def stopped(diagnostics: Iterable[Diagnostic]) -> Compilation:
        name = spec.name if spec else source.name
        return Compilation(tuple(sources), spec, None, Report(name, tuple(diagnostics), None, {}), {})

    try:
        spec = read_document(source, open_and_keep, found)
        if spec is None:
            found.extend(_behind(source, settings, layers, tuple(found), rounds))
            return stopped(found)
        values = _read_settings(settings, spec, found)
        spec = set_inputs(spec, values, found)
        program = declare(spec, values, layers, found, keeps_formulas=to_print)
        resolve_names(spec, program, found)
        inputs = input_shapes(spec, program, found)
        known = inputs and len(inputs) == len(spec.inputs)
        elaboration = elaborate(spec, program, inputs, found) if known else Elaboration(None, None)
        network = elaboration.network
        assert network or found.has_errors, "a spec without faults has a network: this is a bug in netdsl"
        # claims speak of the spec as it is written: other parameters make another network
        claims = verify_claims(spec, network, found) if network and not settings else ()
        _check_recipe(spec, program.parameters, network, found)
    except Faults as faults:
        found.extend(faults.diagnostics)
        return stopped(found)
    except TooManyFaults as stop:
        return stopped([*found, stop.diagnostic])
    except RecursionError:
        return stopped([*found, _too_deep(spec.span if spec else source.whole())])
    shapes = {name: tuple(map(int, shape.sizes)) for name, shape in inputs.items()}
    report = Report(spec.name, tuple(found), network, shapes, claims, elaboration.so_far)
    return Compilation(tuple(sources), spec, network, report, program.parameters)


def _behind(
    source: Source,
    settings: Mapping[str, str],
    layers: Mapping[str, type[Layer]],
    hiding: Sequence[Diagnostic],
    rounds: int,
) -> Sequence[Diagnostic]:
    """What else is wrong with a text that is no YAML, where it is certain what was meant: the text with its
    one fault mended is read in its place. What is said of a mended line may be of the same cause."""
    edits = hiding[0].fix if len(hiding) == 1 else ()
    if not edits or not rounds or len(source.text) > LONGEST_READ_ON:
        return ()
    mended = Source(source.name, apply(source, edits))
    if mended.text == source.text:
        return ()
    found = _compile(mended, settings, layers, False, rounds - 1).report.diagnostics
    lines = {source.position(edit.span.start)[0] for edit in edits}
    told = [moved_back(diagnostic, mended, source, edits) for diagnostic in found]
    return [one for one in told if one and one.span and source.position(one.span.start)[0] not in lines]


def check(
    spec: str | Path,
    settings: Mapping[str, str] | None = None,
    plugins: Sequence[str] = (),
    lints: Lints | None = None,
    **params: Any,
) -> Report:
    """Everything that can be known about a spec without building it. Never imports torch.

    Args:
        spec: a file, or the name of a shipped spec.
        settings: parameters to replace, as the command line gives them.
        plugins: modules with layers of the user's own.
        lints: which warnings are wanted; none unless given.
        **params: parameters to replace, as values.

    Raises:
        Faults: there is no such file. What is wrong with the text is in the report's `diagnostics`.
    """
    return check_source(find_spec(spec), _settings(settings, params), plugins, lints)


def check_source(
    source: Source,
    settings: Mapping[str, str] | None = None,
    plugins: Sequence[str] = (),
    lints: Lints | None = None,
) -> Report:
    """Checks a text; `check` says more."""
    compilation = compile_source(source, settings, plugins, to_print=False)
    if lints is None or not compilation.report.ok:
        return compilation.report
    return replace(compilation.report, diagnostics=tuple(warnings(compilation, lints)))


def warnings(compilation: Compilation, lints: Lints) -> list[Diagnostic]:
    """What works in a spec without faults and is probably not meant."""
    from netdsl.analysis.lints.choice import choose

    found, chosen, stopped = Collector(bounded=True), Collector(bounded=True), []
    try:
        _lint(compilation, found)
    except TooManyFaults as stop:
        stopped = [stop.diagnostic]
    try:
        chosen.extend(choose(found, compilation.sources, lints))
    except TooManyFaults as stop:
        stopped = [stop.diagnostic]
    return [*chosen, *stopped]


def _lint(compilation: Compilation, found: Collector) -> None:
    from netdsl.analysis.lints import declarations, flow, layers, reach

    spec, network = compilation.spec, network_of(compilation)
    assert spec is not None, "a network has a spec"
    points = flow.flow_of(network)
    found.extend(layers.lint_layers(network, points))
    found.extend(reach.lint_reach(network, points))
    found.extend(declarations.lint_declarations(spec, compilation.sources[0], network, points))
    if spec.train is not None:
        from netdsl.training.lint import lint_training
        from netdsl.training.recipe import resolve_recipe

        recipe = resolve_recipe(spec.train, compilation.parameters, {})
        found.extend(lint_training(spec.train, recipe, network, points))


def sizes(
    spec: str | Path, tried: range, settings: Mapping[str, str] | None = None, plugins: Sequence[str] = ()
) -> Sizes:
    """For which input sizes a spec is valid, and what comes out: exact, by trying each.

    Args:
        spec: a file, or the name of a shipped spec.
        tried: the sizes of an axis, such as `range(1, 513)`.
        settings: parameters to replace, as the command line gives them.
        plugins: modules with layers of the user's own.

    Raises:
        Faults: the spec is wrong, or it has not one input with axes behind the channels.
    """
    from netdsl.analysis.sizes import Result, sweep_sizes  # who only checks need not load it

    compilation = compile_spec(spec, settings, plugins, to_print=False)
    network = network_of(compilation)
    assert compilation.spec is not None, "a network has a spec"
    if len(network.input_names) > 1 or not network.graph.inputs[0].spatial:
        message = (
            f"`{network.name}` has not one input with axes behind the channels, whose sizes could be tried"
        )
        raise fault("no-sizes", message, help="try shapes by hand: `--set input=[64]`")
    name = network.input_names[0]

    def again(input: Shape) -> Result | None:
        changed = {**(settings or {}), name: spell(tuple(int(size) for size in input.sizes))}
        made = compile_spec(spec, changed, plugins, to_print=False)
        if made.network is None or not made.report.ok:
            return None
        same = made.network.costs.params == network.costs.params
        return Result(made.network.graph.output, same)

    return sweep_sizes(compilation.spec, network, tried, again)


def emit(
    spec: str | Path, settings: Mapping[str, str] | None = None, plugins: Sequence[str] = (), **params: Any
) -> str:
    """The network as standalone PyTorch source.

    Raises:
        Faults: the spec is wrong.
    """
    from netdsl.backends.python_source import print_source

    return print_source(network_to_build(compile_spec(spec, _settings(settings, params), plugins)))


def build(
    spec: str | Path,
    settings: Mapping[str, str] | None = None,
    plugins: Sequence[str] = (),
    heads: bool = False,
    **params: Any,
) -> nn.Module:
    """The network as a module: what `emit` prints, executed.

    Args:
        spec: a file, or the name of a shipped spec.
        settings: parameters to replace, as the command line gives them.
        plugins: modules with layers of the user's own.
        heads: whether training-only heads are built as well.
        **params: parameters to replace, as values.

    Raises:
        Faults: the spec is wrong.
    """
    from netdsl.backends.torch_module import build_module

    network = network_to_build(compile_spec(spec, _settings(settings, params), plugins))
    return build_module(network, heads=heads)


def network_of(compilation: Compilation) -> Network:
    """The network of a spec without faults.

    Raises:
        Faults: it has some.
    """
    if compilation.network is None or not compilation.report.ok:
        raise Faults(compilation.report.diagnostics)
    return compilation.network


def network_to_build(compilation: Compilation) -> Network:
    """The network of a spec that is to be printed or built, layer by layer.

    Raises:
        Faults: the spec is wrong, or has more layers than a machine could hold as modules.
    """
    network = network_of(compilation)
    layers = network.costs.layers
    if layers > MOST_BUILT_LAYERS and compilation.spec is not None:
        message = f"the network has {layers:,} layers, more than the {MOST_BUILT_LAYERS:,} that are built"
        help = "`netdsl check` reads it as it is; repeat its blocks less often to build it"
        span = compilation.spec.net.span
        raise Faults(
            [Diagnostic(code="too-many-layers-to-build", message=message, span=span, help=help)], exit_code=1
        )
    return network


def _settings(settings: Mapping[str, str] | None, params: Mapping[str, Any]) -> dict[str, str]:
    """Settings as text; a value given in Python is spelled as a spec would."""
    texts = {
        name: value if isinstance(value, str) else spell(tuple(value) if isinstance(value, list) else value)
        for name, value in params.items()
    }
    return {**(settings or {}), **texts}


def _too_deep(span: Span) -> Diagnostic:
    """For what no single limit catches: many blocks, each with deep expressions."""
    return Diagnostic(
        code="nesting-too-deep",
        message="the blocks and expressions of the spec are nested too deeply",
        span=span,
        help="let blocks stand beside each other rather than inside",
    )


def _read_settings(
    settings: Mapping[str, str], spec: syntax.Spec, found: Collector
) -> dict[str, syntax.Expression]:
    values: dict[str, syntax.Expression] = {}
    spans: dict[str, Span] = {}
    for name, text in settings.items():
        source = Source("--set", f"{name}={text}")
        first = len(name) + 1
        spans[name] = Span(source, 0, len(name))
        try:
            values[name] = parse_expression(
                text,
                lambda start, end, s=source, f=first: Span(s, f + start, f + end),  # type: ignore[misc]
            )
        except Faults as faults:
            found.extend(faults.diagnostics)
    unknown_settings(spec, spans, found)
    return values


def _check_recipe(
    spec: syntax.Spec, parameters: Mapping[str, Any], network: Network | None, found: Collector
) -> None:
    if spec.train is not None:
        from netdsl.graph.parts import parameters_by_part
        from netdsl.training.recipe import check_recipe  # a spec without a recipe need not load it

        # a larger one is not trained, and its parts would be long to list
        is_trained = network is not None and network.costs.layers <= MOST_BUILT_LAYERS
        parts = partial(parameters_by_part, network) if network is not None and is_trained else None
        check_recipe(spec.train, parameters, parts, found)
