"""What `check` has found out about a spec, as data."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from netdsl.analysis.claims import ClaimResult
from netdsl.diagnostics import Diagnostic
from netdsl.graph.graph import Head, Leaf, Merge, Network, walk, walk_node
from netdsl.records import record, value_record

MOST_LISTED = 100_000
"""Layers of the longest network that are listed one by one."""


@value_record()
class StageReport:
    """A step of the net: a named stage, or a layer that stands in the net itself."""

    name: str
    output: tuple[int, ...]
    params: int
    macs: int
    layers: int


@value_record()
class NodeReport:
    """A leaf layer or a merge, in the order of execution."""

    path: str
    layer: str
    output: tuple[int, ...]
    params: int
    macs: int


@record
class Report:
    """The result of checking a spec. Figures are None and listings empty where faults keep them unknown."""

    name: str
    diagnostics: tuple[Diagnostic, ...]
    network: Network | None
    inputs: dict[str, tuple[int, ...]]
    """The inputs' shapes by name, without the batch."""
    claims: tuple[ClaimResult, ...] = ()
    so_far: Network | None = None
    """What of a wrong network stands in front of its first fault."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; warnings are allowed."""
        return not any(diagnostic.severity == "error" for diagnostic in self.diagnostics)

    @property
    def input(self) -> tuple[int, ...] | dict[str, tuple[int, ...]] | None:
        """The input's shape, or each input's by name where there are several."""
        if not self.inputs:
            return None
        return next(iter(self.inputs.values())) if len(self.inputs) == 1 else self.inputs

    @property
    def output(self) -> tuple[int, ...] | None:
        """The output's shape without the batch."""
        return _sizes(self.network.graph.output.sizes) if self.network else None

    @property
    def params(self) -> int | None:
        """Trainable parameters, training-only heads left out."""
        return self.network.costs.params if self.network else None

    @property
    def macs(self) -> int | None:
        """Multiply-adds of convolutions and linears for one sample, without biases."""
        return self.network.costs.macs if self.network else None

    @property
    def layers(self) -> int | None:
        """Leaf layers, expanded."""
        return self.network.costs.layers if self.network else None

    @property
    def heads(self) -> tuple[Head, ...]:
        return self.network.heads if self.network else ()

    @cached_property
    def stages(self) -> tuple[StageReport, ...]:
        """The steps of the net; of a wrong one those in front of its first fault."""
        network = self.network or self.so_far
        if network is None:
            return ()
        return tuple(
            StageReport(
                node.name, _sizes(node.output.sizes), node.costs.params, node.costs.macs, node.costs.layers
            )
            for node in network.graph.nodes
            if not isinstance(node.operation, Merge)
        )

    @cached_property
    def nodes(self) -> tuple[NodeReport, ...]:
        """Every leaf layer and merge, expanded: as long as the network, not as the text. Empty for one with
        more layers than `MOST_LISTED`."""
        return () if self.is_too_long_to_list else tuple(self._nodes())

    @property
    def is_too_long_to_list(self) -> bool:
        """Whether the network has more layers than are listed one by one."""
        return self.layers is not None and self.layers > MOST_LISTED

    def _nodes(self) -> Iterator[NodeReport]:
        if self.network is None:
            return
        steps = list(walk(self.network.graph))
        for head in self.network.heads:
            if head.keep:
                steps += walk_node(self.network.graph, head.node, "")
        for step in steps:
            operation = step.node.operation
            word = operation.layer.word if isinstance(operation, Leaf) else operation.kind  # type: ignore[union-attr]
            costs = operation.costs if isinstance(operation, Leaf) else None
            yield NodeReport(
                step.path,
                word,
                _sizes(step.node.output.sizes),
                costs.params if costs else 0,
                costs.macs if costs else 0,
            )


def _sizes(sizes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(size) for size in sizes)
