"""Lints of what a spec declares and never uses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netdsl.analysis.lints.flow import Flow
from netdsl.analysis.lints.layers import warning
from netdsl.analysis.program import looks_channels_last
from netdsl.analysis.resolve import names_read
from netdsl.diagnostics import Diagnostic, Source
from netdsl.diagnostics.edits import write
from netdsl.graph.graph import Network
from netdsl.language import syntax


def lint_declarations(spec: syntax.Spec, own: Source, network: Network, flow: Flow) -> Iterator[Diagnostic]:
    """Parameters, blocks and stages of the spec's own text that nothing uses.

    What an extended file declares for its other users is none of this spec's business.

    Args:
        own: the spec's own text.
    """
    yield from _unused_parameters(spec, own)
    yield from _unused_blocks(spec, own)
    yield from _unused_stages(network, flow, own)
    yield from _conditional_chains(spec, own)
    yield from _channels_last(spec, own, network)


def _unused_parameters(spec: syntax.Spec, own: Source) -> Iterator[Diagnostic]:
    read = {node.name for body in _all_bodies(spec) for node in names_read(body)}
    recipe = spec.train.span.text if spec.train is not None else ""
    read |= set(re.findall(r"[A-Za-z_]\w*", recipe))
    for setting in spec.parameters:
        if setting.name not in read and setting.span.source is own:
            message = f"nothing reads the parameter `{setting.name}`"
            yield warning("unused-parameter", message, setting.span, "take it out, or use it")


def _all_bodies(spec: syntax.Spec) -> Iterator[syntax.Body]:
    yield spec.net
    for setting in spec.parameters:
        yield setting.value
    for _, listing in spec.inputs:
        yield listing
    for head in spec.heads:
        yield head.body
    for block in (*spec.blocks, *spec.shared):
        yield from _bodies_of(block)


def _bodies_of(block: syntax.Block) -> Iterator[syntax.Body]:
    yield block.body
    for parameter in block.parameters:
        if parameter.default is not None:
            yield parameter.default


def _unused_blocks(spec: syntax.Spec, own: Source) -> Iterator[Diagnostic]:
    """Blocks and shared modules that cannot be reached from the net, its heads and parameters."""
    declared = {block.name: block for block in (*spec.blocks, *spec.shared)}
    waiting = [spec.net, *(head.body for head in spec.heads), *(one.value for one in spec.parameters)]
    reached: set[str] = set()
    while waiting:
        for node in names_read(waiting.pop()):
            if node.name in declared and node.name not in reached:
                reached.add(node.name)
                waiting += _bodies_of(declared[node.name])
    for name, block in declared.items():
        if name not in reached and block.span.source is own:
            message = f"nothing uses the block `{name}`"
            yield warning("unused-block", message, block.span, "take it out, or use it")


def _unused_stages(network: Network, flow: Flow, own: Source) -> Iterator[Diagnostic]:
    """Stages of the net of which nothing that they compute reaches an output."""
    needed = {flow.result, *flow.head_results}
    for point in reversed(flow.points):
        if point.number in needed:
            needed.update(point.inputs)
    reaching = {point.path.partition(".")[0] for point in flow.points if point.number in needed}
    computing = {point.path.partition(".")[0] for point in flow.points}
    for node in network.graph.nodes:
        if node.name in computing - reaching and node.span.source is own:
            message = f"what the stage `{node.name}` gives goes nowhere"
            help = f"recall it with `from({node.name})`, or take it out"
            yield warning("unused-stage", message, node.span, help)


def _conditional_chains(spec: syntax.Spec, own: Source) -> Iterator[Diagnostic]:
    """`a if c else b -> d`, which a reader may take for `a if c else (b -> d)`."""
    for body in _all_bodies(spec):
        for chain in _chains(body):
            first = chain.steps[0]
            if isinstance(first, syntax.Conditional) and first.span.source is own and _is_bare(first):
                yield warning(
                    "conditional-chain",
                    "what stands behind `->` follows both branches of the condition",
                    first.span,
                    "put parentheses: `(a if c else b) -> d`, or `a if c else (b -> d)`",
                )


def _channels_last(spec: syntax.Spec, own: Source, network: Network) -> Iterator[Diagnostic]:
    """Pictures whose channels were written last, as files and Keras have them."""
    for (name, listing), shape in zip(spec.inputs, network.graph.inputs, strict=True):
        if listing.span.source is own and looks_channels_last(shape):
            rest, last = listing.items[:-1], listing.items[-1]
            meant = ", ".join(item.span.text for item in (last, *rest))
            yield warning(
                "channels-last",
                f"`{name}` looks like height, width and channels",
                listing.span,
                f"a shape begins with the channels: write `[{meant}]`",
                fix=write(listing.span, f"[{meant}]"),
            )


def _chains(value: object) -> Iterator[syntax.Chain]:
    if isinstance(value, syntax.Chain):
        yield value
    if isinstance(value, syntax.Node):
        for field in value.__match_args__:
            yield from _chains(getattr(value, field))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _chains(item)


def _is_bare(node: syntax.Conditional) -> bool:
    """Whether a conditional stands without parentheses of its own."""
    span = node.span
    before = span.source.text[: span.start].rstrip()
    return not (span.text.startswith("(") or before.endswith("("))
