"""Runs whose images are whitened: by what is fitted once, to what is learned from alone, and kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from netdsl.training.choices import complete
from netdsl.training.data.dataset import HeldImages, ImageFiles, Split
from netdsl.training.data.folder import read_folder
from netdsl.training.evaluation import evaluate, predict
from netdsl.training.material import made, prepare
from netdsl.training.progress import Display
from netdsl.training.run import Run, read_run
from netdsl.training.runner import train
from netdsl.training.transforms import Scaling, sizing
from netdsl.training.validation import hold_out
from netdsl.training.whitening import WHITENING, Whitening, read_whitening
from tests.training.data import test_idx
from tests.training.data.test_folder import animals
from tests.training.networks import Small, fault_of, faults_of, network, rebuild, silent, uses
from tests.training.runs import (
    PER_EPOCH,
    RECIPE,
    Stopped,
    Stopping,
    digests,
    few_digits,
    figures,
    small_world,
)
from tests.training.test_evaluation import save_digit

WHITE = RECIPE.replace("normalize(mean, std)", "normalize(mean, std) -> whiten")


@pytest.fixture(autouse=True, scope="module")
def _small_world() -> Iterator[None]:
    with small_world():
        yield


def trained(recipe: str, folder: Path, display: Display | None = None) -> Run:
    return train(network(recipe), out=folder, device="cpu", display=display or silent())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of WHITE."""
    return trained(WHITE, tmp_path_factory.mktemp("runs") / "whole")


@pytest.fixture
def fits_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, nothing can be fitted."""

    def fit(*_: object) -> Whitening:
        raise AssertionError("it is fitted anew")

    monkeypatch.setattr("netdsl.training.material.fit_whitening", fit)


def kept(run: Run) -> Whitening:
    assert run.facts.whitening is not None
    return read_whitening(run.folder, run.facts.whitening)


def rows(split: Split) -> np.ndarray:
    """A split's images, normalised by all their values, one a row."""
    assert isinstance(split.images, HeldImages)
    values = split.images.values.flatten(1).double().numpy() / 255
    found: np.ndarray = (values - values.mean()) / values.std()
    return found


def test_it_is_fitted_to_what_is_learned_from_alone(tmp_path: Path) -> None:
    """Neither to what decides nor to what tests: by numpy, of the images that are left."""
    run = trained(f"{WHITE}validate: 0.25\n".replace("epochs: 4", "epochs: 1"), tmp_path / "run")
    learned = rows(hold_out(few_digits(), 0.25, run.recipe.seed)[0].train)
    _, spread, directions = np.linalg.svd(learned - learned.mean(axis=0), full_matrices=False)
    matrix = directions.T @ np.diag(1 / np.sqrt(spread**2 / (len(learned) - 1) + 0.01)) @ directions

    np.testing.assert_allclose(kept(run).mean.numpy(), learned.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(kept(run).matrix.numpy(), matrix, rtol=1e-3, atol=1e-3)


def test_the_network_is_given_white_images(whole: Run) -> None:
    """What it is trained on has the identity for its covariance, but for what epsilon takes off."""
    images = few_digits().train.images
    assert isinstance(images, HeldImages)
    variances = np.linalg.eigvalsh(np.cov(rows(few_digits().train).T))

    white = whole.scaling()(images.values).flatten(1).double().numpy()

    np.testing.assert_allclose(
        np.linalg.eigvalsh(np.cov(white.T)), np.clip(variances, 0, None) / (variances + 0.01), atol=2e-3
    )


def test_the_folder_alone_gives_the_training_s_figures(whole: Run, fits_no_more: None) -> None:
    measured = evaluate(whole.folder, rebuild(network(WHITE)), device="cpu")

    assert measured.figures["accuracy"] == whole.metrics["test_accuracy"]
    assert measured.figures["loss"] == pytest.approx(whole.metrics["test_loss"], rel=1e-6)
    assert whole.metrics["test_accuracy"] > 0.4  # chance is 0.1


def test_without_the_matrix_they_would_be_others(whole: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test before can fail."""
    facts = whole.facts
    monkeypatch.setattr(Run, "scaling", lambda _: Scaling(facts.mean, facts.std))

    measured = evaluate(whole.folder, rebuild(network(WHITE)), device="cpu")

    assert measured.figures["loss"] != pytest.approx(whole.metrics["test_loss"], rel=5e-3)


def test_files_are_named_as_test_images_are(whole: Run, tmp_path: Path, fits_no_more: None) -> None:
    files = [save_digit(tmp_path, 5 * number) for number in range(72)]  # those of `few_digits`

    seen = predict(whole.folder, rebuild(network(WHITE)), [path for path, _ in files], device="cpu")

    right = [one.classes[0][0] == str(label) for one, (_, label) in zip(seen, files, strict=True)]
    assert sum(right) / len(right) == pytest.approx(whole.metrics["test_accuracy"], abs=1e-9)


def test_other_data_are_whitened_as_the_training_s(whole: Run, tmp_path: Path, fits_no_more: None) -> None:
    test_idx.published(tmp_path)

    measured = evaluate(
        whole.folder, rebuild(network(WHITE)), data="mnist", root=tmp_path, device="cpu", say=lambda _: None
    )

    assert measured.data == "mnist"


@pytest.mark.parametrize("steps", [1, 2 * PER_EPOCH + 4])
def test_a_run_goes_on_with_what_it_began_with(
    whole: Run, tmp_path: Path, steps: int, request: pytest.FixtureRequest
) -> None:
    """To the same bits, and nothing is fitted anew."""
    with pytest.raises(Stopped):
        trained(WHITE, tmp_path / "run", Stopping(steps))
    before = (tmp_path / "run" / WHITENING).read_bytes()
    request.getfixturevalue("fits_no_more")

    run = train(network(WHITE), resume=tmp_path / "run", device="cpu", display=silent())

    assert (figures(run), digests(run.folder)) == (figures(whole), digests(whole.folder))
    assert (tmp_path / "run" / WHITENING).read_bytes() == before


def test_a_damaged_matrix_is_used_by_nobody(whole: Run, tmp_path: Path) -> None:
    path, made_again = whole.folder / WHITENING, rebuild(network(WHITE))
    image, _ = save_digit(tmp_path, 0)
    sound = path.read_bytes()
    path.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    try:
        for use in (
            lambda: evaluate(whole.folder, made_again, device="cpu", say=lambda _: None),
            lambda: predict(whole.folder, made_again, [image], device="cpu"),
            lambda: train(network(WHITE), resume=whole.folder, device="cpu", display=silent()),
        ):
            found, exit_code = faults_of(use)
            assert ([d.code for d in found], exit_code) == (["damaged-run"], 5)
            assert found[0].message == f"`{path}` has changed since the run began"
    finally:
        path.write_bytes(sound)


def test_a_run_that_has_lost_its_note_of_the_matrix_is_damaged(whole: Run) -> None:
    """It is not taken for one whose images are not whitened."""
    path = whole.folder / "run.json"
    text = path.read_text()
    path.write_text(json.dumps(json.loads(text) | {"whitening": None}))
    try:
        assert fault_of(read_run(whole.folder).scaling) == ("damaged-run", 5)
    finally:
        path.write_text(text)


def test_a_folder_in_which_none_came_to_begin_is_free(tmp_path: Path) -> None:
    """Killed between the matrix and what makes the folder a run's."""
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    for name in (".lock", WHITENING):
        (folder / name).write_bytes(b"half")

    assert len(trained(WHITE.replace("epochs: 4", "epochs: 1"), folder).rows) == 1


def test_images_that_are_too_large_are_told(tmp_path: Path) -> None:
    """Before anything is fitted, and nothing is left behind."""
    large = network(WHITE, lambda: Small(3), input=(3, 48, 48))

    found, exit_code = faults_of(lambda: train(large, out=tmp_path / "run", device="cpu", display=silent()))

    assert ([d.code for d in found], exit_code) == (["whiten-size"], 1)
    assert found[0].message == "`whiten` takes images of up to 4,096 values; of 3×48×48 they have 6,912"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("side", "is_told"), [(8, False), (17, True)])
def test_few_images_are_told(side: int, is_told: bool) -> None:
    """288 images have 64 values, or 289: the run says so, and the report."""
    recipe = complete({"prepare": uses("prepare", "whiten")})

    remarks = prepare(network(input=(1, side, side)), recipe, few_digits(), lambda _: None).remarks

    assert any("fitted to 288 images of 289 values" in remark for remark in remarks) == is_told


@pytest.mark.parametrize("augment", ["none", "random_resized_crop([4, 6])"])
def test_it_is_fitted_to_files_as_to_what_is_held(tmp_path: Path, augment: str) -> None:
    """Files are sized first, whole, however they are cut in training."""
    data = read_folder("folder:x", animals(tmp_path))
    recipe = complete({"prepare": uses("prepare", "whiten"), "augment": uses("augment", augment)})
    assert isinstance(data.train.images, ImageFiles)
    size = sizing(recipe.prepare, (3, 4, 6))
    images = torch.stack([size(data.train.images[number]) for number in range(len(data.train))])

    fit = prepare(network(input=(3, 4, 6)), recipe, data, lambda _: None).whitening

    assert fit is not None
    expected = images.double().flatten(1).mean(dim=0) / 255
    torch.testing.assert_close(fit().mean.double(), expected, rtol=0, atol=1e-6)


def test_what_is_kept_of_decoded_files_does_not_depend_on_it() -> None:
    """Images are whitened after they are held."""
    texts = ("resize(8)", "resize(8) -> whiten")
    plain, white = (complete({"prepare": uses("prepare", text)}) for text in texts)

    assert made(plain, (1, 8, 8)) == made(white, (1, 8, 8))
