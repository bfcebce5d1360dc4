"""Figures that add up: of every layer and operator, of the steps they stand in, and of the whole network.

A figure is a function of one call. Its sum over a graph is found once and holds for all uses of the graph, so
that a total costs what the text costs, not the network.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

from netdsl.analysis.cost_conventions import CONVENTIONS
from netdsl.analysis.plan import Call, Plan, Plans, network_plan
from netdsl.graph.graph import Graph, Network
from netdsl.layers.layer import Layer

Figure = Callable[[Call], int]
"""A figure of a layer or an operator for one sample."""


class Totals:
    """The sums of a figure over the parts of a network."""

    def __init__(self, network: Network, figure: Figure) -> None:
        self.network = network
        self.figure = figure
        self._plans = Plans()
        self._found: dict[int, int] = {}

    @property
    def total(self) -> int:
        """Of the network as it stands outside of training."""
        return self._of_plan(network_plan(self.network, training=False))

    def by_path(self, levels: int = 1) -> Mapping[str, int]:
        """Of each step, training-only heads included.

        Args:
            levels: how deep steps are opened up; 1, the stages, by default.
        """
        found: dict[str, int] = defaultdict(int)
        self._walk(network_plan(self.network, training=True), levels, "", found)
        return dict(found)

    def _walk(self, plan: Plan, levels: int, path: str, found: dict[str, int]) -> None:
        for call in plan.calls:
            here = ".".join(part for part in (path, call.name) if part)
            if call.name:
                found[here] += self._of_call(call)
            if call.is_member:
                found[here.rpartition(".")[0]] += self._of_call(call)
            if not isinstance(call.runs, Graph):
                continue
            inner = self._plans.of(call.runs)
            if call.name == "":  # a choice, or all that a scope contains
                self._walk(inner, levels, path, found)
            elif levels > 1:
                self._walk(inner, levels - (not call.runs.is_single), here, found)

    def _of_plan(self, plan: Plan) -> int:
        return sum(map(self._of_call, plan.calls))

    def _of_call(self, call: Call) -> int:
        graph = call.runs
        if not isinstance(graph, Graph):
            return self.figure(call)
        found = self._found.get(id(graph))
        if found is None:
            found = self._found[id(graph)] = self._of_plan(self._plans.of(graph))
        return found


def output_elements(call: Call) -> int:
    """The values that come out."""
    return call.output.elements


def values_moved(call: Call) -> int:
    """The values that are read and written: inputs, trained weights and outputs; of a mere view, none."""
    moved = sum(shape.elements for shape in call.shapes) + call.output.elements
    if not isinstance(call.runs, Layer):
        return moved
    (input,) = call.shapes
    return 0 if call.runs.is_view(input, training=False) else moved + call.runs.params(input)


def macs_as(convention: str) -> Figure:
    """Multiply-adds by the convention of a tool; operators between branches cost nothing in any.

    Args:
        convention: one of `cost_conventions.CONVENTIONS`.
    """
    macs = CONVENTIONS[convention]
    return lambda call: macs(call.runs, call.shapes[0]) if isinstance(call.runs, Layer) else 0
