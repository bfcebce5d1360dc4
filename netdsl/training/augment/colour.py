"""Values to other values, each image of a batch by a factor of its own; to torchvision's bytes.

N images, C channels (1 or 3), H height, W width; factors are `(N,)`, on the CPU, as doubles.
"""

from __future__ import annotations

import torch
from torchvision.transforms.v2 import functional


def brightness(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Bytes times a factor."""
    return images.mul(_each(factor, images)).clamp_(0, 255).to(images.dtype)


def contrast(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Bytes, away from or towards the mean of the image's luma."""
    luma = functional.rgb_to_grayscale(images).float()
    return _blend(images, luma.mean(dim=(-3, -2, -1), keepdim=True), factor)


def saturation(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Bytes, away from or towards the luma of each pixel; a single channel has no colour to change."""
    if images.shape[-3] == 1:
        return images
    return _blend(images, functional.rgb_to_grayscale(images).float(), factor)


def hue(images: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Bytes, turned on the circle of colours by a share of it; a single channel has none.

    Red is 0, green a third, blue two thirds (Smith 1978, Color Gamut Transform Pairs).
    """
    if images.shape[-3] == 1 or not len(images):
        return images
    values = images.float().mul_(1 / 255)
    red, green, blue = values.unbind(1)
    low, high = torch.aminmax(values, dim=1)
    is_grey = low == high
    spread = torch.where(is_grey, 1, high - low)
    from_red, from_green, from_blue = ((high - part) / spread for part in (red, green, blue))
    is_red, is_green = high == red, high == green
    sector = torch.where(
        is_red,
        from_blue - from_green,
        torch.where(is_green, from_red + 2 - from_blue, from_green + 4 - from_red),
    )
    turn = sector.mul(1 / 6).add_(1).fmod_(1).add_(_each(shift, images)[:, 0]).remainder_(1)
    share = (high - low) / torch.where(is_grey, 1, high)
    return _from_circle(turn, share, high).mul(256 - 1e-3).to(images.dtype)


def _from_circle(turn: torch.Tensor, share: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """Colours `(N, 3, H, W)` from places on the circle, saturations and values, `(N, H, W)` each."""
    sixth = turn * 6
    number = sixth.floor()
    within = sixth - number
    none = ((1 - share) * value).clamp_(0, 1)
    falling = ((1 - share * within) * value).clamp_(0, 1)
    rising = ((share * within + (1 - share)) * value).clamp_(0, 1)
    parts = torch.stack((value, none, falling, rising), dim=1)
    chosen = torch.tensor([[0, 2, 1, 1, 3, 0], [3, 0, 0, 2, 1, 1], [1, 1, 3, 0, 0, 2]], device=turn.device)
    return parts.gather(1, chosen[:, number.long().remainder_(6)].movedim(0, 1))


def _blend(images: torch.Tensor, other: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """`factor` of the images, and what remains of 1 of the other.

    In torchvision the second product is not rounded before it is added, and greys hang on that last bit;
    doubles hold it whole.
    """
    ours = images.mul(_each(factor, images)).double()
    theirs = _each(1 - factor, images).double() * other.double()
    return ours.add_(theirs).float().clamp_(0, 255).to(images.dtype)


def _each(factor: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Factors beside the images they are for, as floats `(N, 1, 1, 1)`."""
    return factor.float().to(images.device).view(-1, 1, 1, 1)
