"""The page `specs/README.md`: every shipped spec with the figures that `check` finds for it.

Generated, so that no figure on it can grow old: a test compares the page in the repository with this one.
"""

from __future__ import annotations

import re

from netdsl import compiler
from netdsl.analysis.memory import memory_of
from netdsl.analysis.report import Report
from netdsl.cli.figures import bytes_text
from netdsl.graph.graph import Network
from netdsl.records import record
from netdsl.specs import shipped_folder, shipped_specs

INTRODUCTION = """\
# The shipped specs

Each file is one network, short enough to be read beside the table of its paper. Its name does wherever netdsl
takes a file: `netdsl check googlenet`, `netdsl train mobilenetv2`.

Shapes are without the batch. Parameters are the trainable ones, MACs the multiply-adds of convolutions and
linear layers for one sample, both without what is there only in training. Memory is what inference of one
sample takes at least: the parameters and the most that lives at once, in single precision. The last column
says what the tests hold the network against: parameters, MACs, outputs and gradients with the same weights.
Where torchvision or timm has the network, its order of modules is kept, so that its weights can be taken
over.

This page is written by `make docs` from what `netdsl check` finds; change the specs, not the page.
"""

COLUMNS = (
    "network",
    "year",
    "idea",
    "lines",
    "input",
    "layers",
    "parameters",
    "MACs",
    "memory",
    "source",
    "held against",
)
NUMBERS = ("lines", "layers", "parameters", "MACs", "memory")


def source_and_idea(about: str) -> tuple[str, str]:
    """A shipped spec's `about` in two: where the network comes from, and what is new in it.

    >>> source_and_idea("He et al. 2015, Deep Residual Learning. Blocks add to their input; and so on.")
    ('He et al. 2015, Deep Residual Learning', 'Blocks add to their input; and so on.')
    """
    source, _, idea = about.partition(". ") if "et al. " not in about else _behind_authors(about)
    return source, idea


def _behind_authors(about: str) -> tuple[str, str, str]:
    authors, _, rest = about.partition("et al. ")
    source, separator, idea = rest.partition(". ")
    return f"{authors}et al. {source}", separator, idea


def specs_page() -> str:
    """The page as Markdown."""
    rows = [COLUMNS, tuple("---:" if column in NUMBERS else "---" for column in COLUMNS)]
    rows += [_row(entry) for entry in sorted(map(_entry, shipped_specs()), key=lambda entry: entry.age)]
    return INTRODUCTION + "\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


@record
class _Entry:
    """A spec with what its page says of it."""

    name: str
    network: Network
    report: Report
    cite: str

    @property
    def age(self) -> tuple[str, int]:
        """The year in `about`, then the parameters: so the page tells the networks' history."""
        return self.year, self.network.costs.params

    @property
    def year(self) -> str:
        found = re.search(r"\b\d{4}\b", self.network.about)
        return found.group() if found else ""


def _entry(name: str) -> _Entry:
    compilation = compiler.compile_spec(name, to_print=False)
    assert compilation.spec is not None, f"the shipped spec {name} is wrong"
    assert compilation.network is not None, f"the shipped spec {name} is wrong"
    return _Entry(name, compilation.network, compilation.report, compilation.spec.cite or "")


def _row(entry: _Entry) -> tuple[str, ...]:
    text = (shipped_folder() / f"{entry.name}.yaml").read_text("utf-8")
    source, idea = source_and_idea(entry.network.about)
    costs = entry.network.costs
    inputs = ", ".join("×".join(map(str, shape)) for shape in entry.report.inputs.values())
    memory = memory_of(entry.network).inference(batch=1)
    figures = (*(f"{number:,}" for number in (costs.layers, costs.params, costs.macs)), bytes_text(memory))
    name, lines = f"[{entry.name}]({entry.name}.yaml)", str(len(text.splitlines()))
    return name, entry.year, idea, lines, inputs, *figures, source, entry.cite
