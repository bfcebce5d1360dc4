"""Images mixed with others of the training data, and their labels with them.

Whom an image is mixed with, and how much, follows from (seed, epoch, image) as all of its chances do, not
from the batch that it is in; torchvision's `MixUp` and `CutMix` roll a batch by one and draw once for all of
it, which Zhang et al. 2017 found to work as well.

N images of a batch, C channels, H height, W width, K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, final

import torch
from torch.nn import functional as F

from netdsl.training.catalog.images import MIXING
from netdsl.training.choices import Use
from netdsl.training.seeds import Chance


class Mix(Protocol):
    """How two images become one."""

    def __call__(
        self, images: torch.Tensor, others: torch.Tensor, chance: Chance
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Images `(N, C, H, W)` as they are mixed, and how much of each is its own, `(N,)`."""
        ...


@final
@dataclass(frozen=True, slots=True)
class MixUp:
    """The weighted mean of both (Zhang et al. 2017, mixup: Beyond Empirical Risk Minimization)."""

    alpha: float
    p: float

    def __call__(
        self, images: torch.Tensor, others: torch.Tensor, chance: Chance
    ) -> tuple[torch.Tensor, torch.Tensor]:
        own = _beta(self.alpha, self.p, chance)
        weight = own.float().to(images.device).view(-1, 1, 1, 1)
        mixed = images.float() * weight + others.float() * (1 - weight)
        return (mixed.round_().to(images.dtype) if images.dtype == torch.uint8 else mixed), own


@final
@dataclass(frozen=True, slots=True)
class CutMix:
    """A rectangle of the other in its place (Yun et al. 2019, CutMix); at the borders it is cut off, and the
    share is of what is left."""

    alpha: float
    p: float

    def __call__(
        self, images: torch.Tensor, others: torch.Tensor, chance: Chance
    ) -> tuple[torch.Tensor, torch.Tensor]:
        height, width = images.shape[-2:]
        side = 0.5 * (1 - _beta(self.alpha, self.p, chance)).sqrt()
        row, column = chance.below(height), chance.below(width)
        half_height, half_width = (side * height).long(), (side * width).long()
        top, bottom = (row - half_height).clamp(min=0), (row + half_height).clamp(max=height)
        left, right = (column - half_width).clamp(min=0), (column + half_width).clamp(max=width)
        rows, columns = torch.arange(height), torch.arange(width)
        in_rows = (rows >= top[:, None]) & (rows < bottom[:, None])
        in_columns = (columns >= left[:, None]) & (columns < right[:, None])
        cut = (in_rows[:, None, :, None] & in_columns[:, None, None, :]).to(images.device)
        own = 1 - ((bottom - top) * (right - left)).double() / (height * width)
        return torch.where(cut, others, images), own


def _beta(alpha: float, p: float, chance: Chance) -> torch.Tensor:
    """How much is an image's own, `(N,)`: from Beta(α, α), by the inverse of its distribution, and all of it
    where it does not happen."""
    from scipy.special import betaincinv  # a tenth of a second, for those who mix

    drawn = chance.uniform(count=2)
    shares = torch.from_numpy(betaincinv(alpha, alpha, drawn[:, 0].numpy()))
    return torch.where(drawn[:, 1] < p, shares, 1.0)


Get = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""Numbers of images → the images as they appear in the epoch, and their labels."""


@final
@dataclass(frozen=True, slots=True)
class Mixing:
    """Mixes the images of a batch, one way after the other."""

    ways: tuple[Mix, ...]
    classes: int

    def __call__(
        self, images: torch.Tensor, labels: torch.Tensor, get: Get, count: int, chance: Chance
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The images, and how much they are of each class, `(N, K)`.

        Args:
            images: as they appear in the epoch.
            labels: of what class they are, `(N,)`.
            get: gives other images.
            count: of the whole training data, among which others are drawn.
            chance: what the images' samples draw from.
        """
        target = F.one_hot(labels, self.classes).float()
        for way in self.ways:
            others, theirs = get(chance.below(count))
            images, own = way(images, others, chance)
            weight = own.float().to(target.device)[:, None]
            target = weight * target + (1 - weight) * F.one_hot(theirs, self.classes).float()
        return images, target


def mixing(augment: Sequence[Use], classes: int) -> Mixing | None:
    """How a recipe mixes images; None where it does not."""
    ways = tuple(_WAYS[use.word](use.arguments) for use in augment if use.word in MIXING)
    return Mixing(ways, classes) if ways else None


_WAYS: Mapping[str, Callable[[Mapping[str, Any]], Mix]] = {
    "mixup": lambda a: MixUp(a["alpha"], a["p"]),
    "cutmix": lambda a: CutMix(a["alpha"], a["p"]),
}
