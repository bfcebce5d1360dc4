"""Check specs without building anything: shapes, parameters, multiply-adds and claims.

Exit code 0 where all specs are right, 1 where one is wrong, 2 where one cannot be found.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from netdsl import compiler
from netdsl.analysis.claims import ClaimResult
from netdsl.analysis.report import Report
from netdsl.cli.arguments import Parser, add_settings, one_of, settings, whole_number
from netdsl.cli.table import network_table
from netdsl.diagnostics import Diagnostic, Faults
from netdsl.diagnostics.render import Style, render_all, style_for
from netdsl.diagnostics.snippet import harmless

FORMATS = ("table", "json", "github", "sarif")
MARKS = {"holds": "✓", "fails": "✗", "wrong in print": "✓"}


class Outcome(NamedTuple):
    """What became of one spec of the command line."""

    spec: str
    report: Report | None
    """None where there was nothing to check."""
    diagnostics: tuple[Diagnostic, ...]
    exit_code: int


def configure(parser: Parser) -> None:
    """The verb's options."""
    parser.add_argument("specs", nargs="+", metavar="SPEC", help="a file, or the name of a shipped spec")
    add_settings(parser)
    parser.add_argument(
        "--format",
        type=one_of(*FORMATS),
        default="table",
        metavar="FORMAT",
        help="table (for people), json (one object per line and spec), github (annotations) or sarif",
    )
    parser.add_argument(
        "--depth", type=whole_number(1), default=1, metavar="N", help="levels of the table; 1, the stages, by default"
    )


def run(options: argparse.Namespace) -> int:
    """Checks each spec and prints what was found, in the order of the command line."""
    replaced = settings(options.settings)
    outcomes = [inspect(spec, replaced) for spec in options.specs]
    if options.format == "table":
        print_tables(outcomes, options.depth)
    elif options.format == "json":
        print_json(outcomes)
    elif options.format == "github":
        print_github(outcomes)
    else:
        print_sarif(outcomes)
    return max(outcome.exit_code for outcome in outcomes)


def inspect(spec: str, replaced: Mapping[str, str]) -> Outcome:
    """The report of a spec, or why there is none."""
    try:
        report = compiler.check(spec, settings=replaced)
    except Faults as faults:
        return Outcome(spec, None, faults.diagnostics, faults.exit_code)
    return Outcome(spec, report, report.diagnostics, 0 if report.ok else 1)


def print_tables(outcomes: Sequence[Outcome], depth: int) -> None:
    """For each spec its diagnostics, or its table with claims."""
    style = style_for(sys.stdout)
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for number, outcome in enumerate(outcomes):
        if number:
            print()
        if outcome.diagnostics:
            print(render_all(outcome.diagnostics, style), end="")
        report = outcome.report
        if report is not None and report.ok:
            print("\n" if outcome.diagnostics else "", end="")
            print(table(report, depth, style, columns), end="")
    wrong = [outcome.spec for outcome in outcomes if outcome.exit_code]
    if wrong:
        count = sum(d.severity == "error" for outcome in outcomes for d in outcome.diagnostics)
        of = f" in {len(wrong)} of {len(outcomes)} specs" if len(outcomes) > 1 else ""
        said = f"{count} error{'s' if count != 1 else ''}{of}"
        print(f"\n{style.paint(said, style.error)}")


def table(report: Report, depth: int, style: Style, columns: int | None) -> str:
    """A right spec as a person reads it."""
    network = report.network
    assert network is not None, "a spec without errors has a network"
    about = f": {harmless(network.about)}" if network.about else ""
    inputs = ", ".join(
        f"{name} {'×'.join(map(str, shape))}" if name != "input" else "×".join(map(str, shape))
        for name, shape in report.inputs.items()
    )
    lines = [
        f"{style.paint(network.name, style.strong)}{about}",
        f"input {inputs}",
        "",
        network_table(network, depth, style, columns),
    ]
    claims = "".join(f"{claim(result, style)}\n" for result in report.claims)
    return "\n".join(lines) + (f"\n{claims}" if claims else "")


def claim(result: ClaimResult, style: Style) -> str:
    """A claim and what became of it."""
    colour = style.error if result.verdict == "fails" else style.help
    mark = style.paint(MARKS[result.verdict], colour)
    subject = result.subject.replace("shapes.", "shape of ").replace("neurons.", "neurons of ")
    if result.verdict == "wrong in print":
        why = harmless(result.why or "")
        return f"{mark} {subject}: {spelled(result.measured)}, not {spelled(result.claimed)} as in print: {why}"
    return f"{mark} {subject}: {spelled(result.measured)} as claimed"


def spelled(value: int | tuple[int, ...]) -> str:
    """A figure, or a shape."""
    return f"{value:,}" if isinstance(value, int) else "×".join(map(str, value))


def print_json(outcomes: Sequence[Outcome]) -> None:
    """One object per spec, each on a line of its own."""
    import json

    for outcome in outcomes:
        print(json.dumps(as_json(outcome), ensure_ascii=False))


def as_json(outcome: Outcome) -> dict[str, Any]:
    """What is known of a spec as plain data; null where faults keep it unknown."""
    from netdsl.diagnostics.formats import as_json as diagnostic_as_json

    report = outcome.report or Report(outcome.spec, outcome.diagnostics, None, {})
    return {
        "name": report.name,
        "ok": report.ok,
        "input": report.input,
        "output": report.output,
        "params": report.params,
        "macs": report.macs,
        "layers": report.layers,
        "stages": [
            {"name": stage.name, "output": stage.output, "params": stage.params, "macs": stage.macs}
            for stage in report.stages
        ],
        "nodes": [
            {"path": n.path, "layer": n.layer, "output": n.output, "params": n.params, "macs": n.macs}
            for n in report.nodes
        ],
        "claims": [
            {
                "subject": result.subject,
                "claimed": result.claimed,
                "measured": result.measured,
                "verdict": result.verdict,
                "why": result.why,
            }
            for result in report.claims
        ],
        "diagnostics": [diagnostic_as_json(diagnostic) for diagnostic in outcome.diagnostics],
    }


def print_github(outcomes: Sequence[Outcome]) -> None:
    """An annotation for each diagnostic; nothing where nothing is wrong."""
    from netdsl.diagnostics.formats import as_github

    for outcome in outcomes:
        for diagnostic in outcome.diagnostics:
            print(as_github(diagnostic))


def print_sarif(outcomes: Sequence[Outcome]) -> None:
    """One log for all specs."""
    import json

    from netdsl.diagnostics.catalog import rules
    from netdsl.diagnostics.formats import as_sarif
    from netdsl.version import VERSION

    found = [diagnostic for outcome in outcomes for diagnostic in outcome.diagnostics]
    described = {code: rule.what for code, rule in rules().items()}
    print(json.dumps(as_sarif(found, VERSION, described), indent=2, ensure_ascii=False))
