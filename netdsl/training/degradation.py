"""What a patch loses before a network is to restore it: white noise, resolution, or what JPEG leaves out.

C channels, H height, W width of a patch; values from 0 to 1.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

GREY_LEVELS = 255
"""Noise is told in grey levels of bytes, as the papers do."""


@final
@dataclass(frozen=True, slots=True)
class Degradation:
    """The kinds of loss, of which a patch has one, and how strong each may be."""

    sigma: tuple[float, float]
    """The noise's standard deviation in grey levels: the smallest and the largest, uniform between."""
    scales: Sequence[int] = ()
    """By how much a patch is made smaller, and larger again."""
    qualities: Sequence[int] = ()
    """JPEG's, as its reference implementation counts them."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """What can happen to a patch."""
        return "noise", *["scale"] * bool(self.scales), *["jpeg"] * bool(self.qualities)

    def applied(self, clean: torch.Tensor, kind: str, generator: torch.Generator) -> torch.Tensor:
        """A patch `(C, H, W)` with one kind of loss, of a strength by chance.

        The noise is not clipped. A patch that is made smaller and larger is so by bicubic interpolation, as
        in Zhang et al. 2016, section IV.
        """
        share = float(torch.rand((), generator=generator))
        if kind == "scale":
            return rescaled(clean, self.scales[int(share * len(self.scales))])
        if kind == "jpeg":
            return compressed(clean, self.qualities[int(share * len(self.qualities))])
        low, high = self.sigma
        sigma = (low + (high - low) * share) / GREY_LEVELS
        return clean + sigma * torch.randn(clean.shape, generator=generator)


def rescaled(clean: torch.Tensor, factor: int) -> torch.Tensor:
    """A patch made smaller by a factor, its sides rounded up, and as large as before again.

    With `antialias` torch takes the kernel of MATLAB's `imresize` and of Pillow, otherwise one of its own.
    """
    size = tuple(clean.shape[-2:])
    smaller = [-(-side // factor) for side in size]
    low = F.interpolate(clean[None], size=smaller, mode="bicubic", antialias=True)
    return F.interpolate(low, size=size, mode="bicubic", antialias=True)[0].clamp(0, 1)


def compressed(clean: torch.Tensor, quality: int) -> torch.Tensor:
    """A patch of one or three channels as JPEG keeps it."""
    pixels = (clean * GREY_LEVELS).round().to(torch.uint8).permute(1, 2, 0).squeeze(-1).numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "jpeg", quality=quality)
    decoded = torch.from_numpy(np.array(Image.open(file))).view(*clean.shape[1:], clean.shape[0])
    return decoded.permute(2, 0, 1).float() / GREY_LEVELS
