"""A study as a page that loads nothing: figures, pictures, what was published, how it was made."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape
from pathlib import Path

from netdsl.diagnostics import fault
from netdsl.diagnostics.snippet import harmless
from netdsl.sweep.pictures import draw_all
from netdsl.sweep.plan import spelled
from netdsl.sweep.study import RUNS
from netdsl.sweep.summary import Summary
from netdsl.sweep.tables import NONE, Table, cells_csv, main_table, spread, trials_csv
from netdsl.training.durable import write_beside

PAGE, CELLS, TRIALS = "report.html", "table.csv", "trials.csv"

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
.wide { overflow-x: auto; }
th, td { padding: 0.2rem 0.7rem; text-align: right; border-bottom: 1px solid #8884; white-space: nowrap; }
th.word, td.word { text-align: left; }
td:last-child { white-space: normal; text-align: left; }
tr.best td { font-weight: 600; }
tr.baseline td { background: #8882; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(30rem, 1fr)); gap: 1rem; }
figure { margin: 0.5rem 0; }
figure:last-child { grid-column: 1 / -1; }
figure img { max-width: 100%; background: white; }
figcaption, .note { opacity: 0.75; font-size: 14px; }
.warning { border-left: 4px solid #e80; padding-left: 0.8rem; }
code { font-size: 13px; overflow-wrap: anywhere; }
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
    title = escape(harmless(summary.title))
    figures = "".join(_figure(caption, picture) for caption, picture in pictures.values())
    figures = f'<div class="pictures">{figures}</div>'
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
style-src 'unsafe-inline'">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{title}</h1>
{_about(summary)}
{_html_table(summary, main_table(summary))}
{_published(summary)}
{figures}
{_how(summary)}
</body>
</html>
"""


def _paragraph(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{escape(harmless(text))}</p>' if kind else f"<p>{escape(harmless(text))}</p>"


def _about(summary: Summary) -> str:
    study = summary.study
    said = [_paragraph(study.about)] if study.about else []
    for used in study.data:
        said += [_paragraph(f"A fallback was used. {reason}", "warning") for reason in used.passed_over]
    best = summary.best
    if best is not None:
        values = spelled(best.values) or "the specs as they are"
        said.append(_paragraph(f"Best: {values}, test {summary.metric} {spread(best)}."))
    failed = sum(len(cell.failures) for cell in summary.cells)
    missing = sum(cell.missing for cell in summary.cells)
    if failed:
        said.append(_paragraph(f"{failed} of {len(study.trials)} trials failed.", "warning"))
    if missing:
        said.append(_paragraph(f"{missing} of {len(study.trials)} trials have not ended.", "warning"))
    how = "one factor at a time about" if study.one_at_a_time else "the full grid, compared with"
    if study.searched is not None:
        how = f"found by a search for {', '.join(study.searched.objective)}, compared with"
        said += [_paragraph(f"Left out: {reason}.", "note") for reason in study.searched.refused]
    seeds = f"{study.repeats} seed{'s' * (study.repeats != 1)} each"
    own = spelled(summary.baseline.values) or "the specs as they are"
    note = (
        f"{how[0].upper()}{how[1:]} {own}; {seeds}. Figures are those of the last epoch, on data that took "
        "no part in training; ± is the standard deviation over the seeds (n−1)."
    )
    return "\n".join([*said, _paragraph(note, "note")])


def _html_table(summary: Summary, table: Table) -> str:
    headings, rows = table
    words = [name in summary.study.factors for name in headings]
    lines = [_line("th", headings, words)]
    for cell, row in zip(summary.cells, rows, strict=True):
        kind = "baseline" if cell is summary.baseline else ""
        kind += " best" if cell is summary.best else ""
        lines.append(_line("td", row, words, kind.strip()))
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def _line(tag: str, cells: list[str], words: list[bool], kind: str = "") -> str:
    inner = "".join(
        f"<{tag}{' class=word' * is_word}>{escape(harmless(cell))}</{tag}>"
        for cell, is_word in zip(cells, words, strict=True)
    )
    return f'<tr class="{kind}">{inner}</tr>' if kind else f"<tr>{inner}</tr>"


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
    return _paragraph(" ".join(said))


def _figure(caption: str, picture: bytes) -> str:
    data = base64.b64encode(picture).decode()
    shown = escape(harmless(caption))
    image = f'<img alt="{shown}" src="data:image/png;base64,{data}">'
    return f"<figure>{image}<figcaption>{shown}</figcaption></figure>"


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
    rows = "".join(
        f"<tr><td class=word>{name}</td><td class=word><code>{escape(harmless(text))}</code></td></tr>"
        for name, text in listed.items()
    )
    runs = f"Each trial is a run of its own below {RUNS}/; table.csv and trials.csv hold the figures in full."
    return f"<h2>How</h2><table>{rows}</table>{_paragraph(runs, 'note')}"
