"""Score-CAM and SS-CAM against torchcam, and against the paper's steps."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchcam.methods import SSCAM, ScoreCAM

from netdsl.insight.capture import captured
from netdsl.insight.explanation import Question
from netdsl.insight.score_cam import enlarged, score_cam, ss_cam
from tests.insight.subjects import DEEP, SMALL, question, written

WHOLE = "body.conv1.relu1"
"""A layer as large as the image."""
THIRD = "body.conv2.relu1"
"""A layer of a third of its size: torchcam scales masks before it enlarges them, which here is the same."""


def theirs(kind: type[ScoreCAM], asked: Question, **options: Any) -> np.ndarray:
    """torchcam's map of class 1, before it is normalised."""
    with kind(asked.subject.module, asked.place.path, batch_size=1000, **options) as other:
        asked.subject.module(asked.picture.input)
        (found,) = other(1, normalized=False)
    return found[0].numpy()


@pytest.mark.parametrize("layer", [WHOLE, THIRD])
def test_score_cam_equals_torchcams(layer: str, tmp_path: Path) -> None:
    """The softmax of the scores over the maps."""
    asked = question(written(SMALL, tmp_path), layer=layer)

    assert score_cam(asked).values == pytest.approx(theirs(ScoreCAM, asked), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("layer", [WHOLE, THIRD])
def test_ss_cam_equals_torchcams(layer: str, tmp_path: Path) -> None:
    """With the same noise, drawn in the same order."""
    asked = question(written(SMALL, tmp_path), layer=layer)
    torch.manual_seed(3)
    expected = theirs(SSCAM, asked, num_samples=4, std=2.0)

    found = ss_cam(asked, samples=4, sigma=2.0, seed=3).values

    assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_other_weights_are_the_increase_and_the_probability(tmp_path: Path) -> None:
    """Step by step: enlarge, scale from 0 to 1, mask, ask."""
    asked = question(written(DEEP, tmp_path))
    image, module = asked.picture.input, asked.subject.module
    with torch.no_grad(), captured(module, asked.place) as found:
        module(image)
    maps = found.maps
    with torch.no_grad():
        shown = [module(mask[None] * image)[0] for mask in enlarged(maps, image)]
        nothing = module(torch.zeros_like(image))[0]
    for choice, weights in (
        ("increase", [scores[1] - nothing[1] for scores in shown]),
        ("probability", [scores.softmax(dim=0)[1] for scores in shown]),
    ):
        expected = (torch.stack(weights)[:, None, None] * maps[0]).sum(dim=0).relu()
        values = score_cam(asked, weights=choice).values
        assert values == pytest.approx(expected.numpy(), rel=1e-4, abs=1e-6)


def test_masks_run_from_0_to_1(tmp_path: Path) -> None:
    """After they are enlarged; a flat map masks everything."""
    maps = torch.rand(1, 3, 4, 4)
    maps[0, 1] = 2.0
    masks = enlarged(maps, torch.zeros(1, 3, 10, 10))

    assert masks.shape == (3, 1, 10, 10)
    assert masks.amin(dim=(1, 2, 3)).tolist() == [0, 0, 0]
    assert masks.amax(dim=(1, 2, 3)).tolist() == [1, 0, 1]


def test_noise_in_the_image_is_the_papers_other_kind(tmp_path: Path) -> None:
    """Both are fixed by the seed, and differ."""
    asked = question(written(SMALL, tmp_path))
    in_maps = ss_cam(asked, samples=2).values
    in_image = ss_cam(asked, samples=2, smooth="image").values

    assert np.array_equal(in_maps, ss_cam(asked, samples=2).values)
    assert not np.allclose(in_maps, in_image)
