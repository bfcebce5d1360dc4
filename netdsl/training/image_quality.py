"""How near an image is to another: peak signal-to-noise ratio and structural similarity.

N images, C channels, H height, W width; values from 0 to 1.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

SMALLEST_ERROR = 1e-10
"""The mean squared error that counts for equal images: 100 dB, where the ratio would be infinite."""
WINDOW, DEVIATION = 11, 1.5
"""Wang et al. 2004: a Gaussian window of 11×11 pixels with a standard deviation of 1.5."""
K1, K2 = 0.01, 0.03


def psnr(images: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """The peak signal-to-noise ratio of each image in decibels, `(N, C, H, W)` → `(N)`: 10 log₁₀(1 / MSE)."""
    error = (images - truth).square().flatten(1).mean(dim=1)
    return -10 * error.clamp(min=SMALLEST_ERROR).log10()


def ssim(images: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """The mean structural similarity of each image, `(N, C, H, W)` → `(N)`, over the windows that lie inside.

    Source: Wang, Bovik, Sheikh & Simoncelli 2004, Image Quality Assessment, equations 13 to 17; over channels
    it is the mean.
    """
    means = _blurred(torch.cat([images, truth, images * images, truth * truth, images * truth], dim=1))
    mean_x, mean_y, xx, yy, xy = means.chunk(5, dim=1)
    variances, covariance = xx - mean_x**2 + yy - mean_y**2, xy - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + K1**2) / (mean_x**2 + mean_y**2 + K1**2)
    structure = (2 * covariance + K2**2) / (variances + K2**2)
    return (luminance * structure).flatten(1).mean(dim=1)


def _blurred(images: torch.Tensor) -> torch.Tensor:
    """The Gaussian mean around each pixel that has its whole window, channel by channel."""
    places = torch.arange(WINDOW, dtype=images.dtype, device=images.device) - WINDOW // 2
    weights = torch.exp(-(places**2) / (2 * DEVIATION**2))
    weights = (weights / weights.sum()).expand(images.shape[1], 1, 1, WINDOW)
    along_rows = F.conv2d(images, weights, groups=images.shape[1])
    return F.conv2d(along_rows, weights.transpose(2, 3), groups=images.shape[1])
