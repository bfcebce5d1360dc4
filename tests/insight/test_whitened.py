"""Networks whose images are whitened: what is asked and answered is of the pixels that a person sees."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from netdsl.cli.main import main
from netdsl.insight.loading import subject_of
from netdsl.insight.occlusion import occlusion
from netdsl.insight.saliency import pixel_gradient
from netdsl.insight.subject import Subject
from netdsl.training.data.digits import read_digits
from netdsl.training.run import read_run
from netdsl.training.session import predict_images
from tests.insight.subjects import question, quiet
from tests.insight.test_cli import SPEC

WHITE = f"{SPEC}  prepare: normalize -> whiten\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "white.yaml").write_text(WHITE)
    assert main(["train", str(folder / "white.yaml"), "--out", str(folder / "run"), "--device", "cpu"]) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def subject(run: Path) -> Subject:
    return subject_of(run, device="cpu", say=quiet)


def digit(number: int) -> torch.Tensor:
    """A test image, `(1, 8, 8)`."""
    pixels: torch.Tensor = read_digits().test.images[number]
    return pixels


def predicted(run: Path, pixels: torch.Tensor, folder: Path) -> dict[str, float]:
    """What `netdsl predict` sees in a file."""
    path = folder / "digit.png"
    Image.fromarray(pixels[0].numpy()).save(path)
    (prediction,) = predict_images(run, [path], top=10, device="cpu")
    return dict(prediction.classes)


def test_a_square_hides_pixels_of_the_image(run: Path, subject: Subject, tmp_path: Path) -> None:
    """What it takes away is what `predict` no longer sees in a file with that square painted grey."""
    pixels = digit(7)
    asked = question(subject, pixels, class_number=3)
    whole = predicted(run, pixels, tmp_path)["3"]

    values = occlusion(asked, size=2, stride=2).values

    assert values.shape == (4, 4)
    for row, column in ((0, 0), (1, 2), (3, 1)):
        painted = pixels.clone()
        painted[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2] = 128
        expected = whole - predicted(run, painted, tmp_path)["3"]
        assert values[row, column] == pytest.approx(expected, abs=1e-5)
    assert np.abs(values).max() > 1e-3


def test_gradients_are_of_the_image_s_pixels(run: Path, subject: Subject) -> None:
    """By finite differences of the scores of images that are whitened on their way, by the run's own file."""
    scaling = read_run(run).scaling()
    assert scaling.whitening is not None
    asked = question(subject, digit(7), class_number=3)
    image, bare = asked.picture.input, subject_of(run, device="cpu", say=quiet).module
    bare._forward_pre_hooks.clear()  # what whitens within

    gradient = pixel_gradient(asked)

    for row, column in ((2, 3), (5, 4)):
        step = torch.zeros_like(image)
        step[0, 0, row, column] = 1e-2
        up, down = (bare(scaling.whitening(image + sign * step))[0, 3].item() for sign in (1, -1))
        assert gradient[0, 0, row, column].item() == pytest.approx((up - down) / 2e-2, rel=0.02, abs=1e-3)


def test_components_have_no_places_and_that_is_said(run: Path, tmp_path: Path) -> None:
    said: list[str] = []
    spec = str(run.parent / "white.yaml")
    words = ["--prepare", 'normalize -> whiten("pca")', "--out", str(tmp_path / "run"), "--device", "cpu"]
    assert main(["train", spec, *words]) == 0

    subject_of(tmp_path / "run", device="cpu", say=said.append)

    assert said == ["note: `whiten` gives components, which have no places: nor have the maps of layers"]


@pytest.mark.parametrize(
    ("prepare", "note"),
    [
        ("normalize -> whiten", "images are scaled to 0…1: {} for `normalize` and `whiten`"),
        ("normalize(0.5, 0.5) -> whiten", "images are not whitened: {} for `whiten`"),
    ],
)
def test_without_a_run_the_matrix_is_not_known(tmp_path: Path, prepare: str, note: str) -> None:
    said: list[str] = []
    path = tmp_path / "white.yaml"
    path.write_text(WHITE.replace("normalize -> whiten", prepare))

    subject_of(path, device="cpu", say=said.append)

    assert said[-1] == "note: " + note.format("only a run knows the data's own figures")
