"""The tree of `netdsl show` with its figures, painted and cut to the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from netdsl.backends.diagram.pieces import Drawing
from netdsl.backends.diagram.texts import percent, share
from netdsl.backends.diagram.tree import Twig, twigs
from netdsl.diagnostics.render import PLAIN, Style
from netdsl.diagnostics.snippet import harmless, width
from netdsl.graph.figures import figure
from netdsl.graph.graph import Costs

GAP = "  "
WIDEST_TEXT = 60
"""Columns of a layer's text where nothing else bounds it."""
NARROWEST_TEXT = 12
"""Columns that it keeps on the narrowest terminal."""
HEADINGS = ("output", "parameters", "MACs", "share")


def tree_table(drawing: Drawing, style: Style = PLAIN, columns: int | None = None) -> str:
    """The tree with output, parameters, multiply-adds and their share beside each line.

    Args:
        columns: how wide it may be, where that matters; the layers' texts are cut short to fit.
    """
    lines = list(twigs(drawing))
    figures = [HEADINGS, *(_figures(line, drawing.costs) for line in lines)]
    total = ("", figure(drawing.costs.params), figure(drawing.costs.macs), "")
    figures.append(total)
    widths = [max(width(row[column]) for row in figures) for column in range(len(HEADINGS))]
    names = max(width(line.rails + line.name) for line in lines)
    texts = min(WIDEST_TEXT, max(width(harmless(line.text)) for line in lines))
    if columns is not None:
        beside = names + sum(widths) + len(GAP) * (len(widths) + 1)
        texts = max(NARROWEST_TEXT, min(texts, columns - beside))
    left = names + len(GAP) + texts
    name = style.paint(harmless(drawing.name), style.strong)
    drawn = [
        name + " " * (left - width(harmless(drawing.name))) + style.paint(_row(HEADINGS, widths), style.faint)
    ]
    for line, row in zip(lines, figures[1:], strict=False):
        text = _cut(harmless(line.text), texts)
        filled = text + " " * (texts - width(text))
        space = " " * (names - width(line.rails + line.name))
        label = line.name if line.is_inner else style.paint(line.name, style.strong)
        rest = style.paint(f"{filled}{_row(row, widths)}".rstrip(), style.faint if line.is_inner else "")
        drawn.append(f"{style.paint(line.rails, style.frame)}{label}{space}{GAP}{rest}")
    drawn.append(style.paint(f"{'total'.ljust(left)}{_row(total, widths)}".rstrip(), style.strong))
    drawn += [_shared(name, costs) for name, costs in drawing.shared]
    return "".join(f"{line.rstrip()}\n" for line in drawn)


def _figures(line: Twig, total: Costs) -> tuple[str, ...]:
    if line.costs is None:
        return str(line.output or ""), "", "", ""
    params, macs = line.costs.params, line.costs.macs
    part = share(line.costs, total)
    return (
        str(line.output),
        figure(params) if params else "",
        figure(macs) if macs else "",
        percent(part) if part else "",
    )


def _shared(name: str, costs: Costs) -> str:
    return f"{name}: {figure(costs.params)} parameters, shared by its uses"


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "".join(
        f"{GAP}{' ' * (wanted - width(cell))}{cell}" for cell, wanted in zip(cells, widths, strict=True)
    )


def _cut(text: str, columns: int) -> str:
    """The text, its tail left out where it is too wide."""
    if width(text) <= columns:
        return text
    while width(text) > columns - 1:
        text = text[:-1]
    return f"{text}…"
