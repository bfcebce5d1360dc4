"""A run's figures as a picture, as pages and as data."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from netdsl.training.durable import write_beside
from netdsl.training.initial.record import recorded_source
from netdsl.training.report_page import html_report
from netdsl.training.run import CURVES, REPORT_DATA, REPORT_PAGE, REPORT_TEXT, Row, Run, is_over
from netdsl.training.tasks import NAMING_TASKS

TRAIN_COLOUR, TEST_COLOUR = "tab:blue", "tab:orange"


def write_report(run: Run, pictures: Mapping[str, Figure]) -> None:
    """Writes the curves, the task's pictures and all forms of the report into the run's folder."""
    curves = draw_curves(run)
    drawn = {name: _png(figure) for name, figure in pictures.items()}
    for name, content in {CURVES: _png(curves), **drawn}.items():
        write_beside(run.folder / name, content)
    write_beside(run.folder / REPORT_PAGE, html_report(run, curves, drawn).encode())
    write_beside(run.folder / REPORT_TEXT, page(run, tuple(pictures)).encode())
    write_beside(run.folder / REPORT_DATA, json.dumps(summary(run), indent=2).encode())


def _png(figure: Figure) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, dpi=120, format="png")
    return picture.getvalue()


def draw_curves(run: Run) -> Figure:
    """Loss and metric over the epochs, in training and on test data."""
    figure = Figure(figsize=(9, 3.6))
    figure.subplots_adjust(left=0.07, right=0.98, bottom=0.14, top=0.88, wspace=0.2)
    figure.suptitle(f"{run.facts.network} on {run.facts.data}", fontsize=11)
    epochs = [row["epoch"] for row in run.rows]
    for axes, name in zip(figure.subplots(1, 2), ("loss", run.facts.metric), strict=True):
        for part, colour in (("train", TRAIN_COLOUR), ("test", TEST_COLOUR)):
            values = [row[f"{part}_{name}"] for row in run.rows]
            axes.plot(epochs, values, marker=".", color=colour, label=f"{part} ({values[-1]:.4f})")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_ylabel(name)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def summary(run: Run) -> dict[str, object]:
    """The report as data."""
    facts = run.facts
    return {
        "network": facts.network,
        "parameters": facts.parameters,
        "macs": facts.macs,
        "data": facts.data,
        "passed_over": facts.passed_over,
        "samples": facts.samples,
        "train_samples": facts.train_samples,
        "test_samples": facts.test_samples,
        "remarks": facts.remarks,
        "epochs": len(run.rows),
        "finished": is_over(run.rows, run.recipe),
        "seconds": round(sum(row["seconds"] for row in run.rows), 2),
        "final": run.metrics,
    }


def outcome(run: Run) -> str:
    """What a run has reached, in a line."""
    facts = run.facts
    last = run.metrics[f"test_{facts.metric}"]
    seconds = sum(row["seconds"] for row in run.rows)
    epochs = f"{len(run.rows)} epoch{'s' * (len(run.rows) != 1)}"
    best = f"epoch {run.metrics['epoch']}, the best on validation data: "
    chosen = best if facts.validation_samples else ""
    return (
        f"{chosen}test {facts.metric} {last:.4f} on {facts.test_samples:,} {facts.samples} that took no part "
        f"in training, after {epochs} and {seconds:,.0f} seconds: see {run.folder / REPORT_PAGE}"
    )


def page(run: Run, pictures: Sequence[str] = ()) -> str:
    """The report as Markdown, with the pictures beside it."""
    facts, recipe, last = run.facts, run.recipe, run.metrics
    metric = facts.metric
    seconds = sum(row["seconds"] for row in run.rows)
    stopped = "" if is_over(run.rows, recipe) else f" of {recipe.epochs}; stopped before the end"
    instead = "".join(f"\n> **A fallback was used.** {reason}\n" for reason in facts.passed_over)
    instead += "".join(f"\n> {remark}\n" for remark in facts.remarks)
    steps = {
        "task": recipe.task,
        "data": facts.data,
        "prepare": " -> ".join(map(str, recipe.prepare)) or "none",
        "augment": " -> ".join(map(str, recipe.augment)) or "none",
        "batch": recipe.batch,
        "epochs": recipe.epochs,
        "optimizer": recipe.optimizer,
        "schedule": recipe.schedule,
        "loss": recipe.loss,
        "init": recorded_source(run.folder) or recipe.init or "as torch begins",
        "seed": recipe.seed,
    }
    shown = "".join(f"\n![{Path(name).stem}]({name})\n" for name in pictures)
    listed = "".join(f"| {key} | `{value}` |\n" for key, value in steps.items())
    return (
        f"# {facts.network} on {facts.data}\n{instead}\n"
        f"**Test {metric} {last[f'test_{metric}']:.4f}** after epoch {int(last['epoch'])}{stopped}, on "
        f"{facts.test_samples:,} {facts.samples} that took no part in training; {facts.train_samples:,} did. "
        f"{seconds:,.0f} seconds on {facts.device} ({facts.precision}), "
        f"{facts.parameters:,} parameters, {facts.macs:,} multiply-adds each.\n\n"
        f"![loss and {metric} over the epochs](curves.png)\n{shown}\n"
        f"| recipe | |\n|---|---|\n{listed}\n{table(run.rows, metric)}\n{final_figures(last)}"
        f"    netdsl eval {run.folder}\n"
        + (f"    netdsl predict {run.folder} IMAGE\n" if recipe.task.word in NAMING_TASKS else "")
    )


def table(rows: Sequence[Row], metric: str) -> str:
    """The figures of each epoch as a Markdown table."""
    lines = [f"| epoch | train loss | train {metric} | test loss | test {metric} |", "|--:|--:|--:|--:|--:|"]
    lines += [
        f"| {int(row['epoch'])} | {row['train_loss']:.4f} | {row[f'train_{metric}']:.4f} "
        f"| {row['test_loss']:.4f} | {row[f'test_{metric}']:.4f} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def final_figures(last: Row) -> str:
    """All figures of the last epoch as a Markdown table, where there are more than loss and metric."""
    names = [name.removeprefix("test_") for name in last if name.startswith("test_")]
    if len(names) <= 2:
        return ""
    rows = [f"| {name} | {last[f'train_{name}']:.4f} | {last[f'test_{name}']:.4f} |" for name in names]
    return "\n".join(["| at the end | train | test |", "|---|--:|--:|", *rows]) + "\n\n"
