"""A run as a page that loads nothing: curves, the task's pictures, the recipe, where and how it was made."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from netdsl.training.run import SPEC, Row, Run, is_over, recipe_lines
from netdsl.training.web_page import (
    document,
    drawing,
    folded,
    line,
    listing,
    paragraph,
    picture,
    table,
    text,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARTS = ("train", "validation", "test")
STYLE = """
.figures { display: flex; flex-wrap: wrap; gap: 0.4rem 2.2rem; margin: 0.6rem 0 1rem; }
.figures div { font-size: 13px; opacity: 0.85; }
.figures b { display: block; font-size: 1.45rem; opacity: 1; }
.curves svg { width: 100%; }
"""
CAPTIONS: Mapping[str, str] = {
    "confusion.png": "classes that are, by rows, and classes that were seen, by columns, of the test data",
    "mistakes.png": "the surest of the mistakes on the test data",
    "roc.png": "sensitivity over false alarms, for every threshold",
    "precision_recall.png": "precision over recall, of pictures found by texts and of texts by pictures",
    "before_after.png": "test patches as they are, as they were given, and restored",
    "map.png": "the classes that are known, and those seen in tests",
}


def html_report(run: Run, curves: Figure, pictures: Mapping[str, bytes]) -> str:
    """The page.

    Args:
        run: a run with at least one epoch.
        curves: loss and metric over the epochs.
        pictures: PNGs of the task by their files' names.
    """
    facts = run.facts
    shown = "".join(
        picture(CAPTIONS.get(name, Path(name).stem.replace("_", " ")), png) for name, png in pictures.items()
    )
    body = [
        *_remarks(run),
        _figures(run),
        f'<div class="curves">{drawing(f"loss and {facts.metric} over the epochs", curves)}</div>',
        f'<div class="pictures">{shown}</div>' if shown else "",
        "<h2>Figures</h2>",
        _last_figures(run.metrics),
        folded("Epoch by epoch", _epochs(run.rows)),
        "<h2>Recipe</h2>",
        listing(recipe_lines(run)),
        "<h2>Where and how</h2>",
        listing(_environment(run)),
        "<h2>Command</h2>",
        f"<pre>{text(command(run))}</pre>",
        *_spec(run),
    ]
    return document(f"{facts.network} on {facts.data}", "\n".join(body), STYLE)


def _remarks(run: Run) -> Iterator[str]:
    for reason in run.facts.passed_over:
        yield paragraph(f"A fallback was used. {reason}", "warning")
    for remark in run.facts.remarks:
        yield paragraph(remark, "warning")
    if not is_over(run.rows, run.recipe):
        yield paragraph(f"Stopped after epoch {len(run.rows)} of {run.recipe.epochs}.", "warning")


def _figures(run: Run) -> str:
    """What a reader looks for first."""
    facts = run.facts
    seconds = sum(row["seconds"] for row in run.rows)
    figures = {
        f"test {facts.metric}": f"{run.metrics[f'test_{facts.metric}']:.4f}",
        f"of {run.recipe.epochs} epoch{'s' * (run.recipe.epochs != 1)}": f"{int(run.metrics['epoch'])}",
        "parameters": f"{facts.parameters:,}",
        "MACs": f"{facts.macs:,}",
        f"{facts.samples} to train on": f"{facts.train_samples:,}",
        f"{facts.samples} to test on": f"{facts.test_samples:,}",
        "seconds": f"{seconds:,.0f}",
    }
    inner = "".join(f"<div><b>{text(value)}</b>{text(name)}</div>" for name, value in figures.items())
    return f'<div class="figures">{inner}</div>'


def _last_figures(last: Row) -> str:
    names = [name.removeprefix("test_") for name in last if name.startswith("test_")]
    parts = [part for part in PARTS if any(name.startswith(f"{part}_") for name in last)]
    words = [True, *(False for _ in parts)]
    lines = [line("th", ["", *parts], words)]
    for name in names:
        values = [last.get(f"{part}_{name}") for part in parts]
        lines.append(line("td", [name, *("" if v is None else f"{v:.4f}" for v in values)], words))
    return table(lines)


def _epochs(rows: tuple[Row, ...]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [line("th", [name.replace("_", " ") for name in names], [False] * len(names))]
    for row in rows:
        cells = [f"{row[name]:.6g}" if name in row else "" for name in names]
        lines.append(line("td", cells, [False] * len(names)))
    return table(lines)


def _environment(run: Run) -> list[tuple[str, object]]:
    facts = run.facts
    settings = ", ".join(f"{name}={value}" for name, value in facts.settings.items())
    return [
        ("folder", run.folder),
        ("settings of the spec", settings or "none"),
        ("begun", facts.started),
        ("device", f"{facts.device} ({facts.precision})"),
        ("data's fingerprint", facts.fingerprint),
        *facts.versions.items(),
    ]


def command(run: Run) -> str:
    """The command line of a run, as it can be typed again."""
    program, *words = run.facts.command or ("",)
    name = "netdsl" if Path(program).stem in ("netdsl", "__main__") else program
    return shlex.join([name, *words])


def _spec(run: Run) -> Iterator[str]:
    path = run.folder / SPEC
    if path.is_file():
        yield folded("The network as text", f"<pre>{text_block(path.read_text('utf-8'))}</pre>")


def text_block(content: str) -> str:
    """Several lines as HTML shows them."""
    return "\n".join(text(one) for one in content.splitlines())
