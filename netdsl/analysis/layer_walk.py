"""Layers applied to tensors: what they refuse, what comes out, and what is in doubt behind a fault."""

from __future__ import annotations

from netdsl.analysis.boundaries import resting_on_choices
from netdsl.analysis.environment import Environment
from netdsl.analysis.remedies import remedy
from netdsl.analysis.scope import Scope, Tensor, in_doubt
from netdsl.analysis.values import LayerUse
from netdsl.analysis.walk import Walk
from netdsl.diagnostics import Label, Span
from netdsl.graph.graph import Costs, Leaf
from netdsl.graph.shapes import Axis, Shape
from netdsl.language import syntax
from netdsl.layers.layer import LARGEST, Layer, Problem

STEPS_OF_A_LAYER = 20
"""What working out a layer's shape counts for, in steps of evaluation."""


class LayerWalk(Walk):
    """Applies layers that are no compounds."""

    def _needs_arguments(self, use: LayerUse, environment: Environment) -> None:
        if isinstance(use.target, syntax.Block):
            word = use.target.name
            names = [p.name for p in use.target.parameters if p.default is None]
        else:
            word = use.target.word
            names = [name for name, argument in use.target.arguments().items() if argument.required]
        if not names:
            return  # what it lacks is a default that is wrong, which is told where it stands
        listed = " and ".join(f"`{name}`" for name in names)
        environment.report(
            "missing-argument", f"`{word}` needs {listed}", use.span, f"write `{word}({', '.join(names)})`"
        )

    def _leaf(
        self, layer: Layer, use: LayerUse, name: str, scope: Scope, current: Tensor, environment: Environment
    ) -> Tensor:
        environment.spend(STEPS_OF_A_LAYER, use.span)
        shape = current.known
        problems = list(layer.problems(shape))
        for problem in problems:
            if not _follows(problem, current):
                self._report_problem(problem, use, current, environment)
        if any(problem.code in OF_AXES for problem in problems):
            return in_doubt(current, use.span)
        try:
            output = layer.output(shape)
        except Exception:
            if problems:  # the shape behind a refused layer may not exist
                return in_doubt(current, use.span)
            raise
        doubt = (
            _doubt_behind(layer, current, output, problems) if problems or current.doubt else current.doubt
        )
        if min(output.sizes) < 1 or max(output.sizes) > LARGEST:
            doubt |= self._too_long(output, doubt, use.span, environment)
            output = Shape(tuple(Axis(axis.name, min(max(1, axis.size), LARGEST)) for axis in output.axes))
        costs = Costs() if problems else Costs(1, int(layer.params(shape)), int(layer.macs(shape)))
        if self.program.keeps_formulas:
            output = resting_on_choices(layer, use.origin, shape, output)
        leaf = Leaf(layer, costs)
        return scope.add(name, leaf, (current,), output, use.span, doubt=doubt, origin=use.origin)

    def _too_long(
        self, shape: Shape, doubt: frozenset[str], span: Span, environment: Environment
    ) -> frozenset[str]:
        """The axes that no tensor can have."""
        axes = [axis for axis in shape.axes if axis.size > LARGEST and axis.name not in doubt]
        for axis in axes:
            message = f"the {axis.word} would be {axis.size:,}, more than a tensor can have"
            environment.report("axis-too-long", message, span, f"the largest is {LARGEST:,}")
        return frozenset(axis.name for axis in axes)

    def _report_problem(
        self, problem: Problem, use: LayerUse, current: Tensor, environment: Environment
    ) -> None:
        span = use.spans.get(problem.argument or "", use.span)
        labels = [Label(current.span, f"gives {current.shape}")]
        if span is not use.span:
            labels.insert(0, Label(use.span, "in this layer"))
        if problem.code == "kernel-larger-than-input":
            labels += [Label(shape, "the channels come first") for shape in self.channels_last]
        fix = remedy(problem, use)
        environment.report(problem.code, problem.message, span, problem.help, *labels, fix=fix)


OF_AXES = (
    "channels-not-first",
    "no-channels",
    "no-such-dim",
    "per-axis-length",
    "rearrange-axes",
    "rearrange-order",
    "spatial-axes",
)
"""Problems with which axes there are, rather than with their sizes."""


def _follows(problem: Problem, current: Tensor) -> bool:
    """Whether a problem may be no more than the consequence of a fault told already."""
    # a layer may have set the channels since
    is_lost = bool(current.doubt) and current.doubt.issuperset({*current.known.names} - {"c"})
    return bool(current.doubt.intersection(problem.axes)) or (is_lost and problem.code in OF_AXES)


def _doubt_behind(layer: Layer, current: Tensor, output: Shape, problems: list[Problem]) -> frozenset[str]:
    """The axes of a layer's output whose size rests on a fault."""
    doubt = current.doubt | frozenset(axis for problem in problems for axis in problem.axes)
    if not doubt:
        return doubt
    vanished = doubt - set(output.names)
    kept = doubt & set(output.names)
    if layer.sets_channels and not problems:
        kept -= {"c"}
    elif vanished:
        kept |= {"c"}
    return kept
