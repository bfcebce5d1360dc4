"""`netdsl port`: a spec is edited, its weights are carried over, and training begins with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import netdsl
from netdsl.cli.main import main

SPEC = """
name: small
input: [1, 8, 8]
params: {classes: 10}
blocks:
  cb(c): conv(c, 3, padding=1) -> batchnorm -> relu
net:
  stem: cb(8)
  body: cb(8)*2 -> maxpool(2)
  head: flatten -> linear(classes)
train: {data: digits, batch: 32, epochs: 1, optimizer: adam(lr=1e-2), init: xavier}
"""
EDITED = SPEC.replace("small", "edited").replace("stem:", "entry:").replace("cb(8)*2", "cb(8)*3")

Output = pytest.CaptureFixture[str]


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """The weights in `old.pth`, of `old.yaml`; `new.yaml` is what it became."""
    monkeypatch.chdir(tmp_path)
    Path("old.yaml").write_text(SPEC)
    Path("new.yaml").write_text(EDITED)
    state = netdsl.build("old.yaml").state_dict()
    torch.save(state, "old.pth")
    return state


def test_a_file_s_weights_are_carried_over_and_told(weights: dict[str, torch.Tensor], capsys: Output) -> None:
    assert main(["port", "old.yaml", "new.yaml", "old.pth", "-o", "new.safetensors"]) == 0

    assert capsys.readouterr().out == (
        "small → edited, weights from old.pth\n"
        "kept   7 layers, 2,586 of 3,186 parameters (81.2 %)\n"
        "         stem → entry  2 layers\n"
        "new    2 layers, 600 parameters\n"
        "         body.cb1.2  was not there (2 layers)\n"
        "written: begin with it by `netdsl train new.yaml --init new.safetensors`\n"
    )
    ported = load_file("new.safetensors")
    assert torch.equal(ported["entry.conv1.weight"], weights["stem.conv1.weight"])


def test_what_is_written_begins_a_training(weights: dict[str, torch.Tensor], capsys: Output) -> None:
    assert main(["port", "old.yaml", "new.yaml", "old.pth", "-o", "new.safetensors"]) == 0
    run = netdsl.train("new.yaml", init="new.safetensors", out="run")

    assert "begins with new.safetensors: 9 of 9 layers, mapped by name" in capsys.readouterr().out
    record = json.loads((run.folder / "initial_weights.json").read_text())
    assert (record["mapped_by"], record["new"]) == ("name", [])


def test_new_layers_begin_as_the_recipe_begins_them(weights: dict[str, torch.Tensor]) -> None:
    """xavier's biases are 0; those of torch's own beginning are not."""
    assert main(["port", "old.yaml", "new.yaml", "old.pth", "-o", "new.safetensors"]) == 0

    ported = load_file("new.safetensors")
    assert not ported["body.cb1.2.conv1.bias"].any()
    assert ported["body.cb1.1.conv1.bias"].any()


def test_a_run_has_its_weights_and_json_tells_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old.yaml").write_text(SPEC)
    run = netdsl.train("old.yaml", settings={"classes": "10"}, out="run")
    capsys.readouterr()

    words = [
        "port",
        str(run.folder),
        "old.yaml",
        "--set",
        "classes=5",
        "-o",
        "new.safetensors",
        "--format",
        "json",
    ]
    assert main(words) == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["before"], told["after"], told["output"]) == ("small", "small", "new.safetensors")
    assert [(one["layer"], one["reason"]) for one in told["new"]] == [
        ("head.linear1", "weight was 10×128, is 5×128")
    ]
    assert [one["layer"] for one in told["lost"]] == ["head.linear1"]
    assert len(told["kept"]) == 6


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (["old.yaml", "new.yaml"], "command-line", 2),
        (["old.yaml", "new.yaml", "no.pth"], "missing-weights", 3),
        (["old.yaml", "no.yaml", "old.pth"], "missing-spec", 2),
        (["new.yaml", "old.yaml", "old.pth"], "weights-mismatch", 5),
        (["old.yaml", "new.yaml", "old.pth", "--rename", "stem"], "set-form", 2),
        (["old.yaml", "new.yaml", "old.pth", "--rename", "stme=entry"], "unknown-layer-path", 2),
        (["old.yaml", "new.yaml", "old.pth", "--rename", "stem=enrty"], "unknown-layer-path", 2),
        (["old.yaml", "twice.yaml", "old.pth"], "ambiguous-weights", 5),
        (["old.yaml", "other.yaml", "old.pth"], "weights-mismatch", 5),
        (["old.yaml", "new.yaml", "old.pth", "-o", "new.pth"], "option-value", 2),
        (["old.yaml", "new.yaml", "old.pth", "-o", "no/folder.safetensors"], "unwritable-file", 2),
        (["old.yaml", "new.yaml", "old.safetensors", "-o", "old.safetensors"], "unwritable-file", 2),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    words: list[str], code: str, exit_code: int, weights: dict[str, torch.Tensor], capsys: Output
) -> None:
    from safetensors.torch import save_file

    save_file(weights, "old.safetensors")
    kept = Path("old.safetensors").read_bytes()
    net = SPEC[SPEC.index("net:") : SPEC.index("train:")]
    body = "  body: cb(8)*2 -> maxpool(2)\n"
    Path("twice.yaml").write_text(
        SPEC.replace(body, "  one: cb(8)*2 -> relu\n  two: cb(8)*2 -> maxpool(2)\n")
    )
    Path("other.yaml").write_text(SPEC.replace(net, "net: flatten -> linear(16) -> linear(classes)\n"))
    output = [] if "-o" in words else ["-o", "new.safetensors"]

    assert main(["port", *words, *output]) == exit_code

    said = capsys.readouterr().err
    assert f"error[{code}]: " in said
    assert "Traceback" not in said
    assert not Path("new.safetensors").exists()
    assert Path("old.safetensors").read_bytes() == kept
