"""A network as a table that a person likes to read.

Drawn here rather than with rich, whose import alone takes half the time that a whole `netdsl check` may take.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TextIO

from netdsl.analysis.outline import Outline, Row
from netdsl.diagnostics.render import PLAIN, Style
from netdsl.diagnostics.snippet import harmless, width
from netdsl.graph.figures import figure as figure
from netdsl.graph.graph import Costs, Network
from netdsl.records import record

NAMES = ("stage", "layers")
"""The headings of the first columns, which stand to the left."""
GAP = "  "
NARROWEST_LAYERS = 24
"""Columns that the layers keep on the narrowest terminal."""


@record
class Line:
    """One line of the table, a text for each heading."""

    cells: Sequence[str]
    code: str = ""
    """The escape code of the whole line."""


@record
class Column:
    """A figure of every line, to the right of its name and its layers."""

    heading: str
    of_row: Callable[[Row], str]
    total: str
    of_shared: Callable[[Costs], str] = lambda _: ""
    """What stands beside a shared module, whose layers and multiply-adds are its uses'."""


def standard_columns(network: Network) -> tuple[Column, ...]:
    """Output, parameters and multiply-adds."""
    total = network.costs
    return (
        Column("output", lambda row: str(row.output), str(network.graph.output)),
        Column("parameters", lambda row: f"{row.costs.params:,}", f"{total.params:,}", parameters_of),
        Column("MACs", lambda row: figure(row.costs.macs), figure(total.macs)),
    )


def parameters_of(costs: Costs) -> str:
    """Parameters in full."""
    return f"{costs.params:,}"


def network_table(
    network: Network,
    depth: int = 1,
    style: Style = PLAIN,
    columns: int | None = None,
    figures: Sequence[Column] | None = None,
    total: str = "total",
) -> str:
    """The table of a network: its stages opened up to `depth`, then the total, then what is only in training.

    Args:
        columns: how wide it may be, where that matters; the layers are cut short to fit.
        figures: what stands beside names and layers; the standard columns unless given.
        total: what the last line is called.
    """
    figures = standard_columns(network) if figures is None else figures
    outline = Outline()
    lines = [_line(row, figures, style) for row in outline.rows(network.graph, depth)]
    lines += [_shared(name, graph.costs, figures) for name, graph in network.shared]
    kept = [head for head in network.heads if head.keep]
    others = [head for head in network.heads if not head.keep]
    lines += [_line(outline.row(head.node, name=head.name), figures, style) for head in kept]
    totals = [column.total for column in figures]
    last = Line((total, f"{network.costs.layers:,} layers", *totals), style.strong)
    training = [_line(outline.row(head.node, 1, head.name), figures, style) for head in others]
    headings = (*NAMES, *(column.heading for column in figures))
    drawn = _draw(headings, [lines, [last], training], style, columns)
    if others:
        where = ", ".join(f"{head.name} on {head.at}" for head in others)
        drawn += f"only in training and not in the total: {where}\n"
    return drawn


def columns_of(stream: TextIO) -> int | None:
    """How many columns a terminal has; None where that is unknown, or the stream is none."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None if stream.isatty() else None
    except OSError:
        return None


def counted(layers: Mapping[str, int]) -> str:
    """How many layers of which kind, in words.

    >>> counted({"conv": 3, "relu": 1})
    '3 conv, relu'
    """
    return ", ".join(word if number == 1 else f"{number:,} {word}" for word, number in layers.items())


def _line(row: Row, figures: Sequence[Column], style: Style) -> Line:
    repeated = f"×{row.count}" if row.count > 1 else ""
    name = " ".join(part for part in (row.name, row.what, repeated) if part)
    layers = counted(row.layers) if row.layer is None or row.count > 1 else row.layer
    cells = (f"{'  ' * row.depth}{name}", layers, *(column.of_row(row) for column in figures))
    return Line(cells, style.faint if row.depth else "")


def _shared(name: str, costs: Costs, figures: Sequence[Column]) -> Line:
    """A shared module: its parameters stand here once, its layers and multiply-adds at each use."""
    return Line((name, "weights shared by its uses", *(column.of_shared(costs) for column in figures)))


def _draw(
    headings: Sequence[str], groups: Iterable[Sequence[Line]], style: Style, columns: int | None
) -> str:
    """The groups below each other, a rule between them; figures stand to the right."""
    groups = [group for group in groups if group]
    cells = [headings, *(line.cells for group in groups for line in group)]
    widths = [max(width(row[column]) for row in cells) for column in range(len(headings))]
    if columns is not None:
        surplus = sum(widths) + len(GAP) * (len(widths) - 1) - columns
        widths[1] = max(NARROWEST_LAYERS, widths[1] - max(0, surplus))
    rule = style.paint("─" * (sum(widths) + len(GAP) * (len(widths) - 1)), style.faint)
    lines = [style.paint(_aligned(headings, widths), style.faint)]
    for group in groups:
        lines.append(rule)
        lines += [style.paint(_aligned(line.cells, widths), line.code) for line in group]
    return "".join(f"{line}\n" for line in lines)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    parts = []
    for column, (cell, wanted) in enumerate(zip(cells, widths, strict=True)):
        text = _cut(harmless(cell), wanted) if column == 1 else cell
        space = " " * (wanted - width(text))
        parts.append(text + space if column < 2 else space + text)
    return GAP.join(parts).rstrip()


def _cut(text: str, columns: int) -> str:
    """The text, its tail left out where it is too wide; words stay whole."""
    if width(text) <= columns:
        return text
    return text[: columns - 1].rpartition(",")[0] + ", …"
