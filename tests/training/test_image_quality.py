"""PSNR and SSIM to the digits of scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from netdsl.training.image_quality import psnr, ssim


def waves(noise: float) -> torch.Tensor:
    """A smooth picture of three channels, `(1, 3, 40, 48)`, under a pattern that looks like noise."""
    y, x = np.mgrid[0:40, 0:48]
    clean = np.stack([0.5 + 0.4 * np.sin(x / 7 + channel) * np.cos(y / 5) for channel in range(3)])
    return torch.from_numpy(clean + noise * np.cos(1.7 * x * y + 0.3 * x))[None]


@pytest.mark.parametrize(
    ("noise", "similarity", "decibels"),
    [
        (0.02, 0.977002816022514, 36.845295207614974),
        (0.1, 0.6531752690729379, 22.8658951208946),
        (0.3, 0.18794021913929757, 13.32347002650135),
    ],
)
def test_figures_are_scikit_image_s(noise: float, similarity: float, decibels: float) -> None:
    """scikit-image 0.26.0: peak_signal_noise_ratio, and structural_similarity as Wang et al. have it:
    gaussian_weights=True, sigma=1.5, use_sample_covariance=False; both with data_range=1."""
    assert ssim(waves(noise), waves(0)).item() == pytest.approx(similarity, abs=1e-12)
    assert psnr(waves(noise), waves(0)).item() == pytest.approx(decibels, abs=1e-12)


def test_each_image_is_measured_by_itself() -> None:
    several, truth = torch.cat([waves(0.1), waves(0.3)]), torch.cat([waves(0), waves(0)])

    assert torch.allclose(psnr(several, truth), torch.cat([psnr(waves(n), waves(0)) for n in (0.1, 0.3)]))
    assert torch.allclose(ssim(several, truth), torch.cat([ssim(waves(n), waves(0)) for n in (0.1, 0.3)]))


def test_equal_images_have_a_finite_ratio() -> None:
    assert psnr(waves(0), waves(0)).item() == 100
    assert ssim(waves(0), waves(0)).item() == pytest.approx(1)
