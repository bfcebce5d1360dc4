"""`netdsl runs`: what there is, how far it has come, and what runs differ in."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import netdsl
from netdsl.cli.main import main
from netdsl.diagnostics import Faults
from netdsl.training.run_list import draw_runs, find_runs

SPEC = """
name: small
input: [1, 8, 8]
params: {width: 4}
net: flatten -> linear(width) -> relu -> linear(10)
train: {data: digits, batch: 64, epochs: 2, optimizer: sgd(lr=0.1)}
"""

HOLD = """
import pathlib, sys
from netdsl.training.lock import locked
with locked(pathlib.Path(sys.argv[1])):
    print("ready", flush=True)
    input()
"""
"""Holds a run's folder until a line comes in."""

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three runs: finished, failed, and stopped after the first of two epochs."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "small.yaml").write_text(SPEC)
    netdsl.train(folder / "small.yaml", out=folder / "done", device="cpu", settings={"width": "6"})
    with pytest.raises(Faults):
        netdsl.train(folder / "small.yaml", out=folder / "bad", device="cpu", optimizer="sgd(lr=1e38)")
    netdsl.train(folder / "small.yaml", out=folder / "half", device="cpu", epochs=1, seed=3)
    recipe = json.loads((folder / "half" / "recipe.json").read_text())
    (folder / "half" / "recipe.json").write_text(json.dumps(recipe | {"epochs": 2}))
    for day, name in enumerate(("done", "bad", "half"), start=1):
        facts = json.loads((folder / name / "run.json").read_text())
        facts["started"] = f"2024-05-0{day}T00:00:00+00:00"
        (folder / name / "run.json").write_text(json.dumps(facts))
    return folder


@pytest.fixture
def runs(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, as `runs` in the current folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made, "runs")
    return tmp_path / "runs"


def test_runs_are_listed_with_how_far_they_have_come(runs: Path, capsys: Output) -> None:
    assert main(["runs"]) == 0

    said = capsys.readouterr().out
    lines = {line.split()[0]: line.split() for line in said.splitlines()[:4]}
    assert list(lines) == ["run", "runs/half", "runs/bad", "runs/done"]
    assert [lines[f"runs/{name}"][3:5] for name in ("done", "bad", "half")] == [
        ["finished", "2/2"],
        ["failed", "0/2"],
        ["stopped", "1/2"],
    ]
    assert "\nruns/bad failed: the loss is " in said


def test_a_run_whose_folder_is_in_use_is_running(runs: Path) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(runs / "done")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        states = {Path(one.name).name: one.state.word for one in find_runs([runs]).runs}
        other.communicate("\n")
    assert states == {"done": "running", "bad": "failed", "half": "stopped"}


def test_runs_are_listed_without_torch(runs: Path) -> None:
    """So that a list takes no longer than its files take to read."""
    code = "import sys; from netdsl.cli.main import main; main(['runs', sys.argv[1]]); print(*sys.modules)"

    listed = subprocess.run(
        [sys.executable, "-c", code, str(runs)], capture_output=True, text=True, check=True, timeout=120
    )

    assert "finished" in listed.stdout
    assert {"torch", "numpy", "matplotlib"}.isdisjoint(listed.stdout.splitlines()[-1].split())


def test_a_failure_is_forgotten_once_a_run_goes_on(runs: Path) -> None:
    assert json.loads((runs / "bad" / "failure.json").read_text())["code"] == "non-finite-loss"

    with pytest.raises(Faults):
        netdsl.train(runs / "small.yaml", resume=runs / "bad", seed=1, device="cpu")
    assert not (runs / "done" / "failure.json").exists()
    netdsl.train(runs / "small.yaml", resume=runs / "half", device="cpu")
    (half,) = find_runs([runs / "half"]).runs
    assert half.state.word == "finished"


def test_runs_that_are_named_are_compared(runs: Path, capsys: Output) -> None:
    """Only what differs is told, but of the figures all."""
    assert main(["runs", "runs/done", "runs/half", "-o", "curves.png"]) == 0

    said = capsys.readouterr().out
    lines = [line.split() for line in said.splitlines()]
    assert ["width", "6", "as", "written"] in lines
    assert ["seed", "0", "3"] in lines
    assert "environment: the same" in said
    assert ["epochs", "2", "1"] in lines
    assert any(line[:2] == ["parameters", "460"] for line in lines)
    assert "optimizer" not in said
    with Image.open("curves.png") as picture:
        assert picture.width > 1000


def test_json_holds_the_list_and_the_comparison(runs: Path, capsys: Output) -> None:
    assert main(["runs", "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert main(["runs", "runs/done", "runs/half", "--format", "json"]) == 0
    compared = json.loads(capsys.readouterr().out)

    done = next(one for one in listed["runs"] if one["state"] == "finished")
    assert (done["epochs_done"], done["metric"], done["params"]) == (2, "accuracy", 460)
    assert done["best"] >= done["last"] > 0.1
    assert compared["differences"]["spec"] == {"width": ["6", "as written"]}
    assert compared["figures"]["epochs"] == [2, 1]


def test_a_damaged_run_is_passed_over_and_named(runs: Path, capsys: Output) -> None:
    (runs / "done" / "recipe.json").write_text("{")

    assert main(["runs"]) == 0
    assert "/recipe.json` cannot be read" in capsys.readouterr().out


def test_what_a_run_s_file_lacks_is_named(runs: Path, capsys: Output) -> None:
    facts = json.loads((runs / "done" / "run.json").read_text())
    (runs / "done" / "run.json").write_text(
        json.dumps({name: facts[name] for name in facts if name != "seed"})
    )

    assert main(["eval", str(runs / "done")]) == 5
    assert "run.json` is not what this netdsl writes (seed: field required)" in capsys.readouterr().err


def test_curves_are_those_of_the_rows(runs: Path) -> None:
    found = find_runs([runs / "done", runs / "half"])
    drawn = draw_runs(found.runs)

    lines = drawn.axes[1].lines
    done = found.runs[0].run.rows
    assert [np.asarray(line.get_ydata()).tolist() for line in lines[:2]] == [
        [row["train_accuracy"] for row in done],
        [row["test_accuracy"] for row in done],
    ]
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nowhere"], "missing-run"),
        (["empty"], "missing-run"),
        (["runs", "-o", "curves"], "option-value"),
        (["runs", "-o", "no/curves.png"], "unwritable-file"),
    ],
)
def test_what_is_wrong_is_said(words: list[str], code: str, runs: Path, capsys: Output) -> None:
    Path("empty").mkdir()

    assert main(["runs", *words]) == 2
    assert f"error[{code}]: " in capsys.readouterr().err
