"""What stands in a box: the layer or block as one would write it, and of which family it is."""

from __future__ import annotations

from typing import Any

from netdsl.diagnostics import Span
from netdsl.graph.graph import (
    Graph,
    Group,
    LayerArgument,
    Leaf,
    Node,
    Series,
    SharedUse,
    Use,
)
from netdsl.layers.layer import Layer, spell

OWN = "own"
"""The family of layers that come with a plugin."""


def family_of(node: Node) -> str:
    """`convolution`, `pooling` and the like for a layer, what kind of scope it is for all else."""
    match node.operation:
        case Leaf(layer=layer):
            module = type(layer).__module__
            return module.rpartition(".")[2] if module.startswith(f"{_LAYERS}.") else OWN
        case Group(is_stage=True):
            return "stage"
        case Series():
            return "series"
        case _:
            return "block"


_LAYERS = Layer.__module__.rpartition(".")[0]


def text_of(node: Node) -> str:
    """A layer with its arguments, a block with what they are bound to, else the text of the spec."""
    match node.operation:
        case Leaf(layer=layer):
            return repr(layer)
        case Use(block=block, arguments=arguments):
            return _called(block, arguments)
        case SharedUse(name=name):
            return f"{name}, shared"
        case Group(graph=graph):
            return _joined_text(written(graph))
        case _:
            return _joined_text(node.span)


def span_of(node: Node) -> Span:
    """The text that made a node; of a stage its name and all that is written in it."""
    if isinstance(node.operation, Group):
        inside = written(node.operation.graph)
        if inside is not None and inside.source is node.span.source and inside.start >= node.span.start:
            return node.span.to(inside)
    return node.span


def _called(block: str, arguments: tuple[tuple[str, Any], ...]) -> str:
    values = ", ".join(
        f"{name}={value.text if isinstance(value, LayerArgument) else spell(value)}"
        for name, value in arguments
    )
    return f"{block}({values})" if values else block


def written(graph: Graph) -> Span | None:
    """From the first to the last character that made a graph's nodes, where they stand in one text."""
    spans = [node.span for node in graph.nodes]
    if not spans or any(span.source is not spans[0].source for span in spans):
        return None
    start = min(span.start for span in spans)
    return _balanced(Span(spans[0].source, start, max(span.end for span in spans)))


def _balanced(span: Span) -> Span:
    """The text with the parentheses around its first or last operand, which no node's own text holds."""
    text, start, end = span.source.text, span.start, span.end
    missing = text.count(")", start, end) - text.count("(", start, end)
    for _ in range(missing):
        start = max(0, text.rfind("(", 0, start))
    for _ in range(-missing):
        end = text.find(")", end) + 1 or end
    return Span(span.source, start, end)


def _joined_text(span: Span | None) -> str:
    return "" if span is None else " ".join(span.text.split())
