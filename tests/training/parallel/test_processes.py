"""Two processes, by DDP and by FSDP2, learn what one learns; what one began they finish, and back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from netdsl.training.checkpoint import (
    AVERAGE,
    MODEL,
    OPTIMIZER,
    Checkpoint,
    positions,
    read_checkpoint,
)
from netdsl.training.evaluation import evaluate
from netdsl.training.run_folder import Run, read_run
from netdsl.training.runner import train
from tests.training.networks import rebuild, silent
from tests.training.parallel.processes import ALL, CASES, RESUMED, begin, few, made
from tests.training.runs import figures

ROOT = Path(__file__).parents[3]
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2")


@pytest.fixture(autouse=True, scope="module")
def _small_world() -> Iterator[None]:
    """Few digits, no drawing, and one thread."""
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patched:
        few(patched)
        yield
    torch.set_num_threads(threads)


def alone(recipe: str, folder: Path) -> Run:
    return train(made(recipe), out=folder, device="cpu", display=silent())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs of two processes, beside the beginnings that one process left for them."""
    folder = tmp_path_factory.mktemp("runs")
    begin(folder / "one-ddp")
    shutil.copytree(folder / "one-ddp", folder / "one-fsdp")
    command = [*TORCHRUN, "--standalone", "-m", "tests.training.parallel.processes", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run of ALL by one process."""
    return alone(ALL, tmp_path_factory.mktemp("whole") / "run")


def tensors(run: Path) -> dict[str, Tensor]:
    """All that the last checkpoint holds of weights, their average and the optimizer, by file and name."""
    checkpoints = run / "checkpoints"
    found = read_checkpoint(checkpoints, positions(checkpoints)[-1])
    assert isinstance(found, Checkpoint)
    kept = [file for file in (MODEL, AVERAGE, OPTIMIZER) if file in found.tensors]
    return {f"{file} {name}": tensor for file in kept for name, tensor in found.tensors[file].items()}


def same(run: Path, expected: Run) -> None:
    """Rows and tensors are equal but for rounding; three of some hundred images may be told otherwise."""
    for row, other in zip(figures(read_run(run)), figures(expected), strict=True):
        assert row == {
            name: pytest.approx(value, rel=1e-3, abs=0.011 if "accuracy" in name else 1e-5)
            for name, value in other.items()
        }
    torch.testing.assert_close(tensors(run), tensors(expected.folder), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_two_processes_learn_what_one_learns(folder: Path, tmp_path: Path, name: str) -> None:
    """Batches that leave a rest, pieces, batch normalisation, heads, clipping, averages, validation data; and
    pieces of one sample, of which the second process has none."""
    same(folder / name, alone(CASES[name].recipe, tmp_path / "run"))


def test_what_is_compared_can_differ(folder: Path, whole: Run) -> None:
    """The comparison above can fail: another recipe's run is told apart."""
    with pytest.raises(AssertionError):
        same(folder / "fsdp-adamw", whole)


def test_two_processes_whiten_by_what_one_fits(folder: Path, tmp_path: Path) -> None:
    """To the bit, and it is kept."""
    run, other = read_run(folder / "ddp-white"), alone(CASES["ddp-white"].recipe, tmp_path / "run")

    assert run.facts.whitening == other.facts.whitening
    assert run.scaling().whitening is not None


@pytest.mark.parametrize("engine", RESUMED)
def test_two_processes_go_on_with_what_one_began(folder: Path, whole: Run, engine: str) -> None:
    """From within the first epoch, whose figures are whole as well."""
    same(folder / f"one-{engine}", whole)


@pytest.mark.parametrize("engine", RESUMED)
def test_one_process_goes_on_with_what_two_began(folder: Path, whole: Run, engine: str) -> None:
    begun = folder / f"{engine}-one"
    assert positions(begun / "checkpoints")[-1].steps

    train(made(ALL), resume=begun, device="cpu", display=silent())

    same(begun, whole)


@pytest.mark.parametrize("engine", RESUMED)
def test_one_process_measures_what_two_learned(folder: Path, engine: str) -> None:
    run = read_run(folder / engine)

    measured = evaluate(run.folder, rebuild(made(ALL)), device="cpu", say=lambda _: None)

    assert run.facts.processes == 2
    assert measured.figures["loss"] == pytest.approx(run.metrics["test_loss"], rel=1e-4)
    assert measured.figures["accuracy"] == run.metrics["test_accuracy"]
