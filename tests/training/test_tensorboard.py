"""What `--tensorboard` writes, read back by TensorBoard's own reader."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import netdsl
from netdsl.cli.main import main
from netdsl.training.run import read_run

SPEC = """
name: small
input: [1, 8, 8]
net: flatten -> linear(10)
train: {data: digits, batch: 300, epochs: 2, optimizer: sgd(lr=0.1), schedule: constant}
"""
STEPS = 5
"""1,437 images in batches of 300."""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(SPEC)
    return "small.yaml"


def read(folder: Path) -> EventAccumulator:
    """TensorBoard's view of a run."""
    return EventAccumulator(str(folder / "tensorboard"), purge_orphaned_data=True).Reload()


def scalars(folder: Path, tag: str) -> list[tuple[int, Any]]:
    return [(event.step, pytest.approx(event.value, abs=1e-6)) for event in read(folder).Scalars(tag)]


def test_steps_and_epochs_are_there_with_their_figures(spec: str) -> None:
    assert main(["train", spec, "--out", "run", "--device", "cpu", "--tensorboard"]) == 0

    rows = read_run("run").rows
    for part in ("train", "test"):
        for figure in ("loss", "accuracy"):
            expected = [(int(row["epoch"]) * STEPS, row[f"{part}_{figure}"]) for row in rows]
            assert scalars(Path("run"), f"{figure}/{part}") == expected
    losses = scalars(Path("run"), "step/loss")
    assert [step for step, _ in losses] == list(range(1, 2 * STEPS + 1))
    assert [rate for _, rate in scalars(Path("run"), "step/learning_rate")] == [0.1] * 2 * STEPS


def test_the_losses_of_the_steps_make_the_epoch_s(spec: str) -> None:
    """Weighed by the samples of each batch, the last of which is smaller."""
    run = netdsl.train(spec, out="run", device="cpu", tensorboard=True)

    losses = [event.value for event in read(run.folder).Scalars("step/loss")]
    sizes = [300] * 4 + [237]
    first = sum(loss * size for loss, size in zip(losses[:STEPS], sizes, strict=True)) / 1437
    assert first == pytest.approx(run.rows[0]["train_loss"], abs=1e-5)


def test_the_recipe_and_what_it_reached_are_hyperparameters(spec: str) -> None:
    run = netdsl.train(spec, out="run", device="cpu", tensorboard=True)

    found = read(run.folder)
    assert "_hparams_/session_start_info" in found.summary_metadata
    content = found.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    assert b"sgd(lr=0.1, " in content
    assert found.Scalars("last/test_accuracy")[0].value == pytest.approx(run.metrics["test_accuracy"])


def test_a_run_that_is_resumed_goes_on_where_it_was(spec: str) -> None:
    netdsl.train(spec, out="run", epochs=1, device="cpu", tensorboard=True)
    netdsl.train(spec, resume="run", epochs=2, device="cpu", tensorboard=True)

    assert [step for step, _ in scalars(Path("run"), "step/loss")] == list(range(1, 2 * STEPS + 1))
    assert [step for step, _ in scalars(Path("run"), "loss/test")] == [STEPS, 2 * STEPS]


def test_without_the_flag_nothing_is_written(spec: str) -> None:
    run = netdsl.train(spec, out="run", epochs=1, device="cpu")

    assert not (run.folder / "tensorboard").exists()


def test_a_missing_library_is_told_before_anything_is_made(
    spec: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)

    assert main(["train", spec, "--out", "run", "--tensorboard"]) == 3
    said = capsys.readouterr().err
    assert "error[missing-library]: TensorBoard is not installed" in said
    assert "pip install 'netdsl[tensorboard]'" in said
    assert not Path("run").exists()
