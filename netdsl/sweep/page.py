"""A study as a page that loads nothing: figures, pictures, what was published, how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from netdsl.diagnostics import fault
from netdsl.sweep.pictures import draw_all
from netdsl.sweep.plan import spelled
from netdsl.sweep.study import RUNS
from netdsl.sweep.summary import Summary
from netdsl.sweep.tables import NONE, Table, cells_csv, main_table, spread, trials_csv
from netdsl.training.durable import write_beside
from netdsl.training.web_page import document, line, listing, paragraph, picture, table

PAGE, CELLS, TRIALS = "report.html", "table.csv", "trials.csv"

STYLE = """
tr.best td { font-weight: 600; }
tr.baseline td { background: #8882; }
figure:last-child { grid-column: 1 / -1; }
"""


def write_report(folder: Path, summary: Summary) -> Path:
    """Writes the page, the pictures and both tables into the study's folder.

    Returns:
        The page.

    Raises:
        Faults: they cannot be written; exit code 2.
    """
    pictures = draw_all(summary)
    contents = {name: picture for name, (_, picture) in pictures.items()}
    contents |= {CELLS: cells_csv(summary).encode(), TRIALS: trials_csv(summary).encode()}
    contents[PAGE] = page(summary, pictures).encode()
    try:
        for name, content in contents.items():
            write_beside(folder / name, content)
    except OSError as error:
        message = f"the report in `{folder}` cannot be written: {error.strerror or error}"
        raise fault("run-folder-unwritable", message, help="make room, or make the folder yours") from None
    return folder / PAGE


def page(summary: Summary, pictures: Mapping[str, tuple[str, bytes]]) -> str:
    """The study as an HTML document."""
    figures = "".join(picture(caption, png) for caption, png in pictures.values())
    parts = [
        _about(summary),
        _html_table(summary, main_table(summary)),
        _published(summary),
        f'<div class="pictures">{figures}</div>',
        _how(summary),
    ]
    return document(summary.title, "\n".join(parts), STYLE)


def _about(summary: Summary) -> str:
    study = summary.study
    said = [paragraph(study.about)] if study.about else []
    for used in study.data:
        said += [paragraph(f"A fallback was used. {reason}", "warning") for reason in used.passed_over]
    best = summary.best
    if best is not None:
        values = spelled(best.values) or "the specs as they are"
        said.append(paragraph(f"Best: {values}, test {summary.metric} {spread(best)}."))
    failed = sum(len(cell.failures) for cell in summary.cells)
    missing = sum(cell.missing for cell in summary.cells)
    if failed:
        said.append(paragraph(f"{failed} of {len(study.trials)} trials failed.", "warning"))
    if missing:
        said.append(paragraph(f"{missing} of {len(study.trials)} trials have not ended.", "warning"))
    how = "one factor at a time about" if study.one_at_a_time else "the full grid, compared with"
    if study.searched is not None:
        how = f"found by a search for {', '.join(study.searched.objective)}, compared with"
        said += [paragraph(f"Left out: {reason}.", "note") for reason in study.searched.refused]
    seeds = f"{study.repeats} seed{'s' * (study.repeats != 1)} each"
    own = spelled(summary.baseline.values) or "the specs as they are"
    note = (
        f"{how[0].upper()}{how[1:]} {own}; {seeds}. Figures are those of the last epoch, on data that took "
        "no part in training; ± is the standard deviation over the seeds (n−1)."
    )
    return "\n".join([*said, paragraph(note, "note")])


def _html_table(summary: Summary, figures: Table) -> str:
    headings, rows = figures
    words = [name in summary.study.factors for name in headings]
    lines = [line("th", headings, words)]
    for cell, row in zip(summary.cells, rows, strict=True):
        kind = "baseline" if cell is summary.baseline else ""
        kind += " best" if cell is summary.best else ""
        lines.append(line("td", row, words, kind.strip()))
    return table(lines)


def _published(summary: Summary) -> str:
    """What was published beside what was measured, and whether it speaks of the same data."""
    published = summary.study.published
    if published is None:
        return ""
    best = summary.best
    said = [f"Published: {published.cite}."]
    if published.best is not None:
        measured = NONE if best is None else spread(best)
        said.append(f"Its best is {published.best:.4f}; the best here is {measured}.")
    if any(used.passed_over for used in summary.study.data):
        said.append("The figures here are of other data: only what changes them can be compared.")
    return paragraph(" ".join(said))


def _how(summary: Summary) -> str:
    study = summary.study
    devices = dict.fromkeys(one.device for cell in summary.cells for one in cell.outcomes)
    searched = study.searched
    chosen = [] if searched is None else [f"{name}={text}" for name, text in searched.space.items()]
    listed = {
        "specs": ", ".join(study.specs),
        **({"chosen from": "; ".join(chosen)} if chosen else {}),
        "fixed": spelled({name: value for name, value in study.fixed.items() if name != "spec"}) or "nothing",
        "optimizers": "; ".join(dict.fromkeys(row.optimizer for row in study.combinations)),
        "data": ", ".join(f"{used.used} (of {', '.join(used.names)})" for used in study.data),
        "devices": ", ".join(devices) or "none yet",
        "netdsl": study.netdsl,
    }
    runs = f"Each trial is a run of its own below {RUNS}/; table.csv and trials.csv hold the figures in full."
    return f"<h2>How</h2>{listing(listed.items())}{paragraph(runs, 'note')}"
