"""Tell in layers how two specs differ, and what each change costs.

With two specs, --set holds for both. With one, the spec is compared with itself as --set makes it:

    netdsl diff resnet50 se_resnet50
    netdsl diff resnet50 --set "depths=[3, 4, 23, 3]"

Exit code 0, also where they differ; 1 where a spec is wrong, or where they differ and --exit-code is given.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from netdsl import compiler
from netdsl.analysis.difference.compare import Difference, compare
from netdsl.analysis.difference.folding import fold
from netdsl.cli.arguments import Parser, add_spec_options, one_of, plugins, settings
from netdsl.cli.diff_table import Names, difference_table
from netdsl.cli.table import columns_of
from netdsl.diagnostics import Faults, fault
from netdsl.diagnostics.render import style_for
from netdsl.graph.graph import Network


def configure(parser: Parser) -> None:
    """The verb's options."""
    parser.add_argument("before", metavar="SPEC", help="a file, or the name of a shipped spec")
    parser.add_argument("after", nargs="?", metavar="OTHER", help="the spec that it is compared with")
    add_spec_options(parser)
    parser.add_argument("--summary", action="store_true", help="a line for each stage")
    parser.add_argument(
        "--format",
        type=one_of("table", "json"),
        default="table",
        metavar="FORMAT",
        help="table (for people) or json (one object)",
    )
    parser.add_argument("--exit-code", action="store_true", help="end with 1 where they differ")


def run(options: argparse.Namespace) -> int:
    """Compares the specs and prints what differs.

    Raises:
        Faults: one of them is wrong, or there is nothing to compare.
    """
    replaced, modules = settings(options.settings), plugins(options.plugins)
    alone = options.after is None
    if alone and not replaced:
        raise fault(
            "command-line",
            f"`{options.before}` has nothing to be compared with",
            help="name another spec, or another value of a parameter: `--set NAME=VALUE`",
        )
    before = network(options.before, {} if alone else replaced, modules)
    after = network(options.before if alone else options.after, replaced, modules)
    difference = compare(before, after)
    names = Names(before.name, after.name)
    if alone:
        names = Names(before.name, f"with {', '.join(f'{name}={value}' for name, value in replaced.items())}")
    elif before.name == after.name:
        names = Names(options.before, options.after)
    if options.format == "json":
        print_json(difference, names)
    else:
        style, columns = style_for(sys.stdout), columns_of(sys.stdout)
        print(difference_table(difference, names, options.summary, style, columns), end="")
    return 1 if options.exit_code and difference.changes else 0


def network(spec: str, replaced: Mapping[str, str], modules: Sequence[str]) -> Network:
    """The network of a spec. Its claims are another matter: a copy with one layer changed need not hold them.

    Raises:
        Faults: the spec is wrong.
    """
    compilation = compiler.compile_spec(spec, replaced, modules)
    if compilation.network is None:
        raise Faults(compilation.report.diagnostics)
    return compilation.network


def print_json(difference: Difference, names: Names) -> None:
    """One object: both networks, the changes, and what follows from which of them."""
    import json

    lines, becauses = fold(difference)
    found: dict[str, Any] = {
        side: {"name": name, "params": network.costs.params, "macs": network.costs.macs}
        for side, name, network in (
            ("before", names.before, difference.before),
            ("after", names.after, difference.after),
        )
    }
    found |= {
        "params": difference.params,
        "macs": difference.macs,
        "changes": [
            {
                "kind": line.kind,
                "text": line.text,
                "places": line.places,
                "params": line.params,
                "macs": line.macs,
                "only_in_training": line.training,
            }
            for line in lines
        ],
        "consequences": [
            {
                "of": because.line,
                "places": because.places,
                "params": because.params,
                "macs": because.macs,
                "only_in_training": because.training,
            }
            for because in becauses
        ],
    }
    print(json.dumps(found, ensure_ascii=False))
