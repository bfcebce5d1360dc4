"""Files as editors write them: ends of lines, byte order marks, other scripts; positions hold in all."""

from pathlib import Path

import pytest

from netdsl import compiler
from netdsl.diagnostics import Diagnostic, Faults

SPEC = """name: net
about: Свёртка 卷积 🙂
input: [3, 32, 32]
net:
  stem: conv(8, 3) -> relu   # 🙂🙂
  body: "relu -> cnov(3)"
  head: |
    relu
    -> relu(3)
"""
FAULTS = [("unknown-name", 6, 18), ("surplus-argument", 9, 13)]


def faults(path: Path) -> list[tuple[str, int, int]]:
    """The code, line and column of everything wrong with a file."""
    return [_place(diagnostic) for diagnostic in compiler.check(path).diagnostics]


def _place(diagnostic: Diagnostic) -> tuple[str, int, int]:
    assert diagnostic.span is not None
    return (diagnostic.code, *diagnostic.span.source.position(diagnostic.span.start))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["Unix", "Windows", "old Mac"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "with a byte order mark"])
def test_positions_are_the_same_however_lines_end(end: str, mark: str, tmp_path: Path) -> None:
    """A byte order mark is no character of the text, and an end of line is one."""
    path = tmp_path / "spec.yaml"
    path.write_bytes((mark + SPEC.replace("\n", end)).encode("utf-8"))

    assert faults(path) == FAULTS


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_other_encodings_are_refused(encoding: str, tmp_path: Path) -> None:
    """Guessing would misread some file in silence."""
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC.replace("🙂", "ö").replace("Свёртка 卷积", "ö"), encoding=encoding)

    with pytest.raises(Faults) as caught:
        compiler.check(path)
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["not-text"]


def test_a_file_without_its_last_end_of_line_is_read(tmp_path: Path) -> None:
    """As many editors leave it."""
    path = tmp_path / "spec.yaml"
    path.write_text("name: net\ninput: [3, 32, 32]\nnet: relu -> cnov")

    assert faults(path) == [("unknown-name", 3, 14)]
