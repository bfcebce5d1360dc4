"""The figures of a study as rows of text: for a terminal, for a page, for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from netdsl.diagnostics.snippet import harmless, width
from netdsl.graph.figures import figure
from netdsl.sweep.summary import Cell, Summary

NONE = "–"
"""Stands where there is no figure."""
Table = tuple[list[str], list[list[str]]]
"""The headings, and the rows below."""


def main_table(summary: Summary, cells: Sequence[Cell] | None = None) -> Table:
    """A row for each combination: what it is, what it reached, what it costs."""
    factors = list(summary.study.factors)
    has_published = any(cell.published is not None for cell in summary.cells)
    headings = [*factors, "n", f"test {summary.metric}", "change"]
    headings += ["published"] * has_published + ["parameters", "MACs", "seconds", ""]
    rows = []
    for cell in summary.cells if cells is None else cells:
        row = [cell.values[name] for name in factors]
        row += [str(len(cell.outcomes)), spread(cell), _change(summary, cell)]
        row += [NONE if cell.published is None else f"{cell.published:.4f}"] * has_published
        rows.append([*row, f"{cell.params:,}", figure(cell.macs), _seconds(cell), remark(summary, cell)])
    return headings, rows


def spread(cell: Cell) -> str:
    """The mean over the repeats, with the standard deviation where there are several."""
    if cell.mean is None:
        return NONE
    return f"{cell.mean:.4f}" + (f" ± {cell.deviation:.4f}" if cell.deviation is not None else "")


def _change(summary: Summary, cell: Cell) -> str:
    change = summary.change(cell)
    if cell is summary.baseline:
        return "baseline"
    return NONE if change is None else f"{change:+.4f}"


def _seconds(cell: Cell) -> str:
    if cell.seconds is None:
        return NONE
    return f"{cell.seconds:,.0f}" if cell.seconds >= 10 else f"{cell.seconds:.1f}"


def remark(summary: Summary, cell: Cell) -> str:
    """What has to be known of a row: the best, trials that failed or did not end."""
    said = ["best"] if cell is summary.best and len(summary.cells) > 1 else []
    if cell.failures:
        said.append(f"{len(cell.failures)} failed: {cell.failures[0].reason}")
    if cell.missing:
        said.append(f"{cell.missing} to go")
    return "; ".join(said)


def as_text(table: Table) -> str:
    """A table for a terminal: words to the left, figures to the right."""
    headings, rows = table
    lines = [[harmless(cell) for cell in line] for line in (headings, *rows)]
    widths = [max(width(line[column]) for line in lines) for column in range(len(headings))]
    right = [all(_is_figure(row[column]) for row in rows) for column in range(len(headings))]
    text = ""
    for line in lines:
        cells = []
        for cell, wide, is_right in zip(line, widths, right, strict=True):
            gap = " " * (wide - width(cell))
            cells.append(gap + cell if is_right else cell + gap)
        text += "  ".join(cells).rstrip() + "\n"
    return text


def _is_figure(cell: str) -> bool:
    return cell[:1].isdigit() or cell in (NONE, "baseline") or cell[:1] in "+-" != cell


def trials_csv(summary: Summary) -> str:
    """A line for each trial that ended, with all its figures."""
    factors = list(summary.study.factors)
    ended = [(cell, one) for cell in summary.cells for one in (*cell.outcomes, *cell.failures)]
    names = list(dict.fromkeys(name for _, one in ended for name in one.figures))
    rows = [
        [one.id, *(cell.values[name] for name in factors), one.repeat, one.seed, one.status]
        + [one.figures.get(name, "") for name in names]
        + [one.data, one.device, one.reason]
        for cell, one in ended
    ]
    headings = ["trial", *factors, "repeat", "seed", "status", *names, "data", "device", "reason"]
    return _as_csv(headings, rows)


def cells_csv(summary: Summary) -> str:
    """A line for each combination, its figures in full."""
    factors = list(summary.study.factors)
    rows = [
        [cell.values[name] for name in factors]
        + [len(cell.outcomes), len(cell.failures), cell.mean, cell.deviation]
        + [summary.change(cell), cell.published, cell.params, cell.macs, cell.seconds]
        for cell in summary.cells
    ]
    metric = summary.metric
    headings = [*factors, "finished", "failed", f"mean_test_{metric}", f"deviation_test_{metric}"]
    headings += ["change", "published", "parameters", "macs", "mean_seconds"]
    return _as_csv(headings, rows)


def _as_csv(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows(rows)
    return text.getvalue()
