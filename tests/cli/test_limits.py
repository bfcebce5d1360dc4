"""The largest networks: counted before anything is expanded, checked at once, not built."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import netdsl
from netdsl.analysis.expansion import MOST_LAYERS
from netdsl.cli.main import main
from netdsl.compiler import MOST_BUILT_LAYERS
from netdsl.diagnostics import MOST_FAULTS, Faults

MOST_SECONDS, MOST_MEGABYTES = 2.0, 300
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


@pytest.mark.parametrize("text", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("form", ["table", "json"])
def test_ten_million_layers_are_checked(text: str, form: str, tmp_path: Path) -> None:
    """In the time and memory of a small network, as a process of its own is charged for them."""
    command = ["check", str(written(text, tmp_path)), "--format", form]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *command], capture_output=True, text=True, check=False, timeout=60
    )
    code, seconds, megabytes = map(float, done.stderr.split()[-3:])
    said = done.stdout

    assert code == 0, said
    assert seconds < MOST_SECONDS
    assert megabytes < MOST_MEGABYTES
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
