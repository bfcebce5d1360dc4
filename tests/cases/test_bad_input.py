"""What people do wrong, through the command line: each has its own code, and the exit code it belongs to."""

import subprocess
import sys
from pathlib import Path

import pytest

from netdsl.cli.main import main

HEAD = "name: net\ninput: [3, 32, 32]\n"

WRONG_SPECS = {
    "an empty file": ("", "empty-file"),
    "a tab": (HEAD + "net:\n\tstem: relu\n", "tab"),
    "a duplicate key": (HEAD + "net: relu\nnet: tanh\n", "duplicate-key"),
    "an alias": (HEAD + "net: *stem\n", "yaml-alias"),
    "an anchor": (HEAD + "net: &stem relu\n", "yaml-anchor"),
    "a tag": (HEAD + "net: !!python/name:os.system relu\n", "yaml-tag"),
    "an unknown key": (HEAD + "net: relu\nlayers: relu\n", "unknown-key"),
    "an unknown layer": (HEAD + "net: cnov(8, 3)\n", "unknown-name"),
    "too few arguments": (HEAD + "net: conv(8)\n", "missing-argument"),
    "too many arguments": (HEAD + "net: relu(1, 2)\n", "surplus-argument"),
    "a stride of 0": (HEAD + "net: conv(8, 3, stride=0)\n", "argument-range"),
    "a kernel larger than the input": (HEAD + "net: conv(8, 33)\n", "kernel-larger-than-input"),
    "groups that do not divide": (HEAD + "net: conv(8, 3, groups=2)\n", "groups-divide"),
    "unequal shapes added": (HEAD + "net: x + conv(8, 3)\n", "add-shapes"),
    "unequal shapes concatenated": (HEAD + "net: x | conv(8, 3)\n", "concat-shapes"),
    "recursive blocks": (HEAD + "blocks:\n  a: b\n  b: a\nnet: a\n", "recursive-block"),
    "a repeat of 10**9": (HEAD + "net: relu * 10**9\n", "too-many-layers"),
    "a value that YAML reads as a list": (HEAD + "net: [relu, tanh]\n", "yaml-list"),
    "grouping in brackets": (HEAD + "net: [relu -> tanh]*2\n", "yaml-list"),
    "a byte that is no UTF-8": (b"name: net\xff\n", "not-text"),
    "a nesting bomb": (HEAD + "net: " + "(" * 5000 + "relu" + ")" * 5000, "expression-too-deep"),
    "a name without end": (f"name: {'a' * 101}\ninput: [3, 32, 32]\nnet: relu\n", "name-too-long"),
    "a file's name without end": (f"extends: {'a' * 5000}\n", "missing-spec"),
    "a bidirectional control": (HEAD + "net: relu # \u202e\n", "unseen-character"),
    "one behind an escape": (HEAD + 'about: "\\u2066"\nnet: relu\n', "unseen-character"),
    "65 levels of YAML": (HEAD + "params: {a: " + "[" * 65 + "]" * 65 + "}\nnet: relu\n", "nesting-too-deep"),
    "a size of 2**31": (HEAD + "net: conv(2147483648, 3)\n", "argument-range"),
    "a path that leads away": (HEAD + "extends: ../other.yaml\n", "extends-outside"),
    "an absolute path": (HEAD + "extends: /etc/passwd\n", "extends-outside"),
    "a huge file": (HEAD + "about: " + "a" * 2_000_000, "file-too-large"),
}


@pytest.mark.parametrize(("text", "code"), WRONG_SPECS.values(), ids=WRONG_SPECS)
def test_a_wrong_spec_has_exit_code_1(
    text: str | bytes, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One diagnostic, which names the file, and no traceback."""
    path = tmp_path / "spec.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())

    assert main(["check", str(path)]) == 1
    said = "".join(capsys.readouterr())
    assert said.count("error[") == 1
    assert f"error[{code}]" in said
    assert "spec.yaml" in said
    assert "Traceback" not in said


WRONG_COMMANDS = {
    "a missing file": (["check", "nowhere.yaml"], "missing-spec"),
    "a folder": (["check", "."], "missing-spec"),
    "a name that no file can have": (["check", "a" * 5000], "missing-spec"),
    "an unknown parameter": (["check", "lenet5", "--set", "clases=7"], "unknown-parameter"),
    "an unknown parameter to emit": (["emit", "lenet5", "--set", "clases=7"], "unknown-parameter"),
    "a value that cannot be read": (["check", "lenet5", "--set", "classes=7)"], "surplus-parenthesis"),
    "a setting without a value": (["check", "lenet5", "--set", "classes"], "set-form"),
}


@pytest.mark.parametrize(("words", "code"), WRONG_COMMANDS.values(), ids=WRONG_COMMANDS)
def test_a_wrong_command_has_exit_code_2(
    words: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong is not in the spec's text."""
    assert main(words) == 2
    said = "".join(capsys.readouterr())
    assert said.count("error[") == 1
    assert f"error[{code}]" in said


@pytest.mark.parametrize("target", ["link.yaml", "folder/other.yaml"])
def test_links_that_leave_the_folder_are_not_followed(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither to a file nor through a folder; a link within it is."""
    (tmp_path / "root").mkdir()
    (tmp_path / "outside").mkdir()
    for folder in ("root", "outside"):
        (tmp_path / folder / "other.yaml").write_text(HEAD + "net: relu\n")
    (tmp_path / "root" / "link.yaml").symlink_to(tmp_path / "outside" / "other.yaml")
    (tmp_path / "root" / "folder").symlink_to(tmp_path / "outside")
    (tmp_path / "root" / "inner.yaml").symlink_to("other.yaml")
    spec = tmp_path / "root" / "spec.yaml"

    spec.write_text(f"extends: {target}\n")
    assert main(["check", str(spec)]) == 1
    assert "error[extends-outside]" in capsys.readouterr().out
    spec.write_text("extends: inner.yaml\n")
    assert main(["check", str(spec)]) == 0


def test_a_yaml_bomb_does_not_go_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lists of lists of aliases, which would be 10**9 items: every anchor and alias is named instead."""
    levels = [f"  l{n + 1}: &l{n + 1} [{', '.join([f'*l{n}'] * 10)}]\n" for n in range(9)]
    path = tmp_path / "spec.yaml"
    path.write_text(HEAD + "net: relu\nparams:\n  l0: &l0 [1]\n" + "".join(levels))

    assert main(["check", str(path)]) == 1
    said = capsys.readouterr().out
    assert said.count("error[yaml-anchor]") == 10
    assert said.count("error[yaml-alias]") == 90
    assert said.count("error[") == 100


def test_a_suggestion_is_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The nearest name of a misspelt layer and of a misspelt parameter."""
    path = tmp_path / "spec.yaml"
    path.write_text(HEAD + "params: {classes: 3}\nnet: cnov(8, 3)\n")
    main(["check", str(path)])
    assert "did you mean `conv`?" in capsys.readouterr().out
    main(["check", str(path), "--set", "clases=3"])
    assert "did you mean `classes`?" in capsys.readouterr().out


def test_both_operands_of_a_merge_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each where it was made, with its shape, wherever in the file that is."""
    path = tmp_path / "spec.yaml"
    path.write_text(HEAD + "net:\n  left: conv(4, 3)\n  right: conv(8, 3)\n  sum: from(left) + from(right)\n")
    main(["check", str(path)])
    lines = capsys.readouterr().out.splitlines()

    (at,) = [i for i, line in enumerate(lines) if "sum: from(left) + from(right)" in line]
    drawn = "\n".join(lines[at + 1 : at + 4])
    assert "gives 4×30×30" in drawn
    assert "gives 8×28×28" in drawn


def test_a_fresh_process_says_the_same(tmp_path: Path) -> None:
    """The shell sees the exit code."""
    path = tmp_path / "spec.yaml"
    path.write_text(HEAD + "net: cnov(8, 3)\n")
    command = [sys.executable, "-m", "netdsl", "check", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 1
    assert "error[unknown-name]" in done.stdout
    assert done.stderr == ""
