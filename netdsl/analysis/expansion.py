"""Layer values applied to tensors: blocks expand, repeats unroll, shapes follow.

Each block is worked out once for the same arguments on the same shape, and its graph is shared.
"""

from __future__ import annotations

from typing import Any

from netdsl.analysis.boundaries import (
    as_argument,
    called,
    grown_shape,
    inside,
    outside,
    resting_on_choices,
    same_facts,
    short_formulas,
    under,
)
from netdsl.analysis.environment import BlockContext, Environment, Program
from netdsl.analysis.evaluate import as_layer, evaluate, several_inputs
from netdsl.analysis.labels import OPERATOR_OF, Labels, label_body
from netdsl.analysis.remedies import remedy
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
from netdsl.diagnostics import Collector, Label, Span, did_you_mean
from netdsl.graph.formula import formula_of
from netdsl.graph.graph import (
    Child,
    Choice,
    Costs,
    Fan,
    Graph,
    Group,
    Leaf,
    Merge,
    Node,
    Series,
    SharedUse,
    Use,
)
from netdsl.graph.shapes import Axis, Shape
from netdsl.language import syntax
from netdsl.layers.layer import LARGEST, Layer, Problem
from netdsl.layers.merge import merge_output, merge_problems
from netdsl.records import replace, value_record

MOST_LAYERS = 10_000_000
"""Leaf layers of the largest network that is checked, expanded."""
DEEPEST_BLOCKS = 40
"""Blocks that may use each other in a row."""
STEPS_OF_A_LAYER = 20
"""What working out a layer's shape counts for, in steps of evaluation."""
STEPS_OF_A_SCOPE = 5
"""What going into a compound counts for."""


@value_record()
class _Elaborated:
    """What a use of a block came to, once for all uses with the same arguments on the same shape."""

    graph: Graph | None
    captured: tuple[Tensor, ...]
    doubt: frozenset[str]


class Elaborator:
    """The walk over one spec. Faults go to `found`; what depends on them is passed over in silence."""

    def __init__(self, program: Program, found: Collector) -> None:
        self.program = program
        self.found = found
        self.elaborated: dict[Any, _Elaborated] = {}
        self.active: list[str] = []
        self.shared: dict[str, Graph] = {}
        self.used: dict[str, syntax.Block] = {}
        self.labels: dict[int, Labels] = {}
        self.weight_shapes = _WeightShapes()
        self.told_before = found.told
        self.is_sound = True
        """Whether nothing that was gone through is at fault."""
        self.channels_last: list[Span] = []
        """The inputs that look like pictures whose channels were written last."""
        self.known: tuple[int, Tensor] | None = None
        """The net's nodes in front of the first fault, and what comes out of them."""

    # Bodies

    def _environment(self, body: syntax.Body, environment: Environment, **changes: Any) -> Environment:
        """An environment in which the body's modules have their labels."""
        return replace(environment, labels=self._labels(body), **changes)

    def _labels(self, body: syntax.Body) -> Labels:
        if id(body) not in self.labels:
            self.labels[id(body)] = label_body(body)
        return self.labels[id(body)]

    def body(self, body: syntax.Body, environment: Environment, scope: Scope, current: Tensor) -> Tensor:
        """A body applied to the current tensor."""
        value = as_layer(evaluate(body, environment), body.span, environment)
        return self.apply(value, scope, current, environment)

    # Layers of every kind

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

    def _note(self, scope: Scope, current: Tensor) -> None:
        """Remembers how far the net is known, where a step of it has been gone through."""
        self.is_sound = self.is_sound and self.found.told == self.told_before
        if scope.parent is None and self.is_sound and current.shape is not None:
            self.known = (len(scope), current)

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

    def _seen(self, tensor: Tensor, span: Span) -> Tensor:
        """The same tensor, pointed at where it is used."""
        return replace(tensor, span=span)

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

    def _is_tensor(self, current: Tensor, span: Span, environment: Environment) -> bool:
        if current.several:
            several_inputs(span, environment)
        return current.shape is not None

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

    # Blocks

    def _block(
        self, use: LayerUse, name: str, scope: Scope, current: Tensor, environment: Environment
    ) -> Tensor:
        block = use.target
        assert isinstance(block, syntax.Block)
        if use.arguments is None:
            self.is_sound = False
            if use.bare:
                self._needs_arguments(use, environment)
            return in_doubt(current, use.span)
        if not self._is_tensor(current, use.span, environment):
            return in_doubt(current, use.span)
        key = (id(block), use.arguments, use.kinds, current.known, current.doubt)
        if key not in self.elaborated:
            self.elaborated[key] = self._elaborate(block, use, scope, current, environment)
        done = self.elaborated[key]
        if done.graph is None:
            return in_doubt(current, use.span)
        self.used[block.name] = block
        inputs = [current, *(scope.reach(tensor) for tensor in done.captured)]
        output = done.graph.output
        if self.program.keeps_formulas:
            output = outside(output, use.arguments, [tensor.known for tensor in inputs])
        arguments = tuple((name, as_argument(value)) for name, value in use.arguments)
        operation = Use(block.name, arguments, done.graph)
        return scope.add(name, operation, inputs, output, use.span, doubt=done.doubt, origin=use.origin)

    def _elaborate(
        self, block: syntax.Block, use: LayerUse, scope: Scope, current: Tensor, environment: Environment
    ) -> _Elaborated:
        if block.name in self.active:
            cycle = " -> ".join([*self.active[self.active.index(block.name) :], block.name])
            if not any(fault.code == "recursive-block" for fault in self.found):  # told where it is written
                environment.report(
                    "recursive-block", f"a block uses itself: {cycle}", use.span, "repeat with `layer * n`"
                )
            return _Elaborated(None, (), frozenset())
        if len(self.active) == DEEPEST_BLOCKS:
            message = f"more than {DEEPEST_BLOCKS} blocks use each other in a row"
            environment.report("nesting-too-deep", message, use.span, "let blocks stand beside each other")
            return _Elaborated(None, (), frozenset())
        environment.spend(STEPS_OF_A_LAYER, use.span)
        inner = Scope(scope, is_block=True)
        keeps = self.program.keeps_formulas
        inner.entered = current
        x = inner.enter(inside(current.known) if keeps else current.known, current.span, current.doubt)
        parameters = frozenset(name for name, _ in use.arguments or ())
        variables = dict(use.arguments or ())
        if keeps:
            variables = {name: called(value, name) for name, value in variables.items()}
        context = BlockContext(parameters)
        trail = (*environment.trail, Label(use.span, f"block `{block.name}`"))
        labels = self._labels(block.body)
        program = self.program.around(block)
        within = Environment(program, self.found, context, labels, x, variables, keeps, trail)
        self.active.append(block.name)
        try:
            result = self.body(block.body, within, inner, x)
        finally:
            self.active.pop()
        if result.shape is None:
            return _Elaborated(None, (), frozenset())
        graph = inner.finish(result, context.constraints.items())
        return _Elaborated(graph, tuple(inner.captured), result.doubt)

    def _shared(
        self, use: LayerUse, name: str, scope: Scope, current: Tensor, environment: Environment
    ) -> Tensor:
        block = use.target
        assert isinstance(block, syntax.Block)
        if use.arguments is None or not self._is_tensor(current, use.span, environment):
            return in_doubt(current, use.span)
        key = (id(block), "shared", current.known, current.doubt)
        if key not in self.elaborated:
            self.elaborated[key] = self._elaborate(block, use, scope, current, environment)
        graph = self.elaborated[key].graph
        if graph is None:
            return in_doubt(current, use.span)
        first = graph if current.doubt else self.shared.setdefault(block.name, graph)
        if first is not graph and self.weight_shapes.of(first) != self.weight_shapes.of(graph):
            environment.report(
                "shared-shapes",
                f"the shared module `{block.name}` would need other weights here: "
                f"its input is {current.shape}, and was {first.inputs[0]}",
                use.span,
                "give it inputs of one shape; a block has weights of its own in every use",
            )
        output = outside(graph.output, (), [current.known]) if self.program.keeps_formulas else graph.output
        doubt = self.elaborated[key].doubt
        return scope.add(name, SharedUse(block.name, graph), (current,), output, use.span, doubt=doubt)

    # Compounds

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

    def _child(
        self, value: LayerValue, scope: Scope, current: Tensor, environment: Environment
    ) -> tuple[Scope, Tensor]:
        """A layer in a scope of its own."""
        environment.spend(STEPS_OF_A_SCOPE, value.span)
        inner = Scope(scope)
        inner.entered = current
        entered = inner.enter(current.shape, current.span, current.doubt)
        return inner, self._alone(value, inner, entered, environment)

    def _as_child(
        self, inner: Scope, result: Tensor, count: int, scope: Scope, inputs: list[Tensor]
    ) -> Child:
        captures = []
        for tensor in inner.captured:
            reached = scope.reach(tensor)
            if reached not in inputs[1:]:
                inputs.append(reached)
            captures.append(inputs.index(reached, 1))
        return Child(inner.finish(result), count, tuple(captures))

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

    # Names

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


def is_flow(body: syntax.Body) -> bool:
    """Whether a body was to be written in brackets or braces, so that its stages are not known."""
    return isinstance(body, syntax.Broken) and body.span.text.startswith(("[", "{"))


class _WeightShapes:
    """The shapes of graphs' parameters by path, equal ones under one number, so that nothing is expanded."""

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}
        self.done: dict[int, int] = {}

    def of(self, graph: Graph) -> int:
        """The number of a graph; those of two graphs are equal where their parameters are."""
        if id(graph) not in self.done:
            key = tuple((node.name, self._node(graph, node)) for node in graph.nodes)
            self.done[id(graph)] = self.numbers.setdefault(key, len(self.numbers))
        return self.done[id(graph)]

    def _node(self, graph: Graph, node: Node) -> Any:
        match node.operation:
            case Leaf(layer=layer):
                return tuple(layer.weights(graph.shape(node.inputs[0])).items())
            case Use(graph=inner) | Group(graph=inner) | Choice(graph=inner) | SharedUse(graph=inner):
                return self.of(inner)
            case Series(children=children) | Fan(children=children):
                runs: list[list[int]] = []
                for child in children:
                    number = self.of(child.graph)
                    if runs and runs[-1][0] == number:
                        runs[-1][1] += child.count
                    else:
                        runs.append([number, child.count])
                return tuple(map(tuple, runs))
            case _:
                return None
