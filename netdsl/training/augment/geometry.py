"""Pixels to other places, each image of a batch by parameters of its own; to torchvision's bytes.

N images, C channels, H height, W width.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F


def crop(images: torch.Tensor, top: torch.Tensor, left: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Windows `(N, C, *size)` of images `(N, C, H, W)`, each from a corner of its own, `(N,)`."""
    height, width = size
    count, channels, _, row = images.shape
    rows = (top[:, None] + torch.arange(height)) * row
    columns = left[:, None] + torch.arange(width)
    places = (rows[:, :, None] + columns[:, None, :]).view(count, 1, height * width).to(images.device)
    found = images.flatten(2).gather(2, places.expand(-1, channels, -1))
    return found.view(count, channels, height, width)


def mirror(images: torch.Tensor, chosen: torch.Tensor, axis: int) -> torch.Tensor:
    """The images that are chosen, `(N,)`, mirrored along an axis, the others as they are."""
    return torch.where(_each(chosen, images), images.flip(axis), images)


def quarter_turns(images: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Square images, each turned so many times by 90 degrees, `(N,)`, against the clock."""
    turned = images.clone()
    for count in (1, 2, 3):
        chosen = (turns == count).nonzero()[:, 0].to(images.device)
        turned[chosen] = images[chosen].rot90(count, dims=(-2, -1))
    return turned


def erase(
    images: torch.Tensor, top: torch.Tensor, left: torch.Tensor, height: torch.Tensor, width: torch.Tensor
) -> torch.Tensor:
    """Images with a rectangle of zeros each; one of no height changes nothing."""
    rows, columns = torch.arange(images.shape[-2]), torch.arange(images.shape[-1])
    in_rows = (rows >= top[:, None]) & (rows < (top + height)[:, None])
    in_columns = (columns >= left[:, None]) & (columns < (left + width)[:, None])
    return images.masked_fill((in_rows[:, None, :, None] & in_columns[:, None, None, :]).to(images.device), 0)


def affine(images: torch.Tensor, matrices: torch.Tensor, mode: str) -> torch.Tensor:
    """Bytes `(N, C, H, W)` taken from where matrices point to, black beyond the borders.

    As torchvision does it with `fill=0`: between pixels and the black beyond, weights count twice.

    Args:
        images: the bytes.
        matrices: of each image, from places in the result to places in it, `(N, 2, 3)`, counted in pixels
            from the middle.
        mode: `nearest` or `bilinear`.
    """
    count, _, height, width = images.shape
    grid = torch.ones(height, width, 3)
    grid[..., 0] = torch.linspace((1 - width) * 0.5, (width - 1) * 0.5, width)
    grid[..., 1] = torch.linspace((1 - height) * 0.5, (height - 1) * 0.5, height)[:, None]
    half = torch.tensor([0.5 * width, 0.5 * height])
    places = grid.view(1, -1, 3).expand(count, -1, -1).bmm(matrices.float().transpose(1, 2) / half)
    places = places.view(count, height, width, 2).to(images.device)
    covered = torch.cat((images.float(), images.new_ones(count, 1, height, width).float()), dim=1)
    moved = F.grid_sample(covered, places, mode=mode, padding_mode="zeros", align_corners=False)
    values, cover = moved[:, :-1], moved[:, -1:]
    values = values.where(cover >= 0.5, 0) if mode == "nearest" else values * cover
    return values.round_().to(images.dtype)


def affine_matrices(
    angle: torch.Tensor, translate_x: torch.Tensor, translate_y: torch.Tensor, factor: torch.Tensor
) -> torch.Tensor:
    """What `affine` takes to turn with the clock by degrees, then enlarge and shift by pixels, `(N,)` each.

    The inverse of T·R·S about the middle, with torchvision's signs.
    """
    cosine, sine = torch.cos(angle * (math.pi / 180)), torch.sin(angle * (math.pi / 180))
    a, b, c, d = cosine / factor, sine / factor, -sine / factor, cosine / factor
    row = torch.stack((a, b, -a * translate_x - b * translate_y), dim=1)
    column = torch.stack((c, d, -c * translate_x - d * translate_y), dim=1)
    return torch.stack((row, column), dim=1)


def _each(values: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    return values.to(images.device).view(-1, *(1,) * (images.ndim - 1))
