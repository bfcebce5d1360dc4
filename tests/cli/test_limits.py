"""The largest networks: counted before anything is expanded, checked at once, not built."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import netdsl
from netdsl.analysis.compound_walk import MOST_LAYERS
from netdsl.cli.main import main
from netdsl.compiler import MOST_BUILT_LAYERS
from netdsl.diagnostics import MOST_FAULTS, Faults
from netdsl.language.yaml_text import LARGEST_FILE

MOST_SECONDS, MOST_MEGABYTES = 2.0, 300
NOISE = 2
"""How many times as long the same may take where much else is running."""
MEASURED = """
import resource, subprocess, sys
code = subprocess.run([sys.executable, "-m", "netdsl", *sys.argv[1:]]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(code, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, file=sys.stderr)
"""
"""A small process between, since a process is charged for the memory of the one that started it."""
SPECS = {
    "one repeat": f"net: relu * {MOST_LAYERS}\n",
    "repeats in repeats": "blocks:\n  a: (conv(3, 3, padding=1) -> relu)*1000\n"
    f"net:\n  stem: a*1000\n  body: a*{MOST_LAYERS // 2000 - 1000}\n",
    "a shared module": f"shared:\n  a: (conv(3, 1) -> relu)*{MOST_LAYERS // 4 - 1}\n"
    "net: a -> maxpool(2) -> a\n",
}


def written(text: str, folder: Path) -> Path:
    """A spec's file."""
    path = folder / "spec.yaml"
    path.write_text(f"name: deep\ninput: [3, 32, 32]\n{text}", "utf-8")
    return path


def within_limits(command: list[str]) -> tuple[int, str]:
    """The exit code of a process of its own and what it says, within the time and memory it may take."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *command], capture_output=True, text=True, check=False, timeout=60
    )
    code, seconds, megabytes = map(float, done.stderr.split()[-3:])
    assert seconds < NOISE * MOST_SECONDS
    assert megabytes < MOST_MEGABYTES
    return int(code), done.stdout


@pytest.mark.parametrize("text", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("form", ["table", "json"])
def test_ten_million_layers_are_checked(text: str, form: str, tmp_path: Path) -> None:
    """In the time and memory of a small network."""
    code, said = within_limits(["check", str(written(text, tmp_path)), "--format", form])

    assert code == 0, said
    if form == "json":
        found = json.loads(said)
        assert MOST_LAYERS - 3 <= found["layers"] <= MOST_LAYERS
        assert found["nodes"] == []
        assert "too many to list" in found["nodes_left_out"]


def test_one_layer_more_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before it is expanded."""
    assert main(["check", str(written(f"net: relu * {MOST_LAYERS} -> relu\n", tmp_path))]) == 1
    assert "error[too-many-layers]" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["emit", "train"])
def test_more_layers_are_checked_than_built(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is only counted costs nothing; a module costs kilobytes."""
    text = f"net: relu * {MOST_BUILT_LAYERS + 1}\ntrain: {{data: digits}}\n"
    path = written(text, tmp_path)

    assert main(["check", str(path)]) == 0
    assert main([verb, str(path)]) == 1
    assert "error[too-many-layers-to-build]" in "".join(capsys.readouterr())
    with pytest.raises(Faults, match="too-many-layers-to-build"):
        netdsl.build(path)


def test_as_many_layers_as_are_built_are_printed(tmp_path: Path) -> None:
    """The limit itself is within it."""
    path = written(f"net: relu * {MOST_BUILT_LAYERS}\n", tmp_path)

    assert "class Deep(" in netdsl.emit(path)


@pytest.mark.parametrize(("stage", "code"), [("relv", "unknown-name"), ("relu )", "surplus-parenthesis")])
def test_no_more_faults_are_told_than_one_reads(stage: str, code: str, tmp_path: Path) -> None:
    """Then it is said that the rest was not looked at."""
    text = "".join(f"  s{number}: {stage}\n" for number in range(MOST_FAULTS + 5))
    *faults, last = netdsl.check(written(f"net:\n{text}", tmp_path)).diagnostics

    assert [fault.code for fault in faults] == [code] * MOST_FAULTS
    assert last.code == "too-many-faults"
    assert last.span is not None
    assert last.span.text == stage[-len(last.span.text) :]


def test_no_more_warnings_are_told_than_one_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They stay warnings."""
    text = "".join(f"  b{number}: relu\n" for number in range(MOST_FAULTS + 5))
    path = written(f"net: relu\nblocks:\n{text}", tmp_path)

    assert main(["check", str(path)]) == 0
    assert f"{MOST_FAULTS + 1} warnings" in capsys.readouterr().out


SIZE = LARGEST_FILE - 200
"""Bytes of the largest texts, but for what stands in front and behind."""
LARGE = {
    "parentheses": ("net: " + "(" * SIZE, "expression-too-deep"),
    "brackets of yaml": ("net: " + "[" * SIZE, "nesting-too-deep"),
    "a row": ("net: 1" + "+1" * (SIZE // 2), "expression-too-deep"),
    "an expression": ("net: a" + " -> a" * (SIZE // 5), "too-many-words"),
    "a list": ("net: relu\nparams:\n  a: [1" + ",1" * (SIZE // 2) + "]", "too-many-words"),
    "stages": ("net:\n" + "".join(f"  s{n}: relu\n" for n in range(70_000)), "too-many-words"),
    "stages that are worked out": (
        "net:\n" + "".join(f"  s{n}: relu\n" for n in range(30_000)),
        "too-much-work",
    ),
    "mistakes": ("net:\n" + "".join(f"  s{n}: f(\n" for n in range(45_000)), "too-many-faults"),
    "names": ("net: a" + " and a" * 80_000, "too-many-faults"),
    "blocks": ("net: y\nblocks:\n" + "".join(f"  b{n}: y -> z\n" for n in range(20_000)), "too-many-faults"),
    "tags": ("net:\n" + "- !a 1\n" * 70_000, "too-many-faults"),
    "a comment": ("net: cnov #" + "-" * SIZE, "unknown-name"),
    "a name": ("net: " + "a" * SIZE, "name-too-long"),
}
"""Texts of a hostile hand, none larger than a file may be, with the fault that ends each."""


@pytest.mark.parametrize(("text", "code"), LARGE.values(), ids=LARGE)
def test_the_largest_texts_are_answered(text: str, code: str, tmp_path: Path) -> None:
    """Soon and in little memory, whatever they say."""
    path = written(f"{text}\n", tmp_path)
    assert path.stat().st_size <= LARGEST_FILE
    exit_code, said = within_limits(["check", str(path)])

    assert exit_code == 1
    assert f"error[{code}]" in said


def test_a_larger_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size says enough."""
    path = written(f"net: relu #{'-' * LARGEST_FILE}\n", tmp_path)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: pytest.fail("it is read"))

    with pytest.raises(Faults, match="file-too-large"):
        netdsl.check(path)
