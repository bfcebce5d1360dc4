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


def names(table: str) -> list[str]:
    """The first column of a table, rules left out."""
    rows = [line for line in table.splitlines() if not line.startswith("─")]
    width = rows[0].index("layers")
    return [row[:width].rstrip() for row in rows]


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
    """Equal neighbours are folded, whether repeated or unrolled; what is inside them stands once."""
    text = """
input: [8, 16, 16]
blocks:
  pair(c): conv(c, 3, padding=1) -> relu
net:
  first: pair(8) * 4 -> tanh
  rest: (pair(c) for c in [8, 8, 16]) -> tanh
"""
    found = network(text, tmp_path)
    closed = ["stage", "first", "  pair1 ×4", "  tanh1", "rest", "  pair1", "  tanh1", "total"]
    opened = ["first", "  pair1 ×4", "    conv1", "    relu1", "  tanh1"]
    opened += ["rest", "  pair1", "    0–1 pair ×2", "    2 pair", "  tanh1"]

    assert names(network_table(found, depth=2)) == closed
    assert names(network_table(found, depth=3)) == ["stage", *opened, "total"]


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
    lines = {line.split()[0]: line.split() for line in network_table(network(text, tmp_path)).splitlines()}

    assert lines["first"][-3:] == lines["second"][-3:] == ["0", "20.7", "k"]
    assert lines["branch"][-1] == "81"
    assert lines["total"][-3:] == ["81", "41.5", "k"]


def test_heads_are_told_apart(tmp_path: Path) -> None:
    """One that stays is in the total, one that is only trained with is below it."""
    text = """
input: [3, 16, 16]
net:
  body: conv(8, 3)
  end: flatten -> linear(10)
heads:
  aux: {at: body, net: "flatten -> linear(10)"}
  kept: {at: body, keep: true, net: "conv(1, 1)"}
"""
    table = network_table(network(text, tmp_path))
    first = [name.strip() for name in names(table)]

    assert first.index("kept") < first.index("total") < first.index("aux")
    assert table.splitlines()[-1] == "only in training and not in the total: aux on body"


def test_a_narrow_terminal_cuts_the_layers_alone(tmp_path: Path) -> None:
    """Whole words go; figures stay."""
    text = "input: [3, 16, 16]\nnet:\n  body: conv(8, 3) -> relu -> batchnorm -> tanh -> sigmoid -> dropout\n"
    wide = network_table(network(text, tmp_path)).splitlines()
    narrow = network_table(network(text, tmp_path), columns=70).splitlines()

    assert max(map(len, narrow)) <= 70 < max(map(len, wide))
    assert "conv, relu, batchnorm, tanh, …  " in narrow[2]
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
        (10**30, "1000000 Y"),
    ],
)
def test_figures_have_three_digits(number: int, text: str) -> None:
    """Rounded as one would by hand, also at the border of two units."""
    assert figure(number) == text


def test_layers_are_counted_in_words() -> None:
    """One needs no number."""
    assert counted({"conv": 1200, "relu": 1}) == "1,200 conv, relu"
