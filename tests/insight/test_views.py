"""Occlusion, filters and feature maps: against the plainest way of getting the same figures."""

from pathlib import Path

import numpy as np
import pytest
import torch

from netdsl.insight.features import features, filters
from netdsl.insight.occlusion import occlusion
from netdsl.insight.subject import Subject
from tests.insight.subjects import DEEP, noise, question, written
from tests.training.networks import fault_of


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    return written(DEEP, tmp_path)


def covered(pixels: torch.Tensor, row: int, column: int, side: int, cell: int, grey: int) -> torch.Tensor:
    """A picture with a grey square about the middle of a cell, pixel by pixel."""
    changed = pixels.clone()
    for down in range(pixels.shape[1]):
        for across in range(pixels.shape[2]):
            middle = ((row + 0.5) * cell, (column + 0.5) * cell)
            if all(abs(p + 0.5 - m) <= side / 2 for p, m in zip((down, across), middle, strict=True)):
                changed[:, down, across] = grey
    return changed


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_occlusion_is_what_the_square_takes_away(subject: Subject, grey: int) -> None:
    """The class' probability with the square at every place, each picture made and asked on its own."""
    pixels = noise(subject)
    asked = question(subject, pixels, class_number=2)
    whole = float(subject.probabilities(asked.picture.input)[0, 2])
    found = occlusion(asked, size=8, stride=4, grey=grey)

    assert found.values.shape == (6, 6)
    for row, column in ((0, 0), (0, 5), (2, 3), (5, 5)):
        other = subject.picture_of(covered(pixels, row, column, 8, 4, grey), "").input
        seen = float(subject.probabilities(other)[0, 2])
        assert found.extra["occluded"][row, column] == pytest.approx(seen, rel=1e-5)
        assert found.values[row, column] == pytest.approx(whole - seen, abs=1e-6)


def test_occlusion_watches_the_strongest_map(subject: Subject) -> None:
    """The sum of the map that has the strongest activation in the whole picture."""
    pixels = noise(subject)
    asked = question(subject, pixels)
    maps = subject.module.get_submodule("body")(asked.picture.input)[0]
    number = int(maps.amax(dim=(1, 2)).argmax())
    found = occlusion(asked, size=8, stride=8, of="feature")

    other = subject.picture_of(covered(pixels, 1, 2, 8, 8, 128), "").input
    expected = float(subject.module.get_submodule("body")(other)[0, number].sum())
    assert found.note.endswith(f"map {number}")
    assert found.extra["occluded"][1, 2] == pytest.approx(expected, rel=1e-4)


def test_filters_are_the_first_weights(subject: Subject) -> None:
    """As they are, three channels each; `count` of them."""
    weights = subject.module.get_parameter("body.conv1.conv1.weight").numpy()

    assert np.array_equal(filters(question(subject)).values, weights)
    assert np.array_equal(filters(question(subject), count=3).values, weights[:3])


def test_features_are_the_maps_by_strength(subject: Subject) -> None:
    """Their numbers are kept; one alone can be named."""
    asked = question(subject)
    maps = subject.module.get_submodule("body")(asked.picture.input)[0].numpy()
    found = features(asked, count=5)
    strengths = maps.max(axis=(1, 2))

    numbers = found.extra["numbers"].astype(int)
    assert strengths[numbers].tolist() == sorted(strengths, reverse=True)[:5]
    assert np.array_equal(found.values[:, 0], maps[numbers])
    assert np.array_equal(features(asked, map=7).values[0, 0], maps[7])
    assert fault_of(lambda: features(asked, map=12)) == ("unknown-map", 2)


def test_a_network_without_convolutions_has_no_filters(tmp_path: Path) -> None:
    """And says so."""
    text = "name: n\ninput: [1, 4, 4]\nnet: flatten -> linear(2)\n"
    assert fault_of(lambda: filters(question(written(text, tmp_path)))) == ("layer-not-spatial", 2)
