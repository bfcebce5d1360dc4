"""Methods put to the test: an object that alone decides, and weights that decide nothing.

The object: the share of a map's mass, as in the energy-based pointing game of Wang et al. 2020. The weights:
Adebayo et al. 2018, Sanity Checks for Saliency Maps.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from netdsl.insight.colours import on_image
from netdsl.insight.explain import FUNCTIONS
from netdsl.insight.explanation import Array
from netdsl.insight.localization import box_of, box_on_image, overlap
from netdsl.insight.subject import Subject
from tests.insight.planted import WINDOW, Planted, detector, plant
from tests.insight.subjects import question

OPTIONS: Mapping[str, Mapping[str, Any]] = {"occlusion": {"size": 6, "stride": 2}}
MAPS = [word for word in FUNCTIONS if word not in ("filters", "features", "top9")]
FLOORS = {word: 0.97 if word == "occlusion" else 0.999 for word in MAPS}
"""The least share of a map that lies on the object, with the margin that a filter's window sees."""


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return detector(tmp_path_factory.mktemp("planted"))


def explained(subject: Subject, planted: Planted, word: str) -> Array:
    """What speaks for the planted class, at the image's pixels."""
    asked = question(subject, planted.pixels, class_number=planted.label)
    answer = FUNCTIONS[word](asked, **OPTIONS.get(word, {}))
    if answer.kind == "colour":
        amounts: Array = np.abs(answer.values).sum(axis=0)
        return amounts
    return on_image(np.maximum(answer.values, 0), asked.picture)


def test_the_network_sees_the_stripes(subject: Subject) -> None:
    """In each of forty images, and nothing in noise alone."""
    planted = [plant(number) for number in range(40)]
    seen = [subject.scores(subject.picture_of(one.pixels, "").input)[0] for one in planted]

    assert [int(scores.argmax()) for scores in seen] == [one.label for one in planted]
    assert all(float(scores.max()) > 0.5 for scores in seen)


@pytest.mark.parametrize("word", MAPS)
def test_maps_point_at_the_object(subject: Subject, word: str) -> None:
    """In each of ten images, of which the object, with its margin, is a quarter at most."""
    margin = WINDOW // 2 + 1
    for planted in (plant(number) for number in range(10)):
        values = explained(subject, planted, word)
        left, top, right, bottom = (int(side) for side in planted.box)
        near = values[max(0, top - margin) : bottom + margin, max(0, left - margin) : right + margin]
        assert values.sum() > 0
        assert near.sum() / values.sum() >= FLOORS[word]


@pytest.mark.parametrize(("word", "least"), [("cam", 0.5), ("gradcam", 0.5), ("saliency", 0.8)])
def test_the_box_of_a_map_is_the_objects(subject: Subject, word: str, least: float) -> None:
    """On average over ten images; nobody showed the network a box."""
    images = [plant(number) for number in range(10)]
    shares = [overlap(box_of(explained(subject, one, word)), one.box) for one in images]

    assert np.mean(shares) >= least


def test_a_box_lies_where_the_crop_was(subject: Subject) -> None:
    """In pixels of the image itself, twice as large here as what the network takes."""
    planted = plant(3)
    large = planted.pixels.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
    asked = question(subject, large, class_number=planted.label)
    box = box_on_image(FUNCTIONS["saliency"](asked), asked.picture)

    assert overlap(box, [2 * side for side in planted.box]) > 0.8


@pytest.mark.parametrize("word", [word for word in MAPS if word not in ("guided", "deconvnet")])
def test_other_weights_give_other_maps(subject: Subject, word: str, tmp_path: Path) -> None:
    """They have little in common with those of a network that has learned nothing.

    Guided backpropagation and deconvnet are left out: they hardly notice (Adebayo et al. 2018, section 4;
    Nie et al. 2018), since they show what the image holds rather than what the network made of it.
    """
    random = detector(tmp_path)
    torch.manual_seed(1)
    for parameter in random.module.parameters():
        parameter.copy_(torch.randn(parameter.shape) * parameter.std().nan_to_num(1.0))
    pairs = [(explained(subject, one, word), explained(random, one, word)) for one in map(plant, range(6))]

    shared = [float(np.corrcoef(learned.ravel(), drawn.ravel())[0, 1]) for learned, drawn in pairs]

    assert np.isfinite(shared).all()
    assert abs(np.mean(shared)) < 0.4
