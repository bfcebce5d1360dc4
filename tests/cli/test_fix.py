"""`check --fix`: what a diagnostic says to write is written, works, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from netdsl.analysis.lints.choice import Lints
from netdsl.cli.fix import is_mended
from netdsl.cli.main import main
from netdsl.compiler import check_source
from netdsl.diagnostics import Diagnostic, Edit, Source, Span
from netdsl.diagnostics.fixes import apply, edits_of
from tests.cases.reading import Case, read_cases, read_page

MENDING = Path(__file__).parents[1] / "cases" / "mending.md"
CASES = [case for case in read_cases(Path(__file__).parents[1] / "cases") if not case.settings]


def fixable(case: Case, folder: Path) -> list[Diagnostic]:
    """The diagnostics of a case, its warnings included, that carry edits."""
    return [found for found in case.check(folder, Lints()).diagnostics if edits_of(found)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_edit_takes_its_diagnostic_away(case: Case, tmp_path: Path) -> None:
    """The text with the edit no longer has that fault, nor another where it was edited, unless a nearer look
    at what has the right name now finds one."""
    whole = case.check(tmp_path, Lints()).diagnostics
    for diagnostic in fixable(case, tmp_path):
        edits = edits_of(diagnostic)
        source = edits[0].span.source
        if Path(source.name).name != "spec.yaml":
            continue
        changed = Source(source.name, apply(source, edits))
        rest = check_source(changed, lints=Lints()).diagnostics
        if not is_mended(diagnostic, edits, whole, rest, changed):
            assert diagnostic.code in HIDING, (diagnostic, changed.text, rest)
            assert (diagnostic.code, diagnostic.message) not in [(d.code, d.message) for d in rest]


HIDING = ("unknown-name", "foreign-name", "unknown-key", "missing-space")
"""Faults of a name that keep what belongs to it from being looked at."""


@pytest.mark.parametrize("case", [*read_page(MENDING)], ids=lambda case: case.name)
def test_a_case_whose_faults_all_carry_edits_mends_itself(case: Case, tmp_path: Path) -> None:
    """`--fix` makes the spec right, errors and what showed behind them alike."""
    assert all(edits_of(found) for found in case.check(tmp_path).diagnostics)
    file = tmp_path / "spec.yaml"

    assert main(["check", "--fix", str(file)]) == 0, file.read_text("utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_edits_leave_no_error_that_has_edits(case: Case, tmp_path: Path) -> None:
    """Where every fault can be mended, mending them all leaves a right spec, or what needs a decision."""
    found = case.check(tmp_path).diagnostics
    if not found or case.files or not all(edits_of(diagnostic) for diagnostic in found):
        return
    file = tmp_path / "spec.yaml"
    main(["check", "--fix", str(file)])
    rest = check_source(Source("spec.yaml", file.read_text("utf-8"))).diagnostics
    assert not any(edits_of(diagnostic) and diagnostic.code not in HIDING for diagnostic in rest)


def test_there_are_many_fixes(tmp_path: Path) -> None:
    codes = set()
    for number, case in enumerate(CASES):
        folder = tmp_path / str(number)
        folder.mkdir()
        codes |= {diagnostic.code for diagnostic in fixable(case, folder)}
    assert len(codes) >= 60, sorted(codes)


WARNED = {
    "net: conv(8, 3) -> relu -> relu -> tanh\n": "net: conv(8, 3) -> relu -> tanh\n",
    "net: id -> batchnorm -> batchnorm(eps=0.1)\n": "net: id -> batchnorm\n",
    "net: conv(8, 3) -> dropout(0) -> tanh\n": "net: conv(8, 3) -> tanh\n",
    "net: dropout(p=0) -> tanh\n": "net: tanh\n",
    "net: x + maxpool(1)\n": "net: x + id\n",
    "net: tanh  # netdsl: ignore[pool-drops]\n": "net: tanh\n",
    "net:\n  # netdsl: ignore[pool-drops]\n  a: tanh\n": "net:\n  a: tanh\n",
    "net: conv(4, 3) -> batchnorm # netdsl: ignore[bias-before-norm, pool-drops]\n": (
        "net: conv(4, 3) -> batchnorm # netdsl: ignore[bias-before-norm]\n"
    ),
    "blocks:\n  a(f): f -> f\nnet: a(relu)\n": None,
    "params: {p: 0}\nnet: tanh -> dropout(p)\n": None,
}


@pytest.mark.parametrize(("text", "mended"), WARNED.items(), ids=list(WARNED))
def test_warnings_mend_themselves(text: str, mended: str | None, tmp_path: Path) -> None:
    """Where what is in the way is written out; what comes by a name may be meant in another use."""
    head = "name: w\ninput: [3, 32, 32]\n"
    file = tmp_path / "w.yaml"
    file.write_text(head + text, "utf-8")

    assert main(["check", "--fix", str(file)]) == 0

    assert file.read_text("utf-8") == head + (text if mended is None else mended)


def test_channels_that_were_written_last_come_first(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text("name: w\ninput: [224, 224, 3]\nnet: conv(8, 3, padding=1)\n", "utf-8")
    assert main(["check", "--fix", str(file)]) == 0
    assert "input: [3, 224, 224]\n" in file.read_text("utf-8")


WRONG = """\
# a comment
name: w
input: [3, 32, 32]
parms: {classes: 10}
net:
  stem: cnov(8, 3, strid=2) -> batchnorm -> relu   # kept

  body: (conv(8,3,pading=1) + id -> rleu)*2
  head:global_avgpool -> flaten -> linear(classes)
"""
RIGHT = """\
# a comment
name: w
input: [3, 32, 32]
params: {classes: 10}
net:
  stem: conv(8, 3, stride=2, bias=false) -> batchnorm -> relu   # kept

  body: (conv(8,3,padding=1) + id -> relu)*2
  head: global_avgpool -> flatten -> linear(classes)
"""


def test_everything_that_can_be_mended_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(WRONG, "utf-8")
    file.chmod(0o640)

    assert main(["check", "--fix", str(file)]) == 0

    assert file.read_text("utf-8") == RIGHT
    assert file.stat().st_mode & 0o777 == 0o640
    assert f"{file}: 8 mended" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["w.yaml"]


def test_what_needs_a_decision_is_left_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "w.yaml"
    text = "name: w\ninput: [3, 32, 32]\nnet: conv(8, 40) -> rleu\n"
    file.write_text(text, "utf-8")

    assert main(["check", "--fix", str(file)]) == 1

    assert file.read_text("utf-8") == text.replace("rleu", "relu")
    assert "error[kernel-larger-than-input]" in capsys.readouterr().out


def test_a_right_file_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_bytes(RIGHT.replace("\n", "\r\n").encode())
    before = file.stat().st_mtime_ns
    assert main(["check", "--fix", str(file)]) == 0
    assert file.stat().st_mtime_ns == before


def test_line_ends_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_bytes(WRONG.replace("\n", "\r\n").encode())
    assert main(["check", "--fix", str(file)]) == 0
    assert file.read_bytes() == RIGHT.replace("\n", "\r\n").encode()


def test_shipped_specs_are_not_changed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--fix", "lenet5"]) == 2
    assert "`--fix` changes files, and `lenet5` is none" in capsys.readouterr().err


def test_of_edits_that_overlap_the_later_is_applied() -> None:
    source = Source("a", "one two three")
    edits = [Edit(Span(source, 0, 7), "X"), Edit(Span(source, 4, 7), "2"), Edit(Span(source, 13, 13), "!")]
    assert apply(source, edits) == "one 2 three!"


def test_edits_of_another_text_are_not_applied() -> None:
    source = Source("a", "one")
    assert apply(source, [Edit(Span(Source("b", "one"), 0, 3), "two")]) == "one"
