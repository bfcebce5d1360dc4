"""Merges, repeats, series, choices and groups applied to tensors."""

from __future__ import annotations

from netdsl.analysis.boundaries import grown_shape, same_facts, short_formulas, under
from netdsl.analysis.environment import Environment
from netdsl.analysis.labels import OPERATOR_OF
from netdsl.analysis.layer_walk import LayerWalk
from netdsl.analysis.scope import Scope, Tensor, in_doubt, nowhere
from netdsl.analysis.values import (
    ChoiceValue,
    FanValue,
    LayerValue,
    MergeValue,
    RepeatValue,
    ScopedValue,
    SeriesValue,
)
from netdsl.diagnostics import Label, Span
from netdsl.graph.formula import formula_of
from netdsl.graph.graph import Child, Choice, Fan, Group, Merge, Series
from netdsl.graph.shapes import Shape
from netdsl.layers.merge import merge_output, merge_problems
from netdsl.records import replace

MOST_LAYERS = 10_000_000
"""Leaf layers of the largest network that is checked, expanded."""


class CompoundWalk(LayerWalk):
    """Applies merges, repeats, series, choices and groups."""

    def _merge(self, value: MergeValue, scope: Scope, current: Tensor, environment: Environment) -> Tensor:
        branches = [
            self._seen(self.apply(branch, scope, current, environment), branch.span)
            for branch in value.branches
        ]
        result = self._merged(value, branches, environment)
        if result is None:
            return in_doubt(current, value.span)
        shape, doubt = result
        return scope.add(value.label, Merge(value.kind), branches, shape, value.span, doubt=doubt)

    def _merged(
        self, value: MergeValue | FanValue, branches: list[Tensor], environment: Environment
    ) -> tuple[Shape, frozenset[str]] | None:
        """The shape behind a merge and the axes in doubt."""
        if any(branch.shape is None for branch in branches) or not branches:
            return None
        shapes = [branch.known for branch in branches]
        doubt = frozenset().union(*(branch.doubt for branch in branches))
        left, fits = shapes[0], True
        for branch, shape in zip(branches[1:], shapes[1:], strict=True):
            problems = list(merge_problems(value.kind, (left, shape)))
            for problem in problems:
                if not doubt.intersection(problem.axes):
                    from netdsl.analysis.origins import origin_labels  # only a wrong spec pays for it

                    labels = [Label(b.span, f"gives {b.shape}") for b in (branches[0], branch)]
                    for operand in (branches[0], branch):
                        labels += origin_labels(operand, problem.axes)
                    place = _operator(value, branch)
                    environment.report(problem.code, problem.message, place, problem.help, *labels)
                doubt |= frozenset(problem.axes)
            fits = fits and not problems
            if value.kind == "mul" and fits:
                left = merge_output("mul", (left, shape))
        if not fits:
            return left, doubt
        output = merge_output(value.kind, shapes)
        too_long = self._too_long(output, doubt, value.span, environment)
        return (left if too_long else output), doubt | too_long

    def _fan(self, value: FanValue, scope: Scope, current: Tensor, environment: Environment) -> Tensor:
        if not self._is_tensor(current, value.span, environment):
            return in_doubt(current, value.span)
        children, inputs, branches = [], [current], []
        for element in value.elements:
            inner, result = self._child(element, scope, current, environment)
            if result.shape is None:
                return in_doubt(current, value.span)
            children.append(self._as_child(inner, result, 1, scope, inputs))
            branches.append(replace(result, span=element.span))
        result_shape = self._merged(value, branches, environment)
        if result_shape is None:
            return current if not value.elements else nowhere(value.span)
        shape, doubt = result_shape
        return scope.add(
            value.label, Fan(value.kind, tuple(children)), inputs, shape, value.span, doubt=doubt
        )

    def _repeat(
        self, value: RepeatValue, name: str, scope: Scope, current: Tensor, environment: Environment
    ) -> Tensor:
        if not self._is_tensor(current, value.span, environment):
            return in_doubt(current, value.span)
        count = int(value.count)
        if count == 0 and formula_of(value.count) is None:
            return current
        children: list[Child] = []
        inputs = [current]
        entering = current
        done = 0
        while done < count:
            inner, result = self._child(value.body, scope, entering, environment)
            if result.shape is None:
                return in_doubt(current, value.span)
            settled = same_facts(result, entering)
            child = self._as_child(inner, result, count - done if settled else 1, scope, inputs)
            if not self._affordable(child.graph.costs.layers * (count - done), value, environment):
                return in_doubt(current, value.span)
            children.append(child)
            done += child.count
            entering = replace(entering, shape=short_formulas(result.shape), doubt=result.doubt)
        shape = entering.known
        if len(children) == count > 1:
            shape = grown_shape(current.known, children[0].graph.output, shape, value.count)
        operation = Series(tuple(children), value.count)
        return scope.add(name, operation, inputs, shape, value.span, doubt=entering.doubt)

    def _affordable(self, layers: int, value: RepeatValue, environment: Environment) -> bool:
        if layers <= MOST_LAYERS:
            return True
        message = f"the repeat makes {layers:,} layers, more than {MOST_LAYERS:,}"
        environment.report("too-many-layers", message, value.count_span, "repeat it less often")
        return False

    def _series(
        self, value: SeriesValue, name: str, scope: Scope, current: Tensor, environment: Environment
    ) -> Tensor:
        if not self._is_tensor(current, value.span, environment):
            return in_doubt(current, value.span)
        children: list[Child] = []
        inputs = [current]
        entering = current
        for element in value.elements:
            inner, result = self._child(element, scope, entering, environment)
            if result.shape is None:
                return in_doubt(current, value.span)
            children.append(self._as_child(inner, result, 1, scope, inputs))
            entering = replace(entering, shape=result.shape, doubt=result.doubt)
        operation = Series(tuple(children), None)
        return scope.add(name, operation, inputs, entering.known, value.span, doubt=entering.doubt)

    def _choice(self, value: ChoiceValue, scope: Scope, current: Tensor, environment: Environment) -> Tensor:
        if not self._is_tensor(current, value.span, environment):
            return in_doubt(current, value.span)
        inner = Scope(scope)
        inner.entered = current
        entered = inner.enter(current.shape, current.span, current.doubt)
        result = self.apply(value.body, inner, entered, environment)
        if result.shape is None:
            return in_doubt(current, value.span)
        inputs = [current, *(scope.reach(tensor) for tensor in inner.captured)]
        operation = Choice(value.condition, value.taken, inner.finish(result))
        shape = under(value.condition, result.shape) if value.taken else result.shape
        return scope.add("", operation, inputs, shape, value.span, doubt=result.doubt)

    def _scoped(
        self, value: ScopedValue, name: str, scope: Scope, current: Tensor, environment: Environment
    ) -> Tensor:
        if not self._is_tensor(current, value.span, environment):
            return in_doubt(current, value.span)
        return self._group(value.body, name, scope, current, environment, value.span, value.origin)

    def _group(
        self,
        value: LayerValue,
        name: str,
        scope: Scope,
        current: Tensor,
        environment: Environment,
        span: Span,
        origin: str | None = None,
    ) -> Tensor:
        inner, result = self._child(value, scope, current, environment)
        return self._grouped(inner, result, name, scope, current, span, origin, is_stage=False)

    def _grouped(
        self,
        inner: Scope,
        result: Tensor,
        name: str,
        scope: Scope,
        current: Tensor,
        span: Span,
        origin: str | None,
        *,
        is_stage: bool,
    ) -> Tensor:
        if result.shape is None or current.shape is None:
            return in_doubt(current, span)
        inputs = [current, *(scope.reach(tensor) for tensor in inner.captured)]
        operation = Group(inner.finish(result), is_stage)
        return scope.add(name, operation, inputs, result.shape, span, doubt=result.doubt, origin=origin)


def _operator(value: MergeValue | FanValue, branch: Tensor) -> Span:
    """The operator before a branch, where it stands there; else the whole merge."""
    whole, last = value.span, branch.span
    if last.source is whole.source and whole.start < last.start <= whole.end:
        between = whole.source.text[whole.start : last.start]
        text = between.rstrip(" \n(")
        if text.endswith(OPERATOR_OF[value.kind]):
            end = whole.start + len(text)
            return Span(whole.source, end - 1, end)
    return whole
