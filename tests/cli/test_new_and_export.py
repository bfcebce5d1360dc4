"""`netdsl new` begins specs that work; `netdsl export` writes runs and specs for other programs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import onnx
import pytest
import torch
from safetensors.torch import load_file

import netdsl
from netdsl import compiler
from netdsl.analysis.lints.choice import Lints
from netdsl.cli.main import main

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_new_spec_is_right_and_formatted(tmp_path: Path) -> None:
    assert main(["new", "mine"]) == 0

    assert compiler.check(tmp_path / "mine.yaml", lints=Lints()).diagnostics == ()
    assert main(["fmt", "--check", "mine.yaml"]) == 0


def test_a_variant_is_the_shipped_network_under_another_name() -> None:
    assert main(["new", "mine", "--like", "resnet18"]) == 0

    report = netdsl.check("mine.yaml")
    assert report.ok
    assert (report.name, report.params) == ("mine", netdsl.check("resnet18").params)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["my-net"], "`my-net` is no name of a network"),
        (["taken"], "`taken.yaml` is there already"),
        (["mine", "--like", "resnet81"], "did you mean `resnet18`?"),
    ],
)
def test_what_cannot_be_begun_is_said(words: list[str], said: str, capsys: Output) -> None:
    Path("taken.yaml").write_text("mine")

    assert main(["new", *words]) == 2

    assert said in capsys.readouterr().err
    assert Path("taken.yaml").read_text() == "mine"
    assert [path.name for path in Path().iterdir()] == ["taken.yaml"]


def test_a_new_spec_trains_and_its_run_is_exported(capsys: Output) -> None:
    """With its weights, and what one must know to use them."""
    main(["new", "mine"])
    run = netdsl.train("mine.yaml", data="digits", epochs=1, settings={"width": "2"}, out="run", device="cpu")

    assert main(["export", "run", "-o", "mine.onnx"]) == 0
    assert main(["export", "run", "--format", "pt2"]) == 0

    assert "mine.onnx: takes input, gives output" in capsys.readouterr().out
    kept = {entry.key: entry.value for entry in onnx.load("mine.onnx").metadata_props}
    assert json.loads(kept["classes"]) == list(run.facts.classes)
    assert json.loads(kept["mean"]) == pytest.approx(run.facts.mean)
    with Path("run.pt2").open("rb") as file:
        tensors = torch.export.load(file).state_dict
    latest = run.folder / "checkpoints" / "epoch-0001" / "model.safetensors"
    assert latest.exists()
    for name, tensor in load_file(latest).items():
        assert torch.equal(tensors[name], tensor), name


def test_a_file_names_what_its_inputs_are_whitened_by(capsys: Output) -> None:
    """By the digest of what the run keeps."""
    main(["new", "mine"])
    settings = {"width": "2", "input": "[3, 16, 16]"}
    recipe = {"prepare": "normalize -> whiten(epsilon=0.1)", "augment": "none"}
    run = netdsl.train(
        "mine.yaml", data="digits", epochs=1, settings=settings, out="run", device="cpu", **recipe
    )

    assert main(["export", "run", "-o", "mine.onnx"]) == 0

    note = "note: inputs come whitened: `run/whitening.safetensors` belongs to the file"
    assert note in capsys.readouterr().out
    kept = {entry.key: entry.value for entry in onnx.load("mine.onnx").metadata_props}
    digest = hashlib.sha256(Path("run/whitening.safetensors").read_bytes()).hexdigest()
    assert json.loads(kept["whitening"]) == run.facts.whitening == digest


def test_a_spec_is_exported_with_random_weights_and_says_so(capsys: Output) -> None:
    assert main(["export", "lenet5", "-o", "lenet5.pt2"]) == 0

    assert "random weights" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["lenet5", "-o", "net.pb"], 2),
        (["lenet5", "-o", "net.onnx", "--format", "pt2"], 2),
        (["lenet5", "--format", "tf"], 2),
        (["nothing"], 2),
    ],
)
def test_what_cannot_be_exported_is_refused(words: list[str], code: int) -> None:
    assert main(["export", *words]) == code
    assert list(Path().iterdir()) == []
