"""Train a network many times, with settings of the spec or its recipe changed, and compare.

  netdsl sweep lenet_d2l lr=0.1..1.7:0.1 batch=2**4..2**8 --repeats 3
  netdsl sweep lenet_d2l kernel=3,4,5 act=sigmoid,relu epochs=5 --one-at-a-time
  netdsl sweep lenet_d2l,resnet18_d2l epochs=2
  netdsl sweep --study lenet --only lr
  netdsl sweep lenet_d2l lr=0.01..1:log kernel=3,4,5 --search 50 --objective accuracy,macs

A factor is a parameter of the spec, a key of its recipe, or an argument of a word there, such as the
optimizer's lr; with a single value it is fixed for all trials. A sweep that was stopped, or killed, goes on
by the same command.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from netdsl.cli.arguments import Parser, add_plugins, plugins, whole_number
from netdsl.diagnostics import did_you_mean, fault
from netdsl.records import replace
from netdsl.sweep.plan import Wish, make_plan, spelled
from netdsl.sweep.space import Interval, Sought, make_space, read_space
from netdsl.sweep.study_file import Asked, find_study, read_study_file
from netdsl.sweep.values import read_factors, split

if TYPE_CHECKING:  # torch is loaded only once the command line is right
    from netdsl.sweep.machine import Machine

MOST_PRINTED = 40
"""Rows of the table on a terminal; the page has all."""


def configure(parser: Parser) -> None:
    """The verb's options."""
    parser.add_argument("words", nargs="*", metavar="SPEC[,SPEC…] NAME=VALUES…", help="what to change")
    parser.add_argument("--study", metavar="STUDY", help="a study's file, or the name of a shipped one")
    parser.add_argument(
        "--only", metavar="NAMES", help="of a study's factors, those to vary: --only lr,batch"
    )
    parser.add_argument("--repeats", type=whole_number(1), metavar="N", help="seeds for each combination; 1")
    parser.add_argument(
        "--one-at-a-time", action="store_true", help="change one factor at a time, not all of them together"
    )
    parser.add_argument(
        "--search",
        type=whole_number(1),
        metavar="N",
        help="train N combinations, each chosen by what came of those before, also from intervals such as "
        "lr=0.01..1:log",
    )
    parser.add_argument(
        "--objective",
        metavar="NAME,…",
        help="what a search is for: the figure of the task, such as accuracy, and costs: params, macs",
    )
    parser.add_argument(
        "--storage",
        metavar="FILE|URL",
        help="where machines meet that search together: a file that all of them see, or a database's address",
    )
    parser.add_argument(
        "--skip-invalid",
        action="store_true",
        help="leave out combinations that are wrong, and train the others",
    )
    parser.add_argument("--dry-run", action="store_true", help="list the combinations, and train nothing")
    parser.add_argument(
        "--jobs", type=whole_number(1), metavar="N", help="trials at a time; one per core, or per GPU"
    )
    parser.add_argument("--out", metavar="DIR", help="the study's folder; one below sweeps/ unless given")
    parser.add_argument("--report", metavar="DIR", help="write the report of a study's folder anew, and stop")
    parser.add_argument("--device", metavar="DEVICE", help="cpu, cuda, cuda:1 or mps; the best there is")
    parser.add_argument("--data-root", metavar="DIR", help="the folder that data sets are kept in")
    add_plugins(parser)


def run(options: argparse.Namespace) -> int:
    """Checks every combination, trains what is not yet trained, and reports."""
    if options.report is not None:
        if options.words or options.study:
            raise fault("command-line", "`--report` stands alone", help="name the folder, and nothing else")
        return _report(Path(options.report))
    factors, intervals, specs = _words(options)
    asked = Asked(Wish(specs, factors))
    if options.study is not None:
        asked = read_study_file(find_study(options.study))

    def fitted(wish: Wish) -> Wish:
        """What the command line makes of it."""
        chosen = _chosen(dict(wish.factors), options.only) | factors
        return replace(
            wish,
            specs=specs or wish.specs,
            factors={name: values for name, values in chosen.items() if name not in intervals},
            repeats=options.repeats or wish.repeats,
            one_at_a_time=options.one_at_a_time or wish.one_at_a_time,
            skip_invalid=options.skip_invalid,
            plugins=tuple(plugins(options.plugins)),
        )

    asked = replace(
        asked, wish=fitted(asked.wish), fallback=None if asked.fallback is None else fitted(asked.fallback)
    )
    if options.search is not None:
        return _search(options, asked, intervals)
    if options.dry_run:
        _list(asked.wish)
        if asked.fallback is not None:
            print("\nwhere its data are not to be had, in a smaller form:")
            _list(asked.fallback)
        return 0
    from netdsl.sweep.runner import sweep

    return _report(sweep(asked, _machine(options), Path(options.out) if options.out else None))


def _machine(options: argparse.Namespace) -> Machine:
    from netdsl.sweep.machine import Machine

    root = Path(options.data_root) if options.data_root else None
    return Machine(jobs=options.jobs, device=options.device, root=root)


def _search(options: argparse.Namespace, asked: Asked, intervals: Mapping[str, Interval]) -> int:
    """Searches, or says what would be searched."""
    objective = tuple(name for name in split(options.objective or "") if name)
    sought = Sought(options.search, objective, intervals, options.storage)
    if options.dry_run:
        space = make_space(asked.wish, sought)
        for name in (*space.lists, *space.intervals):
            print(f"{name}: {space.spelled(name)}")
        among = "" if space.size is None else f" of {space.size:,}"
        print(f"{sought.count} combinations{among} × {asked.wish.repeats}, chosen as the search goes on")
        return 0
    from netdsl.sweep.searching import search

    return _report(search(asked, sought, _machine(options), Path(options.out) if options.out else None))


Words = tuple[dict[str, tuple[str, ...]], dict[str, Interval], tuple[str, ...]]
"""The factors with values, those that are intervals, and the specs."""


def _words(options: argparse.Namespace) -> Words:
    """What the command line varies, in which specs."""
    _check_search(options)
    words = options.words
    specs: list[str] = []
    if words and "=" not in words[0]:
        specs = [name for name in split(words[0]) if name]
        words = words[1:]
    if not specs and options.study is None:
        help = "write `netdsl sweep lenet5 lr=0.1,0.2`, or name a study: `--study lenet`"
        raise fault("command-line", "no spec is named", help=help)
    if options.only is not None and options.study is None:
        raise fault("command-line", "`--only` chooses from a study's factors", help="name one with `--study`")
    factors, intervals = (read_factors(words), {}) if options.search is None else read_space(words)
    return factors, intervals, tuple(dict.fromkeys(specs))


def _check_search(options: argparse.Namespace) -> None:
    """Whether what is said of a search goes together.

    Raises:
        Faults: it does not; exit code 2.
    """
    if options.search is not None and options.one_at_a_time:
        message = "`--search` and `--one-at-a-time` exclude each other"
        raise fault("command-line", message, help="a search changes all factors together")
    for option, value in (("--objective", options.objective), ("--storage", options.storage)):
        if value and options.search is None:
            help = "say how many combinations to train: `--search 50`"
            raise fault("command-line", f"`{option}` is for a search", help=help)


def _chosen(factors: dict[str, tuple[str, ...]], only: str | None) -> dict[str, tuple[str, ...]]:
    """A study's factors, or some of them; those with a single value stay."""
    if only is None:
        return factors
    names = split(only)
    for name in names:
        if name not in factors:
            help = did_you_mean(name, factors) or f"its factors are {', '.join(factors)}"
            raise fault("sweep-factor", f"the study has no factor `{name}`", help=help)
    return {name: values for name, values in factors.items() if name in names or len(values) == 1}


def _list(wish: Wish) -> None:
    """Prints what would be trained."""
    plan = make_plan(wish)
    for number, one in enumerate(plan.combinations):
        mark = "   baseline" * (number == plan.baseline)
        cost = f"{one.variant.params:,} parameters, {one.variant.macs:,} multiply-adds"
        print(f"{spelled(one.values) or 'as it is'}   {cost}{mark}")
    for diagnostic in plan.refused:
        print(f"left out: {diagnostic.message} ({diagnostic.notes[-1]})")
    print(f"{len(plan.combinations)} combinations × {wish.repeats} = {plan.trials} trials")


def _report(folder: Path) -> int:
    """Writes the report of a study, and prints its table."""
    from netdsl.sweep.page import write_report
    from netdsl.sweep.summary import read_summary
    from netdsl.sweep.tables import as_text, main_table

    summary = read_summary(folder)
    page = write_report(folder, summary)
    headings, rows = main_table(summary)
    print(f"\n{summary.title}\n\n{as_text((headings, rows[:MOST_PRINTED]))}")
    if len(rows) > MOST_PRINTED:
        print(f"and {len(rows) - MOST_PRINTED} more")
    print(f"see {page}")
    ended = [one for cell in summary.cells for one in (*cell.outcomes, *cell.failures)]
    if ended and all(one.status == "failed" for one in ended):
        message = f"all trials of `{folder}` failed: {ended[0].reason}"
        raise fault("sweep-failed", message, exit_code=4, help=f"see what they said in `{folder / 'logs'}`")
    return 0
