"""Class activation maps: the papers' identities, and other programs on the same network."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_grad_cam.grad_cam_plusplus import GradCAMPlusPlus
from torchcam.methods import GradCAM

from netdsl.insight.cam import (
    activations_and_gradients,
    cam,
    gradcam,
    gradcam_plus_plus,
    smooth_gradcam_plus_plus,
)
from netdsl.insight.subject import Subject
from tests.insight.subjects import DEEP, SMALL, question, scaled_up, shipped, written
from tests.training.networks import fault_of

POOLED = ("resnet18", "resnet50", "densenet121")


@pytest.fixture(scope="module", params=POOLED)
def pooled(request: pytest.FixtureRequest) -> Subject:
    """A network that ends in global average pooling and a linear layer."""
    return shipped(request.param)


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def test_the_mean_of_a_class_activation_map_is_the_score(pooled: Subject) -> None:
    """With the classifier's bias: Zhou et al. 2016, equations 1 and 2."""
    asked = question(pooled, class_number=7)
    bias = float(pooled.module.get_parameter("head.linear1.bias")[7])
    with torch.no_grad():
        score = float(asked.score(asked.picture.input))

    mean = float(cam(asked).values.astype(np.float64).mean())

    assert mean + bias == pytest.approx(score, rel=1e-5)


def test_gradcam_is_cam_where_there_is_global_pooling(pooled: Subject) -> None:
    """But for the number of cells: Selvaraju et al. 2017, section 3.1."""
    asked = question(pooled, class_number=7)
    exact, general = cam(asked).values, gradcam(asked, relu=False).values

    assert exact.shape == (7, 7)
    assert relative_error(general * exact.size, exact) < 1e-5


def test_relu_keeps_what_speaks_for_a_class(tmp_path: Path) -> None:
    """A named choice of each method; a map of random weights speaks both for and against."""
    subject = written(SMALL, tmp_path)
    every = [question(subject, class_number=number) for number in range(5)]
    for method in (cam, gradcam, gradcam_plus_plus):
        signed = [method(asked, relu=False).values for asked in every]
        kept = [method(asked, relu=True).values for asked in every]
        assert all(np.array_equal(k, np.maximum(s, 0)) for k, s in zip(kept, signed, strict=True))
    assert any(cam(asked).values.min() < 0 for asked in every)
    assert all(gradcam(asked).values.min() >= 0 for asked in every)


@pytest.mark.parametrize("text", [SMALL, DEEP])
def test_gradcam_equals_torchcams(text: str, tmp_path: Path) -> None:
    """Another program, on the same module and image."""
    subject = written(text, tmp_path)
    asked = question(subject)
    with GradCAM(subject.module, asked.place.path) as other:
        scores = subject.module(asked.picture.input.clone().requires_grad_())
        (theirs,) = other(1, scores, normalized=False)

    assert relative_error(gradcam(asked).values, theirs[0].numpy()) < 1e-5


def eq_19(maps: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Chattopadhay et al. 2018, equations 19, 6 and 20, cell by cell as they are printed."""
    total = np.zeros(maps.shape[1:])
    for one, slopes in zip(maps, gradients, strict=True):
        whole = sum(float(cell) for cell in one.flat)
        weight = 0.0
        for slope in (float(cell) for cell in slopes.flat):
            below = 2 * slope**2 + whole * slope**3
            weight += (slope**2 / below if below else 0.0) * max(slope, 0.0)
        total += weight * one
    return np.maximum(total, 0)


@pytest.mark.parametrize("text", [SMALL, DEEP])
def test_gradcam_plus_plus_is_equation_19(text: str, tmp_path: Path) -> None:
    """An independent reading of the paper; gradients differ from cell to cell in the second network."""
    asked = question(written(text, tmp_path))
    maps, gradients = (t[0].numpy() for t in activations_and_gradients(asked, asked.picture.input))

    expected = eq_19(maps.astype(np.float64), gradients.astype(np.float64))

    assert expected.max() > 0
    assert relative_error(gradcam_plus_plus(asked).values, expected) < 1e-5


def test_gradcam_plus_plus_equals_another_program(tmp_path: Path) -> None:
    """The weights of `grad-cam`, whose 1e-6 in the denominator is nothing beside large gradients."""
    subject = written(DEEP, tmp_path)
    scaled_up(subject.module, 20.0)
    asked = question(subject)
    maps, gradients = (t.numpy() for t in activations_and_gradients(asked, asked.picture.input))
    weights = GradCAMPlusPlus.get_cam_weights(None, None, None, None, maps, gradients)
    theirs = np.maximum((weights[0, :, None, None] * maps[0]).sum(axis=0), 0)

    assert relative_error(gradcam_plus_plus(asked).values, theirs) < 1e-4


def test_smooth_without_noise_is_gradcam_plus_plus(tmp_path: Path) -> None:
    """With the second derivative above the fraction; as printed, with the first, it is another map."""
    asked = question(written(DEEP, tmp_path))
    plain = gradcam_plus_plus(asked).values
    second = smooth_gradcam_plus_plus(asked, samples=3, noise=0.0, numerator="second").values
    printed = smooth_gradcam_plus_plus(asked, samples=3, noise=0.0).values

    assert relative_error(second, plain) < 1e-5
    assert relative_error(printed / printed.max(), plain / plain.max()) > 1e-3


def test_smooth_takes_the_means_of_the_derivatives(tmp_path: Path) -> None:
    """Omeiza et al. 2019: of noisy images, combined with the maps of the clean one."""
    asked = question(written(DEEP, tmp_path))
    image = asked.picture.input
    generator = torch.Generator().manual_seed(4)
    spread = 0.2 * float(image.max() - image.min())
    shifts = [torch.randn(image.shape, generator=generator) * spread for _ in range(3)]
    slopes = [activations_and_gradients(asked, image + shift)[1][0].double() for shift in shifts]
    maps = activations_and_gradients(asked, image)[0][0].double()
    one, two, three = (torch.stack([slope**power for slope in slopes]).mean(dim=0) for power in (1, 2, 3))
    alpha = one / (2 * two + maps.sum(dim=(1, 2))[:, None, None] * three)
    weights = (alpha.nan_to_num() * one.clamp(min=0)).sum(dim=(1, 2))
    expected = (weights[:, None, None] * maps).sum(dim=0).clamp(min=0).numpy()

    found = smooth_gradcam_plus_plus(asked, samples=3, noise=0.2, seed=4).values

    assert relative_error(found, expected) < 1e-4


def test_a_network_with_more_behind_its_maps_has_no_cam(tmp_path: Path) -> None:
    """And is told of what needs no pooling; nothing is guessed."""
    assert fault_of(lambda: cam(question(written(DEEP, tmp_path)))) == ("no-global-pooling", 2)
