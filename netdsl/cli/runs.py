"""List runs, or compare them: what they differ in, and their curves over each other.

netdsl runs                          the runs below runs/
netdsl runs study/                   those of a study, or of any other folder
netdsl runs runs/a runs/b            compared
netdsl runs runs/a runs/b -o ab.png  with their curves
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from netdsl.cli.arguments import Parser, one_of
from netdsl.diagnostics import fault

if TYPE_CHECKING:
    from netdsl.training.run_list import Listed

PICTURES = (".png", ".svg", ".pdf")


def configure(parser: Parser) -> None:
    """The verb's options."""
    parser.add_argument(
        "folders", nargs="*", metavar="RUN|DIR", help="runs, or folders that hold runs; `runs` unless given"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="a picture of the curves: .png, .svg or .pdf")
    parser.add_argument(
        "--format",
        type=one_of("table", "json"),
        default="table",
        metavar="FORMAT",
        help="table (for people) or json (one object)",
    )


def run(options: argparse.Namespace) -> int:
    """Prints the list, or the comparison where several runs are named."""
    if options.output is not None and Path(options.output).suffix not in PICTURES:
        message = f"`{options.output}` does not say which kind of picture it is to be"
        raise fault("option-value", message, help=f"let its name end in {', '.join(PICTURES)}")

    from netdsl.training import run_list  # what is loaded is so only once the command line is right
    from netdsl.training.run import RUNS

    folders = [Path(folder) for folder in options.folders or [RUNS]]
    found = run_list.find_runs(folders)
    compared = len(found.runs) > 1 and all(map(run_list.is_run, folders))
    runs = found.runs
    if not compared:  # the latest first
        runs = tuple(sorted(runs, key=lambda one: one.run.facts.started, reverse=True))
    if options.output is not None:
        _draw(runs, options.output)
    if options.format == "json":
        import json

        data: dict[str, object] = {"runs": [one.as_data() for one in runs], "damaged": found.damaged}
        if compared:
            data |= {"differences": run_list.differences(runs), "figures": run_list.figures(runs)}
        print(json.dumps(data, ensure_ascii=False))
        return 0
    lines = _comparison(runs) if compared else _list(runs)
    print("\n".join(lines))
    for one in runs:
        if one.state.reason is not None:
            print(f"{one.name} failed: {one.state.reason}")
    for reason in found.damaged:
        print(f"passed over: {reason}")
    return 0


def _draw(runs: Sequence[Listed], output: str) -> None:
    from netdsl.training.run_list import draw_runs

    try:
        draw_runs(runs).savefig(output, dpi=130)
    except OSError as error:
        message = f"`{output}` cannot be written: {(error.strerror or str(error)).lower()}"
        help = "name a file in a folder that exists and is yours"
        raise fault("unwritable-file", message, help=help) from None


def _list(runs: Sequence[Listed]) -> Iterator[str]:
    """A line for each run."""
    from netdsl.sweep.tables import as_text
    from netdsl.training.progress import duration

    now = datetime.now().astimezone()
    rows = [
        [
            one.name,
            one.run.facts.network,
            one.run.facts.data,
            one.state.word,
            f"{len(one.run.rows)}/{one.run.recipe.epochs}",
            one.metric,
            _shown(one.last),
            _shown(one.best),
            f"{one.run.facts.parameters:,}",
            duration((now - datetime.fromisoformat(one.run.facts.started)).total_seconds()),
        ]
        for one in runs
    ]
    headings = ["run", "network", "data", "state", "epochs", "metric", "last", "best", "parameters", "age"]
    yield as_text((headings, rows)).rstrip("\n")


def _comparison(runs: Sequence[Listed]) -> Iterator[str]:
    """What runs differ in, then their figures, a column for each."""
    from netdsl.sweep.tables import as_text
    from netdsl.training.run_list import differences, figures

    names = [one.name for one in runs]
    for title, values in differences(runs).items():
        if values:
            rows = [[name, *each] for name, each in values.items()]
            yield as_text(([title, *names], rows))
        else:
            yield f"{title}: the same\n"
    rows = [[name, *map(_shown, each)] for name, each in figures(runs).items()]
    yield as_text((["figures", *names], rows)).rstrip("\n")


def _shown(figure: float | None) -> str:
    if figure is None:
        return "–"
    return f"{figure:,}" if isinstance(figure, int) else f"{figure:,.4f}"
