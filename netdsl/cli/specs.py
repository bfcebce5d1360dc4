"""List the specs that come with netdsl: their names do wherever a file does."""

from __future__ import annotations

import argparse
import re
import sys

from netdsl import compiler
from netdsl.cli.arguments import Parser
from netdsl.cli.specs_page import source_and_idea
from netdsl.cli.table import columns_of, figure
from netdsl.specs import shipped_specs


def configure(parser: Parser) -> None:
    """The verb has no options."""


def run(options: argparse.Namespace) -> int:  # noqa: ARG001 - every verb takes its options
    """Prints a line for each spec."""
    reports = [compiler.check(name) for name in shipped_specs()]
    columns = columns_of(sys.stdout)
    widest = max(len(report.name) for report in reports)
    for report in reports:
        assert report.network is not None, f"the shipped spec {report.name} is wrong"
        size = ", ".join("×".join(map(str, shape)) for shape in report.inputs.values())
        costs = report.network.costs
        figures = f"{size:>11}  {costs.params:>11,} parameters  {figure(costs.macs):>7} MACs"
        source, idea = source_and_idea(report.network.about)
        year = re.search(r"\d{4}", source)
        line = f"{report.name:<{widest}}  {figures}  {year.group() if year else ''}  {idea}"
        print(line if columns is None or len(line) <= columns else f"{line[: columns - 1]}…")
    return 0
