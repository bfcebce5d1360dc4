"""A wrong spec is shown up to its first fault: the shapes that are known say how it came to that."""

from pathlib import Path

import pytest

from netdsl.cli.main import main
from netdsl.compiler import check_source
from netdsl.diagnostics import Source

HEAD = "name: net\ninput: [3, 32, 32]\n"
SPECS = {
    "net:\n  stem: conv(8, 3)\n  body: maxpool(2)\n  head: conv(8, 31)\n": ["stem", "body"],
    "net:\n  stem: conv(8, 3)\n  body: rleu\n  head: linear(3)\n": ["stem"],
    "net:\n  stem: conv(8, 3)\n  body: rleu -> flatten -> linear(3)\n  head: relu\n": ["stem"],
    "net:\n  stem: conv(8, 3)\n  body: conv(8)\n": ["stem"],
    "net:\n  stem: conv(8,, 3)\n  body: relu\n": [],
    "net: relu -> conv(8, 3) -> conv(8, 31) -> relu\n": ["relu1", "conv1"],
    "net:\n  - relu\n  - stem: conv(8, 3)\n    body: tanh + conv(8, 3)\n": ["relu1", "stem"],
    "blocks:\n  a(n): conv(n, n)\nnet: a(3) -> a(5) -> a(99) -> a(3)\n": ["a1", "a2"],
    "params: {n: 1 // 0}\nnet: relu -> conv(n, 3) -> linear(2)\n": ["relu1"],
}


@pytest.mark.parametrize(("text", "stages"), SPECS.items(), ids=list(SPECS))
def test_what_stands_before_the_fault_is_known(text: str, stages: list[str]) -> None:
    """No step that holds a fault, and none behind one."""
    report = check_source(Source("spec.yaml", HEAD + text))

    assert not report.ok
    assert [stage.name for stage in report.stages] == stages


def test_the_table_ends_where_the_fault_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the shapes and sums so far, and no total."""
    path = tmp_path / "spec.yaml"
    path.write_text(HEAD + next(iter(SPECS)), "utf-8")

    assert main(["check", str(path)]) == 1
    said = capsys.readouterr().out
    assert "8×15×15" in said
    assert "so far" in said
    assert "total" not in said
    assert said.index("so far") < said.index("error[kernel-larger-than-input]")
