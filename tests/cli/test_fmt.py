"""`netdsl fmt` as people, editors and pre-commit call it."""

import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from netdsl.cli.main import main

ROOT = Path(__file__).parents[2]
UGLY = "name: net\nnet:   conv( 8,3 )->relu # why\ninput: [3,8,8]\n"
USUAL = "name: net\ninput: [3, 8, 8]\nnet: conv(8, 3) -> relu # why\n"
WRONG = "name: net\ninput: [3, 8, 8]\nnet: conv(8 3)\n"

Output = pytest.CaptureFixture[str]


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A spec in another layout than the usual one."""
    path = tmp_path / "spec.yaml"
    path.write_bytes(UGLY.encode())
    return path


def test_a_file_is_formatted_in_place(spec: Path, capsys: Output) -> None:
    """And said so; the second time there is nothing to say."""
    spec.chmod(0o640)
    assert main(["fmt", str(spec)]) == 0
    assert spec.read_bytes() == USUAL.encode()
    assert spec.stat().st_mode & 0o777 == 0o640
    assert capsys.readouterr().out == f"formatted {spec}\n"
    assert main(["fmt", str(spec)]) == 0
    assert capsys.readouterr().out == ""
    assert [path.name for path in spec.parent.iterdir()] == ["spec.yaml"]


def test_check_and_diff_write_nothing(spec: Path, capsys: Output) -> None:
    """Exit code 1 with --check alone or with --diff, 0 where nothing would change."""
    assert main(["fmt", "--check", str(spec)]) == 1
    assert capsys.readouterr().out == f"would format {spec}\n"
    assert main(["fmt", "--diff", str(spec)]) == 0
    assert "-net:   conv( 8,3 )->relu # why\n" in capsys.readouterr().out
    assert main(["fmt", "--check", "--diff", str(spec)]) == 1
    assert "+net: conv(8, 3) -> relu # why\n" in capsys.readouterr().out
    assert spec.read_bytes() == UGLY.encode()
    spec.write_bytes(USUAL.encode())
    assert main(["fmt", "--check", "--diff", str(spec)]) == 0
    assert capsys.readouterr().out == ""


def test_a_diff_can_be_applied(spec: Path, capsys: Output) -> None:
    """Also where the file's last line has no end."""
    spec.write_bytes(UGLY.rstrip("\n").encode())
    main(["fmt", "--diff", str(spec)])
    patch = capsys.readouterr().out.replace(f" {spec}", " spec.yaml")
    subprocess.run(["git", "apply", "-p0"], input=patch, text=True, cwd=spec.parent, check=True, timeout=60)

    assert spec.read_text() == USUAL


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (UGLY.replace("\n", "\r\n"), USUAL.replace("\n", "\r\n")),
        (UGLY.rstrip("\n"), USUAL),
        (f"\ufeff{UGLY}", USUAL),
        (USUAL + "\n\n", USUAL),
        (USUAL.replace("\n", " \n"), USUAL),
    ],
)
def test_ends_of_lines_and_of_the_file(spec: Path, before: str, after: str) -> None:
    """Windows' line ends stay, blanks before them go, the last line gets its own, a byte order mark goes."""
    spec.write_bytes(before.encode())
    assert main(["fmt", "--check", str(spec)]) == 1
    assert main(["fmt", str(spec)]) == 0
    assert spec.read_bytes() == after.encode()
    assert main(["fmt", "--check", str(spec)]) == 0


def test_a_wrong_spec_is_left_untouched(spec: Path, tmp_path: Path, capsys: Output) -> None:
    """Its diagnostics are told, and the others are formatted all the same."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(WRONG)
    assert main(["fmt", str(wrong), str(spec)]) == 1
    assert "error[missing-comma]" in capsys.readouterr().err
    assert wrong.read_text() == WRONG
    assert spec.read_text() == USUAL


def test_a_spec_whose_shapes_are_wrong_is_formatted(spec: Path) -> None:
    """It can be read: the rest is for `netdsl check`."""
    spec.write_text(USUAL.replace("conv(8, 3)", "conv( 8,30)"))
    assert main(["fmt", str(spec)]) == 0
    assert spec.read_text() == USUAL.replace("3) ->", "30) ->")


def test_standard_input_goes_to_standard_output(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    """For editors; a wrong one gives diagnostics and no text."""

    def format_text(text: str, *options: str) -> int:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        return main(["fmt", "-", *options])

    assert format_text(UGLY) == 0
    assert capsys.readouterr().out == USUAL
    assert format_text(UGLY, "--check") == 1
    assert format_text(USUAL, "--check") == 0
    capsys.readouterr()
    assert format_text(WRONG) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "<stdin>:3:" in said.err


@pytest.mark.parametrize("words", [["nowhere.yaml"], ["lenet5"], ["."]])
def test_only_files_are_formatted(words: list[str], capsys: Output) -> None:
    """Neither folders nor the specs that come with netdsl."""
    assert main(["fmt", *words]) == 2
    assert "error[missing-spec]" in capsys.readouterr().err


def test_a_link_stays_one(spec: Path) -> None:
    """The file behind it is formatted."""
    link = spec.with_name("link.yaml")
    link.symlink_to(spec.name)
    assert main(["fmt", str(link)]) == 0
    assert link.is_symlink()
    assert spec.read_text() == USUAL


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_is_read_only(spec: Path, capsys: Output) -> None:
    """The file is kept as it was."""
    spec.parent.chmod(0o500)
    try:
        assert main(["fmt", str(spec)]) == 2
    finally:
        spec.parent.chmod(0o700)
    assert "error[unwritable-file]" in capsys.readouterr().err
    assert spec.read_text() == UGLY


# The hooks of pre-commit


def hooks() -> dict[str, dict[str, str]]:
    """What `.pre-commit-hooks.yaml` declares."""
    return {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))}


def commit(hook: str, *files: str) -> subprocess.CompletedProcess[str]:
    """Runs a hook as pre-commit does: its entry with the files that its pattern finds."""
    declared = hooks()[hook]
    found = [file for file in files if re.search(declared["files"], file)]
    python = Path(sys.executable).with_name("netdsl")
    words = [str(python) if word == "netdsl" else word for word in shlex.split(declared["entry"])]
    return subprocess.run([*words, *found], capture_output=True, text=True, check=False, timeout=60)


def test_the_hook_that_checks(tmp_path: Path) -> None:
    """Passes what is right and stops what is wrong."""
    (tmp_path / "specs").mkdir()
    right, wrong = tmp_path / "specs" / "right.yaml", tmp_path / "specs" / "wrong.yaml"
    right.write_text(USUAL)
    wrong.write_text(WRONG)

    assert commit("netdsl-check", str(right), str(tmp_path / "other.yaml")).returncode == 0
    assert commit("netdsl-check", str(right), str(wrong)).returncode == 1


def test_the_hook_that_formats(tmp_path: Path) -> None:
    """Changes the file, which is what stops a commit."""
    path = tmp_path / "specs" / "net.yaml"
    path.parent.mkdir()
    path.write_text(UGLY)

    assert commit("netdsl-fmt", str(path), "compose.yaml").returncode == 0
    assert path.read_text() == USUAL


def test_the_hooks_find_specs_and_nothing_else() -> None:
    """Files of YAML below a folder `specs`."""
    for hook in hooks().values():
        assert re.search(hook["files"], "specs/resnet50.yaml")
        assert re.search(hook["files"], "networks/specs/vision/resnet50.yaml")
        assert not re.search(hook["files"], "specs/README.md")
        assert not re.search(hook["files"], ".github/workflows/ci.yaml")
        assert hook["language"] == "system"


def test_the_page_shows_what_happens(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its example is formatted just so."""
    page = (ROOT / "docs" / "tools.md").read_text("utf-8")
    before, after, *_ = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(before.encode())))

    assert main(["fmt", "-"]) == 0
    assert capsys.readouterr().out == after
