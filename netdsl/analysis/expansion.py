"""Layer values applied to tensors: blocks expand, repeats unroll, shapes follow.

Each block is worked out once for the same arguments on the same shape, and its graph is shared. `Elaborator`
chooses by the kind of value; what becomes of each is said in `layer_walk`, `compound_walk` and `block_walk`.
"""

from __future__ import annotations

from netdsl.analysis.block_walk import BlockWalk
from netdsl.analysis.environment import Environment
from netdsl.analysis.evaluate import as_layer, evaluate
from netdsl.analysis.leaves import several_inputs
from netdsl.analysis.scope import Scope, Tensor, in_doubt, nowhere
from netdsl.analysis.values import (
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
    ScopedValue,
    SeriesValue,
    StagesValue,
)
from netdsl.analysis.walk import STEPS_OF_A_SCOPE
from netdsl.diagnostics import Label, did_you_mean
from netdsl.graph.graph import Group
from netdsl.language import syntax
from netdsl.records import replace


class Elaborator(BlockWalk):
    """Applies layers of every kind, and named steps."""

    def apply(self, value: LayerValue, scope: Scope, current: Tensor, environment: Environment) -> Tensor:
        """What comes out of a layer when the current tensor goes in."""
        environment.spend(STEPS_OF_A_SCOPE, value.span)
        match value:
            case BrokenValue(span=span):
                self.is_sound = False
                return in_doubt(current, span)
            case LayerUse():
                return self._use(value, value.label, scope, current, environment)
            case ChainValue(steps=steps):
                for step in steps:
                    current = self.apply(step, scope, current, environment)
                    self._note(scope, current)
                return current
            case MergeValue():
                return self._merge(value, scope, current, environment)
            case FanValue():
                return self._fan(value, scope, current, environment)
            case RepeatValue():
                return self._repeat(value, value.label, scope, current, environment)
            case SeriesValue():
                return self._series(value, value.label, scope, current, environment)
            case ChoiceValue():
                return self._choice(value, scope, current, environment)
            case ScopedValue():
                return self._scoped(value, value.label, scope, current, environment)
            case InputValue(tensor=tensor):
                if tensor.several:
                    several_inputs(value.span, environment)
                return self._seen(scope.reach(tensor), value.span)
            case IdentityValue():
                return current
            case RecallValue():
                return self._recall(value, scope, current)
            case StagesValue():
                return self._stages(value, scope, current)

    def _alone(self, value: LayerValue, scope: Scope, current: Tensor, environment: Environment) -> Tensor:
        """A layer that is the whole of its scope: a single module takes the scope's name."""
        match value:
            case LayerUse() if not value.is_shared:
                return self._use(value, "", scope, current, environment)
            case RepeatValue():
                return self._repeat(value, "", scope, current, environment)
            case SeriesValue():
                return self._series(value, "", scope, current, environment)
            case ScopedValue():
                return self._scoped(value, "", scope, current, environment)
            case _:
                return self.apply(value, scope, current, environment)

    def _use(
        self, use: LayerUse, name: str, scope: Scope, current: Tensor, environment: Environment
    ) -> Tensor:
        if isinstance(use.target, syntax.Block):
            if use.is_shared:
                return self._shared(use, name, scope, current, environment)
            return self._block(use, name, scope, current, environment)
        if use.layer is None:
            self.is_sound = False
            if use.bare:
                self._needs_arguments(use, environment)
            return in_doubt(current, use.span)
        if not self._is_tensor(current, use.span, environment):
            return in_doubt(current, use.span)
        return self._leaf(use.layer, use, name, scope, current, environment)

    def _recall(self, value: RecallValue, scope: Scope, current: Tensor) -> Tensor:
        names = value.environment.block.recalled
        tensor = names.get(value.name)
        if tensor is None:
            help = did_you_mean(value.name, names) or (
                f"the names so far are {', '.join(names)}" if names else "name a step before it"
            )
            message = f"no stage or input called `{value.name}` comes before this"
            value.environment.report("unknown-stage", message, value.span, help)
            return in_doubt(current, value.span)
        if tensor.shape is None:
            return tensor
        if not scope.reaches(tensor):
            value.environment.report(
                "from-inside",
                f"the step `{value.name}` lies inside of another stage and cannot be recalled from here",
                value.span,
                "recall the stage around it, or name the step beside this one",
                Label(tensor.span, "it is here"),
            )
            return in_doubt(current, value.span)
        return self._seen(scope.reach(tensor), value.span)

    def _stages(self, value: StagesValue, scope: Scope, current: Tensor) -> Tensor:
        environment = value.environment
        rebinds = scope.parent is None  # a stage of the net counts as a block
        for stage in value.stages.items:
            current = self._stage(stage, rebinds, scope, current, environment)
            names = environment.block.recalled
            if stage.name in names and scope.reaches(names[stage.name]):
                labels = (Label(names[stage.name].span, "first here"),)
                message = f"`{stage.name}` is the name of a stage or input already"
                environment.report(
                    "duplicate-stage", message, stage.span, "call one of them otherwise", *labels
                )
            names[stage.name] = replace(current, span=stage.span)
            self._note(scope, current)
        return current

    def _stage(
        self, stage: syntax.Stage, rebinds: bool, scope: Scope, current: Tensor, environment: Environment
    ) -> Tensor:
        inner = Scope(scope)
        inner.entered = current
        entered = current if current.several else inner.enter(current.shape, current.span, current.doubt)
        if current.several:
            inner.enter(None, current.span)
        x = entered if rebinds else environment.x
        within = self._environment(stage.body, environment, x=x)
        value = as_layer(evaluate(stage.body, within), stage.body.span, within)
        result = self._alone(value, inner, entered, within)
        if current.several:
            return self._grouped_from_inputs(inner, result, stage, scope)
        return self._grouped(inner, result, stage.name, scope, current, stage.span, None, is_stage=rebinds)

    def _grouped_from_inputs(self, inner: Scope, result: Tensor, stage: syntax.Stage, scope: Scope) -> Tensor:
        """A stage at the beginning of a net with several inputs: what it recalls is all that it takes."""
        if result.shape is None or not inner.captured:
            return nowhere(stage.span)
        first = scope.reach(inner.captured[0])
        inner.inputs[0] = replace(inner.inputs[0], shape=first.shape)
        inputs = [first, *(scope.reach(tensor) for tensor in inner.captured)]
        operation = Group(inner.finish(result), is_stage=True)
        return scope.add(stage.name, operation, inputs, result.shape, stage.span, doubt=result.doubt)


def is_flow(body: syntax.Body) -> bool:
    """Whether a body was to be written in brackets or braces, so that its stages are not known."""
    return isinstance(body, syntax.Broken) and body.span.text.startswith(("[", "{"))
