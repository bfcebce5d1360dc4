"""A difference as a table that a person likes to read: what changed where, and what that costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from netdsl.analysis.difference.compare import Change, Consequence, Difference
from netdsl.analysis.difference.folding import Because, Line, fold, where
from netdsl.analysis.difference.wording import counted
from netdsl.diagnostics.render import PLAIN, Style
from netdsl.diagnostics.snippet import harmless, width
from netdsl.graph.graph import Costs, LayerArgument
from netdsl.layers.layer import spell
from netdsl.records import record

GAP = "  "
NARROWEST_CHANGES = 24
"""Columns that the changes keep on the narrowest terminal."""
FREE = ("input", "renamed", "source", "order", "head", "merge")
"""What costs nothing itself and has no figures."""
GONE = ("removed", "branch removed", "unwrapped")
"""What has the place that it had."""
AROUND = {"wrapped": "+", "branch added": "+", "unwrapped": "−", "branch removed": "−"}
SMALL = 0.05
"""Per cent of which one digit behind the point would show nothing."""
MOST_PLACES = 2
"""Layers that are named; more are counted."""
FEW_FOLD = 2
"""From here on, how many times as much is told; below, how many per cent more."""


class Names(NamedTuple):
    """What the two networks are called."""

    before: str
    after: str


@record
class Row:
    """One line of the table."""

    place: str
    text: str
    costs: Costs | None
    """None where there is nothing to count."""
    code: str = ""
    """The escape code of the whole line."""


def difference_table(
    difference: Difference,
    names: Names,
    summary: bool = False,
    style: Style = PLAIN,
    columns: int | None = None,
) -> str:
    """Both networks' figures, then the changes with theirs, which add up to the difference.

    Args:
        summary: a row for each stage in the place of the changes.
        columns: how wide it may be, where that matters; the changes are cut short to fit.
    """
    title = style.paint(harmless(f"{names.before} → {names.after}"), style.strong)
    if not difference.changes:
        return f"{title}: the same network\n"
    lines, becauses = fold(difference)
    rows = stage_rows(difference) if summary else change_rows(lines, becauses, style)
    main = [row for training, row in rows if not training]
    beside = [row for training, row in rows if training]
    total = Row("total", "", Costs(0, difference.params, difference.macs), style.strong)
    table = _draw([main, [total], beside], style, columns)
    note = "only in training and not in the total: the heads\n" if beside else ""
    return f"{title}\n{_figures(difference)}\n{table}{note}"


def signed(number: int) -> str:
    """A difference: `+1,024`, `−10`, `0`."""
    return "0" if number == 0 else f"{number:+,}".replace("-", "−")


def grown(before: int, after: int) -> str:
    """How much more that is: `+9.9 %`, `×12.5`."""
    if not before or before == after:
        return ""
    ratio = after / before
    if not 1 / FEW_FOLD < ratio < FEW_FOLD:
        return f"×{ratio:,.0f}" if ratio >= 10 else f"×{ratio:.3g}"
    percent = 100 * (ratio - 1)
    return (
        f"{percent:+.1f} %".replace("-", "−")
        if abs(percent) >= SMALL
        else f"{percent:+.1g} %".replace("-", "−")
    )


def change_rows(lines: Sequence[Line], becauses: Sequence[Because], style: Style) -> list[tuple[bool, Row]]:
    """A row for each change, below it what follows from it; whether it is only in training."""
    rows: list[tuple[bool, Row]] = []
    names: list[tuple[bool, Row]] = []
    for number, line in enumerate(lines):
        costs = None if line.kind in FREE else Costs(0, line.params, line.macs)
        row = line.training, Row(where(line.places), line.text, costs)
        (names if line.kind == "renamed" else rows).append(row)
        rows += [_because(b, "because of it", style) for b in becauses if b.line == number]
    several = "because of several of these"
    return rows + [_because(b, several, style) for b in becauses if b.line is None] + names


def _because(because: Because, why: str, style: Style) -> tuple[bool, Row]:
    places = because.places
    what = where(places) if len(places) <= MOST_PLACES else f"{len(places)} layers"
    return because.training, Row("", f"{why}: {what}", Costs(0, because.params, because.macs), style.faint)


def stage_rows(difference: Difference) -> list[tuple[bool, Row]]:
    """A row for each stage: what kinds of layers came, went and changed in it."""
    changes = difference.changes
    renamed = {old: new for change in changes if change.kind == "renamed" for _, old, new in change.values}
    stages: dict[tuple[bool, str], list[Change]] = {}
    costs: dict[tuple[bool, str], Costs] = {}
    priced: list[Change | Consequence] = [change for change in changes if change.kind != "renamed"]
    for item in [*priced, *difference.consequences]:
        stage = item.place.partition(".")[0]
        is_old = isinstance(item, Change) and item.kind in GONE
        key = item.training, renamed.get(stage, stage) if is_old else stage
        stages.setdefault(key, []).extend([item] if isinstance(item, Change) else [])
        costs[key] = costs.get(key, Costs()) + Costs(0, item.params, item.macs)
    old_names = {new: old for old, new in renamed.items()}
    rows: list[tuple[bool, Row]] = []
    for (training, stage), found in stages.items():
        name = f"{stage} (was {old_names[stage]})" if stage in old_names else stage
        text = "; ".join(_tallied(found)) or "as it was, on other shapes"
        is_free = bool(found) and all(change.kind == "input" for change in found)
        rows.append((training, Row(name, text, None if is_free else costs[training, stage])))
    return rows


def _tallied(changes: Iterable[Change]) -> Iterator[str]:
    """What came, what went and what changed."""
    gone: Counter[str] = Counter()
    come: Counter[str] = Counter()
    changed: Counter[str] = Counter()
    told = []
    for change in changes:
        if change.kind in ("arguments", "moved"):
            changed.update(counted(change.after))
        elif change.kind == "order":
            told.append("branches in another order")
        elif change.kind in AROUND and not (change.before or change.after):
            told.append(f"{AROUND[change.kind]} shortcut")
        else:
            gone.update(counted(change.before, merges=True))
            come.update(counted(change.after, merges=True))
        if change.kind == "input":
            told += [f"{old or 'none'} → {new or 'none'}" for _, old, new in change.values]
        if change.kind in ("merge", "head", "source"):
            told += [f"{name} {old} → {new}" for name, old, new in change.values]
    if gone:
        yield f"− {_listed(gone)}"
    if come:
        yield f"+ {_listed(come)}"
    if changed:
        yield f"{_listed(changed)} changed"
    yield from dict.fromkeys(told)


def _listed(words: Counter[str]) -> str:
    return ", ".join(word if number == 1 else f"{number} {word}" for word, number in words.items())


def _figures(difference: Difference) -> str:
    """Parameters and multiply-adds of both, below the spec's own parameters that differ."""
    before, after = difference.before.costs, difference.after.costs
    figures = [("parameters", before.params, after.params), ("MACs", before.macs, after.macs)]
    rows = [
        (word, f"  {old:,}", f"{new:,}", f"  {signed(new - old)}", f"  {grown(old, new)}")
        for word, old, new in figures
    ]
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for word, *cells, more in rows:
        old, new, much = (f"{cell:>{widths[column]}}" for column, cell in enumerate(cells, 1))
        lines.append(f"{word:<{widths[0]}}{old} → {new}{much}{more}".rstrip())
    now = dict(difference.after.parameters)
    params = [
        f"{name} {_value(old)} → {_value(now[name])}"
        for name, old in difference.before.parameters
        if name in now and _value(old) != _value(now[name])
    ]
    told = [f"{'params':<{widths[0]}}  {harmless(', '.join(params))}"] if params else []
    return "".join(f"{line}\n" for line in [*told, *lines])


def _value(value: Any) -> str:
    return value.text if isinstance(value, LayerArgument) else spell(value)


def _draw(groups: Sequence[Sequence[Row]], style: Style, columns: int | None) -> str:
    """The groups below each other, a rule between them."""
    groups = [group for group in groups if group]
    cells = [("where", "what", "parameters", "MACs"), *(_cells(row) for group in groups for row in group)]
    widths = [max(width(row[column]) for row in cells) for column in range(4)]
    if columns is not None:
        surplus = sum(widths) + 3 * len(GAP) - columns
        widths[1] = max(NARROWEST_CHANGES, widths[1] - max(0, surplus))
    rule = style.paint("─" * (sum(widths) + 3 * len(GAP)), style.faint)
    drawn = [style.paint(_aligned(cells[0], widths), style.faint)]
    for group in groups:
        drawn += [rule, *(style.paint(_aligned(_cells(row), widths), row.code) for row in group)]
    return "".join(f"{line}\n" for line in drawn)


def _cells(row: Row) -> tuple[str, str, str, str]:
    figures = ("", "") if row.costs is None else (signed(row.costs.params), signed(row.costs.macs))
    return harmless(row.place), harmless(row.text), *figures


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    text = cells[1] if width(cells[1]) <= widths[1] else f"{cells[1][: widths[1] - 1]}…"
    parts = [cells[0] + " " * (widths[0] - width(cells[0])), text + " " * (widths[1] - width(text))]
    parts += [" " * (widths[n] - width(cells[n])) + cells[n] for n in (2, 3)]
    return GAP.join(parts).rstrip()
