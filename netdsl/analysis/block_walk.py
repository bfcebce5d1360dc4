"""Blocks and shared modules applied to tensors, each once for the same arguments on the same shape."""

from __future__ import annotations

from netdsl.analysis.boundaries import as_argument, called, inside, outside
from netdsl.analysis.compound_walk import CompoundWalk
from netdsl.analysis.environment import BlockContext, Environment
from netdsl.analysis.layer_walk import STEPS_OF_A_LAYER
from netdsl.analysis.scope import Scope, Tensor, in_doubt
from netdsl.analysis.values import LayerUse
from netdsl.analysis.walk import Elaborated
from netdsl.diagnostics import Label
from netdsl.graph.graph import SharedUse, Use
from netdsl.language import syntax

DEEPEST_BLOCKS = 40
"""Blocks that may use each other in a row."""


class BlockWalk(CompoundWalk):
    """Applies blocks and shared modules."""

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
    ) -> Elaborated:
        if block.name in self.active:
            cycle = " -> ".join([*self.active[self.active.index(block.name) :], block.name])
            if not any(fault.code == "recursive-block" for fault in self.found):  # told where it is written
                environment.report(
                    "recursive-block", f"a block uses itself: {cycle}", use.span, "repeat with `layer * n`"
                )
            return Elaborated(None, (), frozenset())
        if len(self.active) == DEEPEST_BLOCKS:
            message = f"more than {DEEPEST_BLOCKS} blocks use each other in a row"
            environment.report("nesting-too-deep", message, use.span, "let blocks stand beside each other")
            return Elaborated(None, (), frozenset())
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
            return Elaborated(None, (), frozenset())
        graph = inner.finish(result, context.constraints.items())
        return Elaborated(graph, tuple(inner.captured), result.doubt)

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
