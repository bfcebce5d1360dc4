"""Pixels of a scene told by the windows around them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat
from torch import Tensor, nn

from netdsl.training.evaluation import evaluate, predict
from netdsl.training.network import TrainableNetwork
from netdsl.training.progress import Display
from netdsl.training.recipe import check_recipe, resolve_recipe
from netdsl.training.run import Run
from netdsl.training.runner import train
from tests.training.data.test_folder import draw
from tests.training.networks import fault_of, network, rebuild, section, silent
from tests.training.tasks.resumption import resumes_to_the_same_bits


class Volumes(nn.Module):
    """A 3-D and a 2-D convolution, as HybridSN has them, with what draws numbers and keeps state."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.spectral, self.norm = nn.Conv3d(1, 4, (5, 3, 3)), nn.BatchNorm3d(4)
        self.spatial, self.drop, self.head = nn.Conv2d(16, 8, 3), nn.Dropout(0.1), nn.Linear(8, classes)

    def forward(self, windows: Tensor) -> Tensor:
        features = torch.relu(self.norm(self.spectral(windows))).flatten(1, 2)
        classes: Tensor = self.head(self.drop(torch.relu(self.spatial(features)).flatten(1)))
        return classes


def write_field(folder: Path, along: int = 2) -> Path:
    """A scene of so many squares along each side, one of each class, whose spectra are told apart through
    noise."""
    random = np.random.default_rng(0)
    classes, side = along**2, 28 // along
    truth = np.kron(1 + np.arange(classes).reshape(along, along), np.ones((side, side), int))
    spectra = random.normal(size=(1 + classes, 12))
    cube = 100 + 10 * spectra[truth] + random.normal(scale=6, size=(28, 28, 12))
    truth[13:15] = 0
    folder.mkdir()
    savemat(folder / "field.mat", {"cube": cube})
    savemat(folder / "field_gt.mat", {"truth": truth})
    return folder


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scene of four classes."""
    return write_field(tmp_path_factory.mktemp("scenes") / "field")


def recipe(field: Path, task: str = "hyperspectral(train=0.3)", epochs: int = 3) -> str:
    return (
        f"task: {task}\ndata: scene:{field}\naugment: hflip -> rotate90\nbatch: 32\nepochs: {epochs}\n"
        "optimizer: adamw(lr=1e-2)\nschedule: constant\n"
    )


def told(text: str, **changes: tuple[int, ...]) -> TrainableNetwork:
    shapes = {"input": (1, 8, 5, 5), "output": (4,)} | changes
    (classes,) = shapes["output"]
    return network(text, lambda: Volumes(classes), input=shapes["input"], output=shapes["output"])


@pytest.fixture(scope="module")
def run(field: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("runs")
    return train(told(recipe(field)), out=folder / "run", device="cpu", display=silent())


def test_pixels_are_told_apart(run: Run) -> None:
    assert run.metrics["test_overall_accuracy"] > 0.8
    assert run.metrics["test_kappa"] > 0.7
    assert (run.facts.samples, run.facts.train_samples, run.facts.test_samples) == ("pixels", 220, 508)
    assert "the split is at random" in run.facts.remarks[0]
    assert (run.folder / "map.png").read_bytes().startswith(b"\x89PNG")
    assert "| kappa |" in (run.folder / "report.md").read_text()


def test_it_is_measured_alike_afterwards_and_gone_on_with_to_the_same_bits(
    run: Run, field: Path, tmp_path: Path
) -> None:
    made = told(recipe(field))
    measured = evaluate(run.folder, rebuild(made), device="cpu").figures

    assert measured["kappa"] == run.metrics["test_kappa"]
    resumes_to_the_same_bits(made, run, tmp_path, tmp_path, (3, 9))


def test_blocks_say_what_they_leave_out(field: Path, tmp_path: Path) -> None:
    text = recipe(field, 'hyperspectral(split="blocks", train=0.4, block=7)', epochs=1)

    run = train(told(text), out=tmp_path / "run", device="cpu", display=silent())

    assert "pixels are in neither part" in run.facts.remarks[0]
    assert run.facts.train_samples + run.facts.test_samples < 728


def test_a_synthetic_scene_is_said_to_be_one(tmp_path: Path) -> None:
    said = io.StringIO()
    text = recipe(tmp_path, epochs=1).replace(f"scene:{tmp_path}", "[indian_pines, synthetic_scene]")

    made = told(text, output=(16,))
    run = train(made, out=tmp_path / "run", root=tmp_path, device="cpu", display=Display(said))

    assert "INSTEAD, THE FALLBACK IS USED: synthetic_scene" in said.getvalue()
    assert "THE SCENE IS SYNTHETIC" in said.getvalue()
    assert "> THE SCENE IS SYNTHETIC" in (run.folder / "report.md").read_text()


def test_a_recipe_of_a_scene_has_its_own_defaults() -> None:
    made = resolve_recipe(section("data: scene:a/b"), {}, {})

    assert (made.task.word, [str(use) for use in made.prepare]) == ("hyperspectral", ["pca(whiten=true)"])


@pytest.mark.parametrize(
    "text",
    [
        "task: hyperspectral\ndata: digits",
        "data: salinas\nprepare: normalize",
        "data: salinas\naugment: rotate(30)",
        "data: digits\nprepare: pca",
        "data: salinas\nloss: mse",
    ],
)
def test_what_has_no_meaning_is_told(text: str) -> None:
    assert [diagnostic.code for diagnostic in check_recipe(section(text), {})] == ["word-of-other-task"]


@pytest.mark.parametrize(
    ("more", "changes", "expected"),
    [
        ("", {"output": (5,)}, ("class-count", 2)),
        ("", {"input": (3, 8, 5, 5)}, ("input-not-window", 1)),
        ("", {"input": (8,)}, ("input-not-window", 1)),
        ("", {"input": (1, 13, 5, 5)}, ("band-count", 1)),
        ("prepare: none\n", {}, ("band-count", 1)),
        ("", {"input": (1, 8, 57, 57)}, ("image-size", 1)),
        ("", {"input": (1, 8, 5, 7)}, ("image-size", 1)),
    ],
)
def test_networks_that_do_not_fit_are_told(
    field: Path, tmp_path: Path, more: str, changes: dict[str, tuple[int, ...]], expected: tuple[str, int]
) -> None:
    made = told(recipe(field) + more, **changes)

    assert fault_of(lambda: train(made, out=tmp_path / "run", device="cpu", display=silent())) == expected


def test_blocks_that_leave_nothing_are_told(field: Path, tmp_path: Path) -> None:
    made = told(recipe(field, 'hyperspectral(split="blocks", block=2)'))

    assert fault_of(lambda: train(made, out=tmp_path / "run", device="cpu", display=silent())) == (
        "empty-split",
        1,
    )


def test_other_data_than_scenes_are_told(run: Run, field: Path) -> None:
    made = rebuild(told(recipe(field)))

    assert fault_of(lambda: evaluate(run.folder, made, data="digits")) == ("word-of-other-task", 2)
    assert evaluate(run.folder, made, data=f"scene:{field}", device="cpu").images == 508


def test_it_tells_no_images_apart(run: Run, field: Path, tmp_path: Path) -> None:
    picture = draw(tmp_path / "a.png")

    assert fault_of(lambda: predict(run.folder, rebuild(told(recipe(field))), [picture])) == (
        "no-classes",
        2,
    )
