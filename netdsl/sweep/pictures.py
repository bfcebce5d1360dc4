"""A study's figures as pictures: each factor with every repeat, the Pareto fronts against the costs."""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from netdsl.graph.figures import figure
from netdsl.sweep.summary import Cell, Summary, front
from netdsl.sweep.values import as_number

REPEAT, MEAN, PUBLISHED, BASELINE = "tab:blue", "black", "tab:orange", "grey"
LOGARITHMIC = 10
"""From this ratio of the largest to the smallest value on, an axis is logarithmic."""
MOST_TICKS = 20
"""Values of a factor that are named below its axis, and whose means are joined: a search has more."""
MOST_LABELLED = 12
"""Points of a front that are named."""
LONGEST_LABEL = 30
"""Characters of a value below an axis."""


def draw_all(summary: Summary) -> dict[str, tuple[str, bytes]]:
    """Every picture by its file's name, with its caption and its PNG; those without a point are left out."""
    found = {}
    for factor in summary.study.factors:
        if any(cell.reached for _, cells in summary.along(factor) for cell in cells):
            caption = f"{factor}: every repeat, with the mean{_over(summary, factor)}"
            found[f"factor_{_as_file(factor)}.png"] = (caption, _png(draw_factor(summary, factor)))
    if len([cell for cell in summary.cells if cell.reached]) > 1:
        caption = (
            f"{summary.metric} against size and cost, and the Pareto fronts: nothing else is as good for less"
        )
        found["front.png"] = (caption, _png(draw_fronts(summary)))
    return found


def _over(summary: Summary, factor: str) -> str:
    """What a mean of a grid is taken over, besides the repeats."""
    others = [name for name in summary.study.factors if name != factor]
    if summary.study.searched is not None:
        return " of what a search chose"
    if summary.study.one_at_a_time or not others:
        return " and the standard deviation"
    return f" over all values of {' and '.join(others)}"


def _as_file(factor: str) -> str:
    return "".join(character if character.isalnum() else "_" for character in factor)


def _png(drawn: Figure) -> bytes:
    picture = io.BytesIO()
    drawn.savefig(picture, dpi=130, format="png", bbox_inches="tight")
    return picture.getvalue()


def draw_factor(summary: Summary, factor: str) -> Figure:
    """What is reached over a factor's values."""
    drawn = Figure(figsize=(7.5, 4))
    axes = drawn.subplots()
    groups = summary.along(factor)
    places = _places(axes, [value for value, _ in groups])
    for place, (_, cells) in zip(places, groups, strict=True):
        reached = [value for cell in cells for value in cell.reached]
        axes.plot([place] * len(reached), reached, "o", color=REPEAT, alpha=0.45, markersize=5)
    _draw_means(axes, places, groups)
    published = [
        (place, cell.published)
        for place, (_, cells) in zip(places, groups, strict=True)
        for cell in cells
        if cell.published is not None and _is_alone(summary, cell, factor)
    ]
    if published:
        axes.plot(*zip(*published, strict=True), "D", color=PUBLISHED, mfc="none", label="published")
    if summary.baseline.mean is not None:
        axes.axhline(summary.baseline.mean, color=BASELINE, linestyle="--", linewidth=1, label="baseline")
    axes.plot([], [], "o", color=REPEAT, alpha=0.45, label="a repeat")
    axes.set_xlabel(factor)
    axes.set_ylabel(f"test {summary.metric}")
    axes.set_title(summary.title, fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return drawn


def _is_alone(summary: Summary, cell: Cell, factor: str) -> bool:
    own = summary.baseline.values
    return all(value == own[name] for name, value in cell.values.items() if name != factor)


def _draw_means(axes: Axes, places: Sequence[float], groups: Sequence[tuple[str, list[Cell]]]) -> None:
    """The mean over all cells of a value; its deviation too, where the value is of one cell."""
    found = []
    for place, (_, cells) in zip(places, groups, strict=True):
        means = [cell.mean for cell in cells if cell.mean is not None]
        if means:
            alone = cells[0].deviation if len(cells) == 1 else None
            found.append((place, sum(means) / len(means), alone or 0.0))
    if found:
        where, heights, spreads = zip(*found, strict=True)
        style = "_" if _are_words(groups) or len(groups) > MOST_TICKS else "_-"
        label = "mean ± standard deviation" if any(spreads) else "mean"
        axes.errorbar(
            where, heights, spreads, fmt=style, color=MEAN, capsize=4, markersize=14, linewidth=1, label=label
        )


def _are_words(groups: Sequence[tuple[str, list[Cell]]]) -> bool:
    return any(as_number(value) is None for value, _ in groups)


def _places(axes: Axes, values: Sequence[str]) -> list[float]:
    """Where values stand: numbers by their size, words side by side."""
    numbers = [number for value in values if (number := as_number(value)) is not None]
    if len(numbers) < len(values):
        shown = [value if len(value) <= LONGEST_LABEL else f"{value[:LONGEST_LABEL]}…" for value in values]
        turned = sum(map(len, shown)) > 70
        axes.set_xticks(
            range(len(values)), shown, rotation=25 if turned else 0, ha="right" if turned else "center"
        )
        axes.set_xlim(-0.6, len(values) - 0.4)
        return [float(number) for number in range(len(values))]
    if min(numbers) > 0 and max(numbers) / min(numbers) >= LOGARITHMIC:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
    if len(values) <= MOST_TICKS:
        axes.set_xticks(numbers, values)
    return numbers


def draw_fronts(summary: Summary) -> Figure:
    """What is reached against parameters and multiply-adds."""
    drawn = Figure(figsize=(11, 4.2))
    drawn.suptitle(summary.title, fontsize=10)
    drawn.subplots_adjust(wspace=0.22)
    cells = [cell for cell in summary.cells if cell.mean is not None]
    panels = {"parameters": [cell.params for cell in cells], "MACs": [cell.macs for cell in cells]}
    for axes, (name, costs) in zip(drawn.subplots(1, 2), panels.items(), strict=True):
        _draw_front(axes, cells, costs, summary)
        axes.set_xlabel(name)
        axes.set_ylabel(f"test {summary.metric}")
    return drawn


def _draw_front(axes: Axes, cells: Sequence[Cell], costs: Sequence[int], summary: Summary) -> None:
    is_wide = min(costs) > 0 and max(costs) / min(costs) >= LOGARITHMIC
    points = [(float(cost), cell.mean or 0.0) for cost, cell in zip(costs, cells, strict=True)]
    spreads = [cell.deviation or 0.0 for cell in cells]
    where, heights = zip(*points, strict=True)
    axes.errorbar(where, heights, spreads, fmt="o", color=REPEAT, alpha=0.6, linewidth=1)
    best = sorted(front(points), key=lambda number: points[number])
    line = [points[number] for number in best]
    axes.step(
        *zip(*line, strict=True), where="post", color=PUBLISHED, label="Pareto front", marker="o", zorder=3
    )
    middle = (min(costs) * max(costs)) ** 0.5 if is_wide else (min(costs) + max(costs)) / 2
    for number in best[:MOST_LABELLED]:
        said = ", ".join(f"{n}={v}" for n, v in cells[number].values.items() if _tells(summary, n, v))
        shown = said if len(said) <= LONGEST_LABEL else f"{said[:LONGEST_LABEL]}…"
        is_left = points[number][0] <= middle  # labels stay within the axes
        place, side = ((4, 5), "left") if is_left else ((-4, 5), "right")
        axes.annotate(
            shown or "baseline", points[number], place, textcoords="offset points", fontsize=7, ha=side
        )
    if is_wide:
        axes.set_xscale("log")
    ticks = sorted(set(costs))
    if len(ticks) <= 2:
        axes.set_xticks(ticks)
    axes.xaxis.set_major_formatter(lambda cost, _: figure(round(cost)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.15, y=0.12)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def _tells(summary: Summary, name: str, value: str) -> bool:
    """Whether a value has to be named: the baseline's goes without saying where one is changed at a time."""
    return not summary.study.one_at_a_time or value != summary.baseline.values[name]
