"""Check specs without building anything: shapes, parameters, multiply-adds and claims.

Exit code 0 where all specs are right, 1 where one is wrong, 2 where one cannot be found.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netdsl import compiler
from netdsl.analysis.claims import ClaimResult
from netdsl.analysis.lints.choice import Lints
from netdsl.analysis.report import Report
from netdsl.cli.arguments import (
    Parser,
    add_spec_options,
    exit_code,
    one_of,
    plugins,
    range_up_to,
    settings,
    whole_number,
)
from netdsl.cli.figure_options import add_figure_options, are_asked
from netdsl.cli.table import columns_of, network_table
from netdsl.diagnostics import Diagnostic, Faults, did_you_mean, fault
from netdsl.diagnostics.render import Style, render, style_for
from netdsl.diagnostics.snippet import harmless
from netdsl.records import record, replace

if TYPE_CHECKING:
    from netdsl.analysis.sizes import Sizes
    from netdsl.cli.figures import Figures
    from netdsl.graph.graph import Network

FORMATS = ("table", "json", "github", "sarif")


@record
class Outcome:
    """What became of one spec of the command line."""

    spec: str
    report: Report | None
    """None where there was nothing to check."""
    diagnostics: tuple[Diagnostic, ...]
    exit_code: int
    sizes: Sizes | None = None
    """What became of other input sizes, where that was asked."""
    figures: Figures | None = None
    """Further figures, where they were asked for."""


def configure(parser: Parser) -> None:
    """The verb's options."""
    parser.add_argument("specs", nargs="+", metavar="SPEC", help="a file, or the name of a shipped spec")
    add_spec_options(parser)
    parser.add_argument(
        "--format",
        type=one_of(*FORMATS),
        default="table",
        metavar="FORMAT",
        help="table (for people), json (one object per line and spec), github (annotations) or sarif",
    )
    parser.add_argument(
        "--depth",
        type=whole_number(1),
        default=1,
        metavar="N",
        help="levels of the table; 1, the stages, by default",
    )
    for option, meaning in (("--select", "give only these warnings"), ("--ignore", "do not give these")):
        parser.add_argument(
            option,
            type=warning_codes,
            action="append",
            default=[],
            metavar="CODE,…",
            help=f"{meaning}; `netdsl rule` lists them",
        )
    parser.add_argument(
        "--fix", action="store_true", help="write what a diagnostic says to write, where it can"
    )
    parser.add_argument("--strict", action="store_true", help="let warnings fail as errors do, for CI")
    parser.add_argument(
        "--sizes",
        type=range_up_to(8192),
        metavar="FIRST..LAST",
        help="say for which input sizes the network is valid, and what comes out: --sizes 1..512",
    )
    add_figure_options(parser)


def run(options: argparse.Namespace) -> int:
    """Checks each spec and prints what was found, in the order of the command line."""
    replaced, modules = settings(options.settings), plugins(options.plugins)
    asked = are_asked(options)
    lints = Lints(frozenset().union(*options.select), frozenset().union(*options.ignore))
    if options.fix:
        fix(options.specs, replaced, modules, lints)
    outcomes = [inspect(spec, replaced, modules, lints, options.strict) for spec in options.specs]
    if options.sizes is not None:
        outcomes = [try_sizes(outcome, options.sizes, replaced, modules) for outcome in outcomes]
    if asked:
        outcomes = [add_figures(outcome, options, replaced, modules) for outcome in outcomes]
    if options.format == "table":
        print_tables(outcomes, options.depth)
    elif options.format == "json":
        print_json(outcomes)
    elif options.format == "github":
        print_github(outcomes)
    else:
        print_sarif(outcomes)
    return max(outcome.exit_code for outcome in outcomes)


def fix(specs: Sequence[str], replaced: Mapping[str, str], modules: Sequence[str], lints: Lints) -> None:
    """Mends what can be mended in the user's files, and says how much on the standard error.

    Raises:
        Faults: a spec is not a file of the user's.
    """
    from pathlib import Path

    from netdsl.cli.fix import fix_file

    for spec in specs:
        if not Path(spec).is_file():
            message = f"`--fix` changes files, and `{spec}` is none"
            raise fault("option-value", message, help="name the spec by its file")
    for spec in specs:
        count = fix_file(
            Path(spec),
            lambda source: compiler.check_source(source, replaced, modules, lints).diagnostics,
        )
        if count:
            print(f"{harmless(spec)}: {count} mended", file=sys.stderr)


def warning_codes(word: str) -> frozenset[str]:
    """The type of an option that names warnings: `bias-before-norm,pool-drops`.

    Raises:
        Faults: one is not the code of a warning.
    """
    from netdsl.diagnostics.catalog import rules

    known = [rule.code for rule in rules().values() if rule.part == "lints"]
    codes = [code.strip() for code in word.split(",")]
    for code in codes:
        if code not in known:
            help = did_you_mean(code, known) or f"the warnings are {', '.join(known)}"
            raise fault("option-value", f"`{code}` is not the code of a warning", help=help)
    return frozenset(codes)


def inspect(
    spec: str, replaced: Mapping[str, str], modules: Sequence[str], lints: Lints, strict: bool
) -> Outcome:
    """The report of a spec, or why there is none.

    Args:
        strict: whether warnings fail as errors do.
    """
    try:
        report = compiler.check(spec, replaced, modules, lints)
    except Faults as faults:
        return Outcome(spec, None, faults.diagnostics, faults.exit_code)
    failed = bool(report.diagnostics) if strict else not report.ok
    return Outcome(spec, report, report.diagnostics, exit_code(report.diagnostics, int(failed)))


def try_sizes(outcome: Outcome, tried: range, replaced: Mapping[str, str], modules: Sequence[str]) -> Outcome:
    """The outcome with what became of other input sizes; of a wrong spec nothing is said."""
    if outcome.exit_code:
        return outcome
    try:
        return replace(outcome, sizes=compiler.sizes(outcome.spec, tried, replaced, modules))
    except Faults as faults:
        return replace(outcome, diagnostics=(*outcome.diagnostics, *faults.diagnostics), exit_code=2)


def add_figures(
    outcome: Outcome, options: argparse.Namespace, replaced: Mapping[str, str], modules: Sequence[str]
) -> Outcome:
    """The outcome with further figures; there are none of a spec with errors."""
    report = outcome.report
    if report is None or report.network is None or not report.ok:
        return outcome
    from netdsl.cli.figures import figures_of  # only who asks for it pays for loading it

    return replace(outcome, figures=figures_of(outcome.spec, report.network, options, replaced, modules))


def print_tables(outcomes: Sequence[Outcome], depth: int) -> None:
    """For each spec its table with claims, where there is a network, and what is wrong."""
    style = style_for(sys.stdout)
    columns = columns_of(sys.stdout)
    for number, outcome in enumerate(outcomes):
        parts = []
        if outcome.report is not None and outcome.report.network is not None:
            parts.append(table(outcome.report, depth, style, columns, outcome.figures))
        if outcome.report is not None and outcome.report.so_far is not None:
            parts.append(table_so_far(outcome.report, depth, style, columns))
        if outcome.sizes is not None:
            from netdsl.cli.sizes import sizes_text  # only who asks for it pays for loading it

            parts.append(sizes_text(outcome.sizes))
        parts += [render(diagnostic, style) for diagnostic in outcome.diagnostics]
        print("\n" * (number > 0) + "\n".join(parts), end="")
    said = list(tallies(outcomes))
    if said:
        is_wrong = any(outcome.exit_code for outcome in outcomes)
        print(f"\n{style.paint(', '.join(said), style.error if is_wrong else style.warning)}")


def tallies(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """How many errors and warnings there are, and in how many of several specs."""
    for severity in ("error", "warning"):
        counts = [sum(d.severity == severity for d in outcome.diagnostics) for outcome in outcomes]
        total, wrong = sum(counts), sum(count > 0 for count in counts)
        if total:
            of = f" in {wrong} of {len(outcomes)} specs" if len(outcomes) > 1 else ""
            yield f"{total} {severity}{'s' if total != 1 else ''}{of}"


def table(
    report: Report, depth: int, style: Style, columns: int | None, figures: Figures | None = None
) -> str:
    """A network as a person reads it: what it is, what it is made of, which claims it holds."""
    network = report.network
    assert network is not None, "a table is of a network"
    shown, memory = None, ""
    if figures is not None:
        from netdsl.cli.figures import columns_of_figures, memory_text

        shown = columns_of_figures(figures)
        memory = f"\n{memory_text(figures.budget)}" if figures.budget else ""
    verdicts = "".join(f"{line}\n" for line in claim_lines(report.claims, style))
    drawn = network_table(network, depth, style, columns, shown)
    return table_head(report, network, style) + drawn + memory + (f"\n{verdicts}" if verdicts else "")


def table_so_far(report: Report, depth: int, style: Style, columns: int | None) -> str:
    """Of a wrong network what stands in front of its first fault."""
    network = report.so_far
    assert network is not None, "something is known"
    drawn = network_table(network, depth, style, columns, total="so far")
    return table_head(report, network, style) + drawn


def table_head(report: Report, network: Network, style: Style) -> str:
    """What a network is called, what it is, and what enters it."""
    about = f": {harmless(network.about)}" if network.about else ""
    inputs = ", ".join(
        spelled(shape) if name == "input" else f"{name} {spelled(shape)}"
        for name, shape in report.inputs.items()
    )
    return f"{style.paint(network.name, style.strong)}{about}\ninput {inputs}\n\n"


def claim_lines(claims: Sequence[ClaimResult], style: Style) -> Iterator[str]:
    """What became of the claims: those that hold on one line, since their figures stand in the table."""
    good, bad = style.paint("✓", style.help), style.paint("✗", style.error)
    held = [claim for claim in claims if claim.verdict == "holds"]
    if held:
        yield f"{good} {'claims hold' if len(held) > 1 else 'the claim holds'}: {subjects(held)}"
    for claim in claims:
        if claim.verdict == "wrong in print":
            why = harmless(claim.why or "")
            figures = f"{spelled(claim.measured)}; {spelled(claim.claimed)} in print is wrong"
            yield f"{good} {subjects([claim])}: {figures}: {why}"
        elif claim.verdict == "fails":
            yield f"{bad} {subjects([claim])}: {spelled(claim.measured)}, claimed {spelled(claim.claimed)}"


def subjects(claims: Sequence[ClaimResult]) -> str:
    """What claims are about: `params, macs, shapes of stem, body`."""
    named: dict[str, list[str]] = {}
    for claim in claims:
        kind, _, stage = claim.subject.partition(".")
        named.setdefault(kind, []).extend([stage] if stage else [])
    words = {"params": "parameters", "macs": "MACs"}
    return ", ".join(
        words.get(kind, kind) + (f" of {', '.join(harmless(stage) for stage in stages)}" if stages else "")
        for kind, stages in named.items()
    )


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
    sizes = {}
    if outcome.sizes is not None:
        from netdsl.cli.sizes import sizes_as_json

        sizes = {"sizes": sizes_as_json(outcome.sizes)}
    figures = {}
    if outcome.figures is not None:
        from netdsl.cli.figures import figures_as_json

        figures = figures_as_json(outcome.figures)
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
        **nodes_left_out(report),
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
        **sizes,
        **figures,
        "diagnostics": [diagnostic_as_json(diagnostic) for diagnostic in outcome.diagnostics],
    }


def nodes_left_out(report: Report) -> dict[str, str]:
    """Why `nodes` is empty, where it is too long."""
    if not report.is_too_long_to_list:
        return {}
    note = f"{report.layers:,} layers are too many to list; `stages` has their sums"
    return {"nodes_left_out": note}


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
