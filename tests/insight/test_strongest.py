"""The nine strongest answers of a map are those of all test images, cut to what made them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from netdsl.insight.deconvnet import project
from netdsl.insight.strongest import top9
from netdsl.insight.subject import Subject
from netdsl.training.data.digits import read_digits
from tests.insight.subjects import question, written
from tests.training.networks import fault_of

SPEC = """
name: small
input: [1, 8, 8]
net:
  body: conv(6, 3, padding=1) -> relu
  head: global_avgpool -> flatten -> linear(10)
train: {data: digits, prepare: none}
"""


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    return written(SPEC, tmp_path)


def test_the_nine_are_the_strongest_of_all(subject: Subject) -> None:
    """By the largest activation in each image, in order."""
    images = read_digits().test.images
    maps = subject.module.get_submodule("body")(torch.stack([images[n] for n in range(len(images))]) / 255)
    strengths = maps[:, 2].amax(dim=(1, 2)).numpy()
    found = top9(question(subject), map=2)

    assert len(strengths) == 360
    assert found.note == "map 2, of 360 images"
    assert found.extra["strengths"] == pytest.approx(np.sort(strengths)[::-1][:9], rel=1e-5)
    assert strengths[found.extra["images"].astype(int)] == pytest.approx(found.extra["strengths"], rel=1e-5)


def test_each_stands_beside_its_projection(subject: Subject) -> None:
    """A filter of 3 by 3 reaches no further, and one pixel around it is shown, less at the border."""
    found = top9(question(subject), map=2)
    patches, projections = found.extra["patches"], found.values

    assert patches.shape == projections.shape == (9, 1, 5, 5)
    picture = subject.picture_of(read_digits().test.images[int(found.extra["images"][0])], "")
    whole, number = project(subject, picture.input, question(subject).place, 2, "strongest")
    assert number == 2
    assert set(np.unique(projections[0])) == set(np.unique(whole.numpy()))
    assert patches.min() >= 0
    assert patches.max() == 1


def test_fewer_images_and_other_maps(subject: Subject) -> None:
    """As many as are asked for; the picture's strongest map unless one is named; no other is guessed."""
    asked = question(subject)
    strongest = int(subject.module.get_submodule("body")(asked.picture.input)[0].amax(dim=(1, 2)).argmax())

    found = top9(asked, images=5)
    assert found.note == f"map {strongest}, of 5 images"
    assert len(found.values) == 5
    assert fault_of(lambda: top9(asked, map=6)) == ("unknown-map", 2)
