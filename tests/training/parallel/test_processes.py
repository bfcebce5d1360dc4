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
from netdsl.training.parallel.launch import ENGINES
from netdsl.training.run import Run, read_run
from netdsl.training.runner import train
from tests.long import long
from tests.training.networks import rebuild, silent
from tests.training.parallel.cases import CASES, LONG, Case, draw_images
from tests.training.parallel.processes import STEP, begin, few
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


def alone(case: Case, folder: Path, out: Path) -> Run:
    """The run of one process, of data and weights in a folder."""
    return train(
        case.made(folder),
        weights=case.weights(folder),
        out=out,
        root=folder,
        device="cpu",
        display=silent(),
    )


def by_two(folder: Path, which: str, timeout: float) -> Path:
    """The runs of two processes, beside the beginnings, data and weights that one process left for them."""
    draw_images(folder)
    begin(folder / "one-ddp")
    for copy in ("one-fsdp", "weights"):
        shutil.copytree(folder / "one-ddp", folder / copy)
    command = [*TORCHRUN, "--standalone", "-m", "tests.training.parallel.processes", str(folder), which]
    done = subprocess.run(
        command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False, timeout=timeout
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return by_two(tmp_path_factory.mktemp("runs"), "short", 300)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return by_two(tmp_path_factory.mktemp("many"), "long", 900)


@pytest.fixture(scope="module")
def whole(folder: Path) -> Run:
    """The run of ALL by one process."""
    return alone(CASES["ddp"], folder, folder / "whole")


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
    """Batches that leave a rest, pieces, batch normalisation, heads, clipping, averages, validation data;
    frozen and slower parts, mixed images, weights of another run; a single logit; pictures; and pieces of one
    sample, of which the second process has none."""
    same(folder / name, alone(CASES[name], folder, tmp_path / "run"))


@long
@pytest.mark.parametrize("name", LONG)
def test_of_whatever_recipe_two_processes_learn_what_one_learns(
    many: Path, tmp_path: Path, name: str
) -> None:
    same(many / name, alone(LONG[name], many, tmp_path / "run"))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_loss_that_is_not_finite_stops_all_processes_at_its_layer(folder: Path, engine: str) -> None:
    """The second process finds the layer, the first only what it is given by it; both say the same."""
    run = folder / f"{engine}-sick"
    told = {(folder / f"{engine}-sick-{rank}.txt").read_text() for rank in range(2)}

    assert len(told) == 1
    assert told.pop().endswith(
        f"at step {STEP} of epoch 1: the layer `sick` is the first whose output is not finite"
    )
    assert positions(run / "checkpoints")[-1] == (0, STEP - 1)
    assert all(tensor.isfinite().all() for tensor in tensors(run).values())


def test_what_is_compared_can_differ(folder: Path, whole: Run) -> None:
    """The comparison above can fail: another recipe's run is told apart."""
    with pytest.raises(AssertionError):
        same(folder / "fsdp-adamw", whole)


def test_two_processes_whiten_by_what_one_fits(folder: Path, tmp_path: Path) -> None:
    """To the bit, and it is kept."""
    run, other = read_run(folder / "ddp-white"), alone(CASES["ddp-white"], folder, tmp_path / "run")

    assert run.facts.whitening == other.facts.whitening
    assert run.scaling().whitening is not None


@pytest.mark.parametrize("engine", ENGINES)
def test_two_processes_go_on_with_what_one_began(folder: Path, whole: Run, engine: str) -> None:
    """From within the first epoch, whose figures are whole as well."""
    same(folder / f"one-{engine}", whole)


@pytest.mark.parametrize("engine", ENGINES)
def test_one_process_goes_on_with_what_two_began(folder: Path, whole: Run, engine: str) -> None:
    begun = folder / f"{engine}-one"
    assert positions(begun / "checkpoints")[-1].steps

    train(CASES["ddp"].made(folder), resume=begun, device="cpu", display=silent())

    same(begun, whole)


@pytest.mark.parametrize("engine", ENGINES)
def test_one_process_measures_what_two_learned(folder: Path, engine: str) -> None:
    run = read_run(folder / engine)

    measured = evaluate(run.folder, rebuild(CASES["ddp"].made(folder)), device="cpu", say=lambda _: None)

    assert run.facts.processes == 2
    assert measured.figures["loss"] == pytest.approx(run.metrics["test_loss"], rel=1e-4)
    assert measured.figures["accuracy"] == run.metrics["test_accuracy"]
