"""How images come to a network and back: scaling, crops, classes of one output or of penalties."""

from pathlib import Path

import numpy as np
import pytest
import torch

from netdsl.insight.cam import cam, gradcam
from netdsl.insight.colours import on_image, overlay
from netdsl.insight.explanation import Explanation
from netdsl.insight.subject import Frame, Subject
from tests.insight.subjects import SMALL, noise, question, written
from tests.training.networks import fault_of


def with_recipe(recipe: str, folder: Path) -> Subject:
    return written(f"{SMALL}train:\n  data: cifar10\n  prepare: {recipe}\n", folder)


@pytest.mark.parametrize(
    ("recipe", "size", "expected"),
    [
        ("normalize(0.5, 0.5)", (40, 60), Frame(0, 0, 60, 40)),
        ("resize([24, 24]) -> normalize(0.5, 0.5)", (40, 60), Frame(0, 0, 60, 40)),
        ("resize(32) -> center_crop(24) -> normalize(0.5, 0.5)", (64, 96), Frame(24, 8, 72, 56)),
        ("center_crop(24)", (24, 40), Frame(8, 0, 32, 24)),
        ("resize(24) -> center_crop(24) -> grayscale -> rgb", (48, 48), Frame(0, 0, 48, 48)),
    ],
)
def test_a_picture_knows_where_the_network_looks(
    recipe: str, size: tuple[int, int], expected: Frame, tmp_path: Path
) -> None:
    """In the picture's own pixels, whatever `prepare` does to it."""
    picture = with_recipe(recipe, tmp_path).picture_of(torch.zeros(3, *size, dtype=torch.uint8), "")

    for side in ("left", "top", "right", "bottom"):
        assert getattr(picture.frame, side) == pytest.approx(getattr(expected, side), abs=0.1)


def test_a_map_lies_where_the_network_looked(tmp_path: Path) -> None:
    """Linear between cells, as torch enlarges; no number outside of a crop, and there no colour."""
    subject = with_recipe("resize(32) -> center_crop(24) -> normalize(0.5, 0.5)", tmp_path)
    pixels = torch.randint(0, 256, (3, 64, 96), dtype=torch.uint8)
    picture = subject.picture_of(pixels, "")
    values = np.random.default_rng(0).random((6, 6)).astype(np.float32)
    laid = on_image(values, picture)

    expected = torch.nn.functional.interpolate(
        torch.from_numpy(values)[None, None], (48, 48), mode="bilinear", align_corners=False
    )[0, 0].numpy()
    assert laid.shape == (64, 96)
    assert laid[8:56, 24:72] == pytest.approx(expected, abs=2e-2)
    assert np.isnan(laid[:7]).all()
    assert np.isnan(laid[:, :23]).all()
    coloured = overlay(Explanation("gradcam", "heat", values), picture)
    assert np.array_equal(coloured[:7], pixels.numpy().transpose(1, 2, 0)[:7])
    assert not np.array_equal(coloured[8:56, 24:72], pixels.numpy().transpose(1, 2, 0)[8:56, 24:72])


def test_images_are_scaled_as_the_recipe_says(tmp_path: Path) -> None:
    """By the figures of its `normalize`."""
    subject = with_recipe("normalize(0.5, 0.25)", tmp_path)
    pixels = noise(subject)
    expected = (pixels.float() / 255 - 0.5) / 0.25

    assert torch.allclose(subject.picture_of(pixels, "").input[0], expected, atol=1e-5)


def test_one_output_decides_between_two_classes(tmp_path: Path) -> None:
    """For the second and against the first; probabilities are its sigmoid."""
    subject = written(SMALL.replace("linear(5)", "linear(1)"), tmp_path)
    first, second = (question(subject, class_number=number) for number in (0, 1))
    logit = subject.module(first.picture.input)

    assert subject.classes == ("0", "1")
    assert torch.allclose(subject.probabilities(first.picture.input)[0, 1], logit.sigmoid())
    for method in (cam, gradcam):
        against, speaks_for = method(first, relu=False).values, method(second, relu=False).values
        assert np.allclose(against, -speaks_for)
        assert np.abs(speaks_for).max() > 0
    cells = gradcam(second, relu=False).values * 64
    assert cells == pytest.approx(cam(second).values, rel=1e-4, abs=1e-7)


def test_penalties_speak_against_a_class(tmp_path: Path) -> None:
    """The smallest wins, so scores are their negatives; CAM's weights as well."""
    text = f"{SMALL}train:\n  data: cifar10\n  prepare: normalize(0.5, 0.5)\n  loss: lenet1998\n"
    subject = written(text, tmp_path)
    asked = question(subject)

    assert torch.equal(subject.scores(asked.picture.input), -subject.module(asked.picture.input))
    assert gradcam(asked, relu=False).values * 64 == pytest.approx(cam(asked).values, rel=1e-4, abs=1e-7)


def test_a_class_is_a_name_or_a_number(tmp_path: Path) -> None:
    """Out of range is a fault, with what there is."""
    subject = written(SMALL, tmp_path)

    assert subject.class_number("4") == 4
    for wrong in ("5", "-1", "cat"):
        assert fault_of(lambda text=wrong: subject.class_number(text)) == ("unknown-class", 2)  # type: ignore[misc]


def test_a_network_that_gives_images_is_refused(tmp_path: Path) -> None:
    """There is no class to explain."""
    text = "name: n\ninput: [1, 8, 8]\nnet: conv(1, 3, padding=1)\n"
    assert fault_of(lambda: written(text, tmp_path)) == ("output-not-classes", 1)
