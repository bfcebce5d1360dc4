"""Spec → network: one walk that expands blocks, evaluates arguments and infers shapes together.

They cannot be apart, because arguments may read `x.c`. The walk is memoised on (block, arguments, input
shape): a block used a thousand times on the same shape is elaborated once and its graph is shared. So
checking costs as much as the text, not as the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netdsl.analysis.boundaries import as_argument
from netdsl.analysis.compound_walk import MOST_LAYERS
from netdsl.analysis.environment import BlockContext, Effort, Environment, Program
from netdsl.analysis.evaluate import as_layer, evaluate
from netdsl.analysis.expansion import Elaborator, is_flow
from netdsl.analysis.labels import label_body
from netdsl.analysis.leaves import several_inputs
from netdsl.analysis.program import looks_channels_last, read_elsewhere
from netdsl.analysis.scope import SEVERAL, Scope, Tensor
from netdsl.analysis.values import (
    Unknown,
)
from netdsl.diagnostics import Collector, did_you_mean
from netdsl.graph.formula import plain
from netdsl.graph.graph import (
    REQUIRED,
    Graph,
    Group,
    Head,
    Network,
    Signature,
)
from netdsl.graph.shapes import Shape
from netdsl.language import syntax
from netdsl.records import record, replace


@record
class Elaboration:
    """What a spec came to."""

    network: Network | None
    """None where faults keep it from being known."""
    so_far: Network | None
    """What of it stands in front of the first fault, where there is one."""


def elaborate(
    spec: syntax.Spec, program: Program, inputs: Mapping[str, Shape], found: Collector
) -> Elaboration:
    """The network a spec declares, or what of it stands in front of the first fault; faults go to `found`."""
    elaborator = Elaborator(program, found)
    # shared modules are attributes of the network, beside those of its net
    elaborator.labels[id(spec.net)] = label_body(spec.net, program.shared)
    scope = Scope(None)
    context = BlockContext(frozenset(program.parameters) - read_elsewhere(spec))
    places = {name: sizes.span for name, sizes in spec.inputs}
    elaborator.channels_last = [places[name] for name, shape in inputs.items() if looks_channels_last(shape)]
    for name, shape in inputs.items():
        context.recalled[name] = scope.enter(shape, places[name])
    tensors = list(context.recalled.values())
    current = tensors[0] if len(tensors) == 1 else Tensor(None, SEVERAL, None, spec.span)
    environment = Environment(program, found, context, {}, current, keeps_formulas=program.keeps_formulas)
    result = elaborator.body(spec.net, elaborator._environment(spec.net, environment), scope, current)
    if result.several:
        several_inputs(spec.net.span, environment)
    side = list(_heads(spec, elaborator, environment, scope))
    parts = _Parts(spec, program, elaborator, tuple(inputs))
    if result.shape is None or found.has_errors:
        return Elaboration(None, _so_far(scope, elaborator, parts))
    graph = scope.finish(result, context.constraints.items())
    if graph.costs.layers > MOST_LAYERS:
        message = f"the net has {graph.costs.layers:,} layers, more than {MOST_LAYERS:,}"
        environment.report("too-many-layers", message, spec.net.span, "repeat its blocks less often")
        return Elaboration(None, None)
    heads = tuple(scope.head(facts, operation, tensors) for facts, operation, tensors in side)
    return Elaboration(parts.network(graph, heads), None)


def _so_far(scope: Scope, elaborator: Elaborator, parts: _Parts) -> Network | None:
    """The net up to its first fault; None where that is in its first step."""
    if elaborator.known is None:
        return None
    count, result = elaborator.known
    return parts.network(scope.finish(result, count=count), ()) if count else None


@record
class _Parts:
    """What a network is made of beside its graph."""

    spec: syntax.Spec
    program: Program
    elaborator: Elaborator
    inputs: tuple[str, ...]

    def network(self, graph: Graph, heads: tuple[Head, ...]) -> Network:
        parameters = self.program.parameters.items()
        return Network(
            name=self.spec.name,
            about=self.spec.about,
            parameters=tuple((name, as_argument(plain(value))) for name, value in parameters),
            blocks=tuple(_signature(block, self.program) for block in self.elaborator.used.values()),
            input_names=self.inputs,
            graph=graph,
            shared=tuple(self.elaborator.shared.items()),
            heads=heads,
        )


def _heads(
    spec: syntax.Spec, elaborator: Elaborator, environment: Environment, scope: Scope
) -> Iterator[tuple[tuple[str, str, float, bool], Group, list[Tensor]]]:
    given = [name for name, _ in spec.inputs]
    names = {
        name: tensor
        for name, tensor in environment.block.recalled.items()
        if name not in given and (tensor.shape is None or scope.reaches(tensor))
    }
    for head in spec.heads:
        tensor = names.get(head.at)
        if tensor is None:
            if not is_flow(spec.net):
                listed = f"its stages are {', '.join(names)}" if names else "name a step of the net"
                help = did_you_mean(head.at, names) or listed
                message = f"the net has no stage called `{head.at}`"
                environment.report("unknown-stage", message, head.at_span, help)
            continue
        if tensor.shape is None:
            continue
        inner = Scope(scope)
        entered = inner.enter(tensor.shape, head.at_span, tensor.doubt)
        within = elaborator._environment(head.body, environment, x=entered)
        value = as_layer(evaluate(head.body, within), head.body.span, within)
        result = elaborator._alone(value, inner, entered, within)
        if result.shape is not None:
            inputs = [tensor, *(scope.reach(captured) for captured in inner.captured)]
            facts = (head.name, head.at, head.weight, head.keep)
            yield facts, Group(inner.finish(result), is_stage=True), inputs


def _signature(block: syntax.Block, program: Program) -> Signature:
    """A block's parameters with those defaults that are the same for every use."""
    parameters: list[tuple[str, Any]] = []
    for parameter in block.parameters:
        default: Any = REQUIRED
        if parameter.default is not None:
            alone = replace(program, effort=Effort())
            environment = Environment(alone, Collector(), BlockContext(), {}, keeps_formulas=False)
            value = evaluate(parameter.default, environment)
            if not isinstance(value, Unknown):
                default = as_argument(value)
        parameters.append((parameter.name, default))
    return Signature(block.name, tuple(parameters))
