"""The table of a network: rows opened to a depth, equal neighbours folded, figures that add up."""

from collections import Counter
from pathlib import Path

import pytest

from netdsl import compiler
from netdsl.analysis.outline import Outline
from netdsl.cli.table import counted, figure, network_table
from netdsl.diagnostics.render import COLOURED
from netdsl.graph.graph import Leaf, Network, walk
from netdsl.specs import shipped_specs


def network(text: str, folder: Path) -> Network:
    """The network of a spec's text."""
    path = folder / "net.yaml"
    path.write_text(f"name: net\n{text}")
    report = compiler.check(path)
    assert report.ok, report.diagnostics
    assert report.network is not None
    return report.network


@pytest.mark.parametrize("name", shipped_specs())
@pytest.mark.parametrize("levels", [1, 2, 3, 9])
def test_rows_add_up(name: str, levels: int) -> None:
    """The rows without rows below them make the whole, however deep the table is opened; repeated ones are
    counted once inside and as often as they stand outside."""
    found = compiler.check(name).network
    assert found is not None
    rows = list(Outline().rows(found.graph, levels))
    top = [row for row in rows if row.depth == 0]

    assert sum(row.costs.params for row in top) == found.graph.costs.params
    assert sum(row.costs.macs for row in top) == found.graph.costs.macs
    expected = Counter(
        step.node.operation.layer.word for step in walk(found.graph) if isinstance(step.node.operation, Leaf)
    )
    assert sum((Counter(row.layers) for row in top), Counter()) == expected


def test_repeats_are_one_row(tmp_path: Path) -> None:
    """A repeat with a first member of its own shape, and one without."""
    text = """
input: [3, 16, 16]
blocks:
  pair(c): conv(c, 3, padding=1) -> relu
net:
  body: pair(8) * 4 -> (pair(c) for c in [8, 8, 16])
"""
    table = network_table(network(text, tmp_path), depth=2)

    assert [line.split("  ")[1] if line.startswith("  ") else "" for line in table.splitlines()][3:5] == [
        "pair1 ×4",
        "pair2",
    ]
    assert "    0–1 pair ×2" not in table
    assert "    0–1 pair ×2" in network_table(
        network(text, tmp_path), depth=3
    ) or "    0 pair" in network_table(network(text, tmp_path), depth=3)


def test_shared_weights_stand_once(tmp_path: Path) -> None:
    """Each use has layers and multiply-adds, the module its parameters."""
    text = """
input: [3, 16, 16]
shared:
  branch: conv(3, 3, padding=1, bias=false)
net:
  first: branch
  second: branch
"""
    lines = network_table(network(text, tmp_path)).splitlines()

    figures = {line.split()[0]: line for line in lines}
    assert "0  20.7 k" in figures["first"]
    assert "branch, shared" in figures["second"]
    assert figures["branch"].split()[-1] == "81"
    assert "81  41.5 k" in figures["total"]


def test_heads_are_told_apart(tmp_path: Path) -> None:
    """One that stays is in the total, one that is only trained with is below it."""
    text = """
input: [3, 16, 16]
net:
  body: conv(8, 3)
  end: flatten -> linear(10)
heads:
  aux: {at: body, net: flatten -> linear(10)}
  kept: {at: body, keep: true, net: conv(1, 1)}
"""
    lines = network_table(network(text, tmp_path)).splitlines()
    names = [line.split()[0] for line in lines]

    assert names.index("kept") < names.index("total") < names.index("aux")
    assert lines[-1] == "only in training and not in the total: aux on body"


def test_a_narrow_terminal_cuts_the_layers_alone(tmp_path: Path) -> None:
    """Whole words go; figures stay."""
    text = "input: [3, 16, 16]\nnet:\n  body: conv(8, 3) -> relu -> batchnorm -> tanh -> sigmoid -> dropout\n"
    wide = network_table(network(text, tmp_path)).splitlines()
    narrow = network_table(network(text, tmp_path), columns=70).splitlines()

    assert max(map(len, narrow)) <= 70 < max(map(len, wide))
    assert "conv, relu, batchnorm, …" in narrow[2]
    assert narrow[2].split()[-4:] == wide[2].split()[-4:]


def test_colour_leaves_the_text_alone(tmp_path: Path) -> None:
    """Without its escape codes the coloured table is the plain one."""
    found = network("input: [3, 16, 16]\nnet:\n  body: conv(8, 3) -> relu\n", tmp_path)
    coloured = network_table(found, 2, COLOURED)

    for code in filter(None, vars(COLOURED).values()):
        coloured = coloured.replace(code, "")

    assert coloured == network_table(found, 2)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.00 k"),
        (9_994, "9.99 k"),
        (9_996, "10.0 k"),
        (99_960, "100 k"),
        (999_499, "999 k"),
        (999_500, "1.00 M"),
        (4_089_184_256, "4.09 G"),
        (10**15, "1.00 P"),
        (10**27, "1000 Y"),
    ],
)
def test_figures_have_three_digits(number: int, text: str) -> None:
    """Rounded as one would by hand, also at the border of two units."""
    assert figure(number) == text


def test_layers_are_counted_in_words() -> None:
    """One needs no number."""
    assert counted({"conv": 1200, "relu": 1}) == "1,200 conv, relu"
