"""`netdsl show`: what is printed and what is written."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from netdsl import compiler
from netdsl.backends.diagram.drawing import draw
from netdsl.cli.main import main
from netdsl.cli.tree_table import tree_table
from netdsl.diagnostics.render import COLOURED

RESIDUAL = """name: residual
input: [8, 8, 8]
blocks:
  unit: (conv(8, 3, padding=1) -> relu) + x
net:
  stem: conv(8, 1)
  body: unit*3
  head: global_avgpool -> flatten -> linear(10)
"""


@pytest.fixture
def residual(tmp_path: Path) -> str:
    path = tmp_path / "residual.yaml"
    path.write_text(RESIDUAL)
    return str(path)


def test_the_tree_shows_what_runs_beside_what(residual: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Branches hang on a dotted rail that ends in their operator, and repeats are one line."""
    assert main(["show", residual]) == 0

    assert (
        capsys.readouterr().out
        == """\
residual                                                        output  parameters    MACs   share
input                                                            8×8×8
├─ stem                conv(8, 1)                                8×8×8          72  4.10 k   3.6 %
├─ body ×3             unit                                      8×8×8      1.75 k   111 k    96 %
│  ├╌ conv1            conv(8, 3, padding=1)                     8×8×8         584  36.9 k    32 %
│  ┊  relu1            relu                                      8×8×8
│  ├╌ ·                what came in
│  └╌ + add1                                                     8×8×8
└─ head                global_avgpool -> flatten -> linear(10)      10          90      80  <0.1 %
   ├─ global_avgpool1  global_avgpool                            8×1×1
   ├─ flatten1         flatten                                       8
   └─ linear1          linear(10)                                   10          90      80  <0.1 %
output                                                              10
total                                                                       1.91 k   115 k
"""
    )


def test_depth_and_expanded(residual: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--depth 1` shows the stages, `--expanded` everything."""
    assert main(["show", residual, "--depth", "1"]) == 0
    stages = capsys.readouterr().out.splitlines()
    assert main(["show", "densenet121", "--expanded"]) == 0
    everything = capsys.readouterr().out

    assert [line.split()[1] for line in stages[2:5]] == ["stem", "body", "head"]
    assert len(stages) == 7
    assert sum(line.lstrip(" │├└┊╌─").startswith("conv") for line in everything.splitlines()) == 120


def test_settings_change_the_drawing(capsys: pytest.CaptureFixture[str]) -> None:
    """As they do wherever a spec is read."""
    assert main(["show", "lenet5", "--set", "classes=7", "--set", "input=[1,32,32]"]) == 0

    out = capsys.readouterr().out
    assert "linear(7)" in out
    assert "1×32×32" in out


@pytest.mark.parametrize(
    ("name", "first"), [("net.svg", "<svg "), ("net.html", "<!DOCTYPE html>"), ("net.txt", "residual")]
)
def test_a_file_is_what_its_name_says(residual: str, tmp_path: Path, name: str, first: str) -> None:
    """Unless `--graph` says otherwise."""
    assert main(["show", residual, "-o", str(tmp_path / name)]) == 0

    assert (tmp_path / name).read_text("utf-8").startswith(first)


def test_graph_is_printed_without_a_file(residual: str, capsys: pytest.CaptureFixture[str]) -> None:
    """So that it can be piped on."""
    assert main(["show", residual, "--graph", "svg"]) == 0

    root = ET.fromstring(capsys.readouterr().out)  # noqa: S314 - our own text
    assert root.tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--graph", "png"], 2, "option-value"),
        (["--depth", "0"], 2, "option-value"),
        (["--depth", "2", "--expanded"], 2, "exclude each other"),
        (["-o", "/no/such/folder/net.svg"], 2, "unwritable-file"),
    ],
)
def test_mistakes_are_diagnostics(
    residual: str, words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the exit code of a wrong command line."""
    assert main(["show", residual, *words]) == code

    assert said in capsys.readouterr().err


def test_a_wrong_spec_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is drawn of it."""
    path = tmp_path / "wrong.yaml"
    path.write_text("name: wrong\ninput: [3, 8, 8]\nnet: x + conv(4, 1)\n")

    assert main(["show", str(path)]) == 1

    captured = capsys.readouterr()
    assert "error[add-shapes]" in captured.err
    assert captured.out == ""


def test_what_nobody_could_look_at_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the depth that can be drawn; unasked, a page is."""
    doubling = "".join(f"  b{n}: b{n - 1} -> b{n - 1}\n" for n in range(1, 19))
    path = tmp_path / "large.yaml"
    path.write_text(f"name: large\ninput: [4]\nblocks:\n  b0: relu\n{doubling}net: b18\n")

    assert main(["show", str(path), "--expanded"]) == 2
    assert "open up less: `--depth 14`" in capsys.readouterr().err
    assert main(["show", str(path), "--depth", "3"]) == 0


def test_a_narrow_terminal_cuts_the_texts_alone() -> None:
    """Figures stay, and no line is wider than the terminal where that can be."""
    drawing = draw(compiler.network_of(compiler.compile_spec("resnet50", to_print=False)), 3)
    wide, narrow = tree_table(drawing).splitlines(), tree_table(drawing, columns=90).splitlines()

    assert max(map(len, narrow)) <= 90 < max(map(len, wide))
    assert [line.split()[-1] for line in narrow] == [line.split()[-1] for line in wide]


def test_colour_leaves_the_text_alone() -> None:
    """Without its escape codes the coloured tree is the plain one."""
    drawing = draw(compiler.network_of(compiler.compile_spec("unet", to_print=False)), 2)
    coloured = tree_table(drawing, COLOURED)

    for code in filter(None, vars(COLOURED).values()):
        coloured = coloured.replace(code, "")

    assert coloured == tree_table(drawing)
