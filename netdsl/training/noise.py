"""Pictures → patches → batches of patches that have lost something, with the clean ones beside them.

What a patch loses follows from (seed, epoch, patch), as all chance does. Test patches lose the same in every
epoch of every run, so that networks are compared on the same pictures.

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
from netdsl.training.degradation import GREY_LEVELS, Degradation
from netdsl.training.holding import memory_for_images
from netdsl.training.seeds import NOISE, derived
from netdsl.training.transforms import ImageShape, Transform, spelled


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
class DegradedBatches:
    """Patches that have lost something, and as they were; both as floats from 0 to 1."""

    clean: Batches
    """Patches whose labels are their numbers."""
    degradation: Degradation
    seed: int
    each: int | None = None
    """Patches that have each kind of loss in turn, as in tests; None draws one for each."""

    def __len__(self) -> int:
        return len(self.clean)

    @property
    def starts(self) -> Sequence[int]:
        return self.clean.starts

    def shared(self, share: Share) -> DegradedBatches:
        return replace(self, clean=self.clean.shared(share))

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch: what is given, `(batch, C, H, W)`, and the clean patches with the number
        of the kind of loss as one more channel, `(batch, C + 1, H, W)`.

        Raises:
            Faults: as those of the clean patches.
        """
        for patches, numbers in self.clean.epoch(number, first):
            clean = patches.float() / GREY_LEVELS
            given, kinds = torch.empty_like(clean), torch.empty_like(clean[:, :1])
            for place, index in enumerate(numbers.tolist()):
                given[place], kinds[place] = self._degraded(clean[place], index, number)
            yield given, torch.cat([clean, kinds], dim=1)

    def _degraded(self, clean: torch.Tensor, index: int, epoch: int) -> tuple[torch.Tensor, int]:
        """A patch with what it has lost, and the number of its kind."""
        generator = torch.Generator().manual_seed(derived(NOISE, self.seed, epoch, index))
        kinds = self.degradation.kinds
        if self.each is not None:
            kind = index // self.each
        else:
            kind = int(torch.randint(len(kinds), (), generator=generator)) if len(kinds) > 1 else 0
        return self.degradation.applied(clean, kinds[kind], generator), kind
