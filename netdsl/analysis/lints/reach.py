"""Lints of how far a classifier sees."""

from __future__ import annotations

from collections.abc import Iterator

from netdsl.analysis.lints.flow import Flow, Point
from netdsl.analysis.lints.layers import warning
from netdsl.diagnostics import Diagnostic
from netdsl.graph.graph import Network
from netdsl.graph.shapes import WORDS

POOLS = ("global_avgpool", "global_maxpool")


def lint_reach(network: Network, flow: Flow) -> Iterator[Diagnostic]:
    """A classifier whose maps each see a part of the picture, and are then averaged."""
    pool = _last_pool(flow)
    if pool is None or len(network.graph.output.sizes) != 1:
        return
    before = _stage_before(network, flow, pool)
    if before is None:
        return
    from netdsl.analysis.receptive_field import receptive_fields  # most specs need not load it

    inputs = dict(zip(network.input_names, network.graph.inputs, strict=True))
    for one in receptive_fields(network):
        if one.path != before:
            continue
        for name, fields in one.by_input.items():
            short = [
                f"{field.size} of {inputs[name].size(field.axis)} along the {WORDS[field.axis]}"
                for field in fields
                if not field.is_global and field.size < inputs[name].size(field.axis)
            ]
            if short:
                yield warning(
                    "short-sighted",
                    f"what `{pool.kind}` averages sees {' and '.join(short)}",
                    pool.span,
                    "pool or stride more before it, or use more or larger windows",
                )


def _last_pool(flow: Flow) -> Point | None:
    """The last pooling over all positions that is no gate's."""
    reaches = {flow.result}
    for point in reversed(flow.points):
        if point.number in reaches:
            if point.kind in POOLS:
                return point
            if point.layer is None:
                return None  # branches meet behind the pooling: which of them counts is not for a lint to say
            reaches.update(point.inputs)
    return None


def _stage_before(network: Network, flow: Flow, pool: Point) -> str | None:
    """The stage that ends where the pooling begins, where there is one."""
    source = flow.source(pool)
    stages = [node.name for node in network.graph.nodes]
    stage = source.path.partition(".")[0] if source is not None else ""
    return stage if stage in stages and not pool.path.startswith(f"{stage}.") else None
