"""Pictures → patches → batches of noisy patches with the clean ones beside them.

The noise of a patch follows from (seed, epoch, patch), as all chance does. Test patches have the same noise
in every epoch of every run, so that networks are compared on the same pictures.

C channels, H height, W width of a patch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import final

import torch

from netdsl.diagnostics import fault
from netdsl.training.batches import Batch, Batches, Share
from netdsl.training.data.dataset import HeldImages, HeldSplit, Images
from netdsl.training.holding import memory_for_images
from netdsl.training.seeds import NOISE, derived
from netdsl.training.transforms import ImageShape, Transform, spelled

GREY_LEVELS = 255
"""Noise is told in grey levels of bytes, as the papers do."""


def cut(pictures: Images, prepare: Transform, shape: ImageShape, stride: int | None) -> HeldSplit:
    """All patches of pictures, row by row; a rest at the right and at the bottom is left out.

    Args:
        pictures: of any sizes.
        prepare: what each goes through before.
        shape: of a patch.
        stride: pixels from patch to patch; None sets them side by side.

    Raises:
        Faults: a picture is damaged (3) or smaller than a patch (1), or patches are too many to be kept (1).
    """
    parts: list[torch.Tensor] = []
    kept = 0
    for number in range(len(pictures)):
        part = _patches(prepare(pictures[number]), shape, stride)
        kept += part.numel()
        if kept > memory_for_images():
            message = f"the patches of {len(pictures):,} pictures do not fit into memory"
            raise fault("too-many-patches", message, exit_code=1, help="set them apart: `denoise(stride=40)`")
        parts.append(part)
    patches = torch.cat(parts)
    return HeldSplit(HeldImages(patches), torch.arange(len(patches)))


def _patches(picture: torch.Tensor, shape: ImageShape, stride: int | None) -> torch.Tensor:
    channels, height, width = shape
    if picture.shape[-2] < height or picture.shape[-1] < width:
        message = f"a picture of {spelled(picture.shape[-2:])} is smaller than a patch of {height}×{width}"
        help = f"scale pictures up: `prepare: resize({max(height, width)})`, or take others"
        raise fault("image-size", message, exit_code=1, help=help)
    rows = picture.unfold(1, height, stride or height).unfold(2, width, stride or width)
    return rows.permute(1, 2, 0, 3, 4).reshape(-1, channels, height, width).contiguous()


@final
@dataclass(frozen=True, slots=True, eq=False)
class NoisyBatches:
    """Patches with white Gaussian noise, and as they were; both as floats from 0 to 1, not clipped."""

    clean: Batches
    """Patches whose labels are their numbers."""
    sigma: tuple[float, float]
    """The noise's standard deviation in grey levels: the smallest and the largest, uniform between."""
    seed: int

    def __len__(self) -> int:
        return len(self.clean)

    @property
    def starts(self) -> Sequence[int]:
        return self.clean.starts

    def shared(self, share: Share) -> NoisyBatches:
        return replace(self, clean=self.clean.shared(share))

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch: noisy and clean, `(batch, C, H, W)`.

        Raises:
            Faults: as those of the clean patches.
        """
        for patches, numbers in self.clean.epoch(number, first):
            clean = patches.float() / GREY_LEVELS
            noisy = torch.empty_like(clean)
            for place, index in enumerate(numbers.tolist()):
                noisy[place] = self._noisy(clean[place], index, number)
            yield noisy, clean

    def _noisy(self, clean: torch.Tensor, index: int, epoch: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(derived(NOISE, self.seed, epoch, index))
        low, high = self.sigma
        share = float(torch.rand((), generator=generator))
        sigma = (low + (high - low) * share) / GREY_LEVELS
        return clean + sigma * torch.randn(clean.shape, generator=generator)
