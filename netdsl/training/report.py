"""A run's figures as a picture, as a page and as data."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

from matplotlib.figure import Figure

from netdsl.training.checkpoint import write_beside
from netdsl.training.initial.record import recorded_source
from netdsl.training.run_folder import CURVES, REPORT_DATA, REPORT_TEXT, Row, Run

TRAIN_COLOUR, TEST_COLOUR = "tab:blue", "tab:orange"


def write_report(run: Run, metric: str) -> None:
    """Writes the curves and both forms of the report into the run's folder."""
    picture = io.BytesIO()
    draw_curves(run, metric).savefig(picture, dpi=120, format="png")
    write_beside(run.folder / CURVES, picture.getvalue())
    write_beside(run.folder / REPORT_TEXT, page(run, metric).encode())
    write_beside(run.folder / REPORT_DATA, json.dumps(summary(run), indent=2).encode())


def draw_curves(run: Run, metric: str) -> Figure:
    """Loss and metric over the epochs, in training and on test data."""
    figure = Figure(figsize=(9, 3.6))
    figure.subplots_adjust(left=0.07, right=0.98, bottom=0.14, top=0.88, wspace=0.2)
    figure.suptitle(f"{run.facts.network} on {run.facts.data}", fontsize=11)
    epochs = [row["epoch"] for row in run.rows]
    for axes, name in zip(figure.subplots(1, 2), ("loss", metric), strict=True):
        for part, colour in (("train", TRAIN_COLOUR), ("test", TEST_COLOUR)):
            values = [row[f"{part}_{name}"] for row in run.rows]
            axes.plot(epochs, values, marker=".", color=colour, label=f"{part} ({values[-1]:.4f})")
        axes.set_xlabel("epoch")
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
        "train_images": facts.train_images,
        "test_images": facts.test_images,
        "epochs": len(run.rows),
        "finished": len(run.rows) >= run.recipe.epochs,
        "seconds": round(sum(row["seconds"] for row in run.rows), 2),
        "final": run.metrics,
    }


def outcome(run: Run, metric: str) -> str:
    """What a run has reached, in a line."""
    last, images = run.metrics[f"test_{metric}"], run.facts.test_images
    seconds = sum(row["seconds"] for row in run.rows)
    epochs = f"{len(run.rows)} epoch{'s' * (len(run.rows) != 1)}"
    return (
        f"test {metric} {last:.4f} on {images:,} images that took no part in training, "
        f"after {epochs} and {seconds:,.0f} seconds: see {run.folder / REPORT_TEXT}"
    )


def page(run: Run, metric: str) -> str:
    """The report as Markdown."""
    facts, recipe, last = run.facts, run.recipe, run.metrics
    seconds = sum(row["seconds"] for row in run.rows)
    stopped = "" if len(run.rows) >= recipe.epochs else f" of {recipe.epochs}; stopped before the end"
    instead = "".join(f"\n> **A fallback was used.** {reason}\n" for reason in facts.passed_over)
    steps = {
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
    listed = "".join(f"| {key} | `{value}` |\n" for key, value in steps.items())
    return (
        f"# {facts.network} on {facts.data}\n{instead}\n"
        f"**Test {metric} {last[f'test_{metric}']:.4f}** after epoch {len(run.rows)}{stopped}, on "
        f"{facts.test_images:,} images that took no part in training; {facts.train_images:,} did. "
        f"{seconds:,.0f} seconds on {facts.device} ({facts.precision}), "
        f"{facts.parameters:,} parameters, {facts.macs:,} multiply-adds per image.\n\n"
        f"![loss and {metric} over the epochs](curves.png)\n\n"
        f"| recipe | |\n|---|---|\n{listed}\n{table(run.rows, metric)}\n"
        f"    netdsl eval {run.folder}\n    netdsl predict {run.folder} IMAGE\n"
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
