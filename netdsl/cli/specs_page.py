"""The page `specs/README.md`: every shipped spec with the figures that `check` finds for it.

Generated, so that no figure on it can grow old: a test compares the page in the repository with this one.
"""

from __future__ import annotations

import re

from netdsl import compiler
from netdsl.analysis.report import Report
from netdsl.specs import shipped_folder, shipped_specs

INTRODUCTION = """\
# The shipped specs

Each file is one network, short enough to be read beside the table of its paper. Its name does wherever netdsl
takes a file: `netdsl check googlenet`, `netdsl train mobilenetv2`.

Shapes are without the batch. Parameters are the trainable ones, MACs the multiply-adds of convolutions and
linear layers for one sample, both without what is there only in training. Where torchvision has the network,
its order of modules is kept, so that its weights can be taken over one by one.

This page is written by `make docs` from what `netdsl check` finds; change the specs, not the page.
"""

COLUMNS = ("spec", "input", "layers", "parameters", "MACs", "lines", "after")


def specs_page() -> str:
    """The page as Markdown."""
    rows = [COLUMNS, tuple("---:" if 1 < i < 6 else "---" for i in range(len(COLUMNS)))]
    reports = sorted((compiler.check(name) for name in shipped_specs()), key=_age)
    rows += [_row(report) for report in reports]
    return INTRODUCTION + "\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _age(report: Report) -> tuple[str, int]:
    """The year in a spec's `about`, then its parameters: so the page tells the networks' history."""
    year = re.search(r"\b\d{4}\b", report.network.about if report.network else "")
    return year.group() if year else "", report.params or 0


def _row(report: Report) -> tuple[str, ...]:
    network = report.network
    assert network is not None, f"the shipped spec {report.name} is wrong"
    text = (shipped_folder() / f"{report.name}.yaml").read_text("utf-8")
    inputs = ", ".join("×".join(map(str, shape)) for shape in report.inputs.values())
    costs = network.costs
    figures = (f"{number:,}" for number in (costs.layers, costs.params, costs.macs, len(text.splitlines())))
    return f"[{report.name}]({report.name}.yaml)", inputs, *figures, network.about
