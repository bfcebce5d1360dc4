"""Networks that say of every pixel what it belongs to."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.specs.twin import SMALLER, Twin


class TwoConvolutions(nn.Module):
    """Two convolutions without padding, each followed by a ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3)
        self.conv2 = nn.Conv2d(outputs, outputs, 3)

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(self.conv2(F.relu(self.conv1(maps))))


class UpConvolution(nn.Module):
    """Twice the size at half the channels, beside what the way down saw, then two convolutions."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(2 * outputs, outputs, 2, stride=2)
        self.convolutions = TwoConvolutions(2 * outputs, outputs)

    def forward(self, maps: Tensor, seen: Tensor) -> Tensor:
        maps = self.up(maps)
        margin = (seen.shape[-1] - maps.shape[-1]) // 2
        cropped = F.pad(seen, [-margin] * 4)
        joined: Tensor = self.convolutions(torch.cat([cropped, maps], 1))
        return joined


class UNet(nn.Module):
    """Ronneberger et al. 2015, section 2 and figure 1."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(5)]
        self.down = nn.ModuleList(
            TwoConvolutions(inputs, outputs) for inputs, outputs in zip([1, *widths[:4]], widths, strict=True)
        )
        self.up = nn.ModuleList(UpConvolution(outputs) for outputs in reversed(widths[:4]))
        self.output = nn.Conv2d(width, 2, 1)
        self.dropout = nn.Dropout(0.5)

    def forward(self, images: Tensor) -> Tensor:
        seen = [self.down[0](images)]
        for level, convolutions in enumerate(self.down[1:], start=1):
            maps = convolutions(F.max_pool2d(seen[-1], 2))
            seen.append(self.dropout(maps) if level >= 3 else maps)
        maps = seen.pop()
        for up in self.up:
            maps = up(maps, seen.pop())
        labels: Tensor = self.output(maps)
        return labels


TWINS = (
    Twin("unet", UNet),
    Twin("unet", partial(UNet, width=8), SMALLER["unet"]),
)
