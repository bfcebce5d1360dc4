"""A trained network put to use: the same figures again, and what it sees in files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from netdsl.training.checkpoint import MODEL, Position, positions
from netdsl.training.data import find
from netdsl.training.data.digits import read_digits
from netdsl.training.evaluation import evaluate, predict
from netdsl.training.run import Run
from netdsl.training.runner import train
from tests.training.data import test_idx
from tests.training.networks import Small, fault_of, faults_of, network, rebuild, silent

NETWORK = network("data: digits\nbatch: 128\nepochs: 3\noptimizer: adamw(lr=2e-2)\n")


@pytest.fixture(autouse=True)
def _without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "PROBES", dict.fromkeys(find.PROBES, "http://127.0.0.1:9/"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(NETWORK, out=tmp_path_factory.mktemp("runs") / "run", device="cpu", display=silent())


def save_digit(folder: Path, index: int) -> tuple[Path, int]:
    """A test image as a file, and its class."""
    data = read_digits()
    path = folder / f"{index}.png"
    Image.fromarray(data.test.images[index][0].numpy()).save(path)
    return path, int(data.test.labels[index])


def test_the_figures_are_those_of_the_training(run: Run) -> None:
    measured = evaluate(run.folder, rebuild(NETWORK), device="cpu")

    assert (measured.data, measured.images, measured.position) == ("digits", 360, Position(3))
    assert measured.figures["accuracy"] == run.metrics["test_accuracy"]
    assert measured.figures["loss"] == pytest.approx(run.metrics["test_loss"], rel=1e-6)


def test_other_data_of_the_same_classes_can_be_measured(run: Run, tmp_path: Path) -> None:
    test_idx.published(tmp_path)

    measured = evaluate(run.folder, rebuild(NETWORK), data="mnist", root=tmp_path, device="cpu")

    assert (measured.data, measured.images) == ("mnist", 40)


def test_images_are_named_as_in_the_test_data(run: Run, tmp_path: Path) -> None:
    """Over all test images, one by one from files, as often right as in the evaluation."""
    indices = range(0, 360, 4)
    files = [save_digit(tmp_path, index) for index in indices]

    predictions = predict(run.folder, rebuild(NETWORK), [path for path, _ in files], device="cpu")

    right = [p.classes[0][0] == str(label) for p, (_, label) in zip(predictions, files, strict=True)]
    assert sum(right) / len(right) == pytest.approx(run.metrics["test_accuracy"], abs=0.06)
    assert [prediction.image for prediction in predictions] == [path for path, _ in files]


def test_probabilities_are_sorted_and_sum_to_one(run: Run, tmp_path: Path) -> None:
    path, _ = save_digit(tmp_path, 7)

    (all_classes,) = predict(run.folder, rebuild(NETWORK), [path], top=99, device="cpu")
    (three,) = predict(run.folder, rebuild(NETWORK), [path], top=3, device="cpu")

    shares = [share for _, share in all_classes.classes]
    assert sum(shares) == pytest.approx(1)
    assert shares == sorted(shares, reverse=True)
    assert three.classes == all_classes.classes[:3]


def test_a_colour_image_of_another_size_is_brought_to_the_network(run: Run, tmp_path: Path) -> None:
    path, label = save_digit(tmp_path, 0)
    with Image.open(path) as file:
        file.convert("RGB").resize((64, 64), Image.Resampling.NEAREST).save(tmp_path / "large.png")

    small, large = predict(run.folder, rebuild(NETWORK), [path, tmp_path / "large.png"], device="cpu")

    assert small.classes[0][0] == large.classes[0][0] == str(label)


def test_every_damaged_image_is_named(run: Run, tmp_path: Path) -> None:
    good, _ = save_digit(tmp_path, 0)
    (tmp_path / "bad.png").write_bytes(b"no image")

    found, exit_code = faults_of(
        lambda: predict(run.folder, rebuild(NETWORK), [tmp_path / "bad.png", good, tmp_path / "none.png"])
    )

    assert ([d.code for d in found], exit_code) == (["damaged-image", "missing-image"], 3)


def test_the_one_before_a_damaged_checkpoint_is_used(run: Run, tmp_path: Path) -> None:
    path = run.folder / "checkpoints" / "epoch-0003" / MODEL
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    said: list[str] = []
    try:
        measured = evaluate(run.folder, rebuild(NETWORK), device="cpu", say=said.append)
    finally:
        path.write_bytes(whole)

    assert measured.position == positions(run.folder / "checkpoints")[-2]
    assert said == [f"passed over: `{path}` has changed since it was written"]


def test_a_run_without_a_checkpoint_is_told(run: Run, tmp_path: Path) -> None:
    for name in ("run.json", "recipe.json"):
        (tmp_path / name).write_text((run.folder / name).read_text())

    assert fault_of(lambda: evaluate(tmp_path, rebuild(NETWORK))) == ("missing-checkpoint", 5)


def test_data_of_other_classes_are_told(run: Run) -> None:
    seven = network(build=lambda: Small(classes=7), output=(7,))

    assert fault_of(lambda: evaluate(run.folder, rebuild(seven))) == ("checkpoint-mismatch", 5)


def test_a_network_s_mode_and_gradients_are_left_alone(run: Run, tmp_path: Path) -> None:
    """Predicting twice gives the same: no dropout, no statistics learnt on the way."""
    path, _ = save_digit(tmp_path, 3)
    torch.manual_seed(0)
    first = predict(run.folder, rebuild(NETWORK), [path], device="cpu")

    assert predict(run.folder, rebuild(NETWORK), [path], device="cpu") == first
