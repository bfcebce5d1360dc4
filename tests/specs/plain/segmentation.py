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


def unit(convolution: nn.Module) -> nn.Sequential:
    """A convolution or a transposed one, normalised and rectified."""
    assert isinstance(convolution, nn.Conv2d | nn.ConvTranspose2d)
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU())


class DeconvNet(nn.Module):
    """Noh et al. 2015, table 2, with the biases and the normalisation of the authors' code."""

    down = ((1, 1), (2, 2), (4, 4, 4), (8, 8, 8), (8, 8, 8))
    """The channels of each convolution as multiples of the width, by the size they work at."""
    up = ((8, 8, 8), (8, 8, 4), (4, 4, 2), (2, 1), (1, 1))

    def __init__(self, width: int = 64, hidden: int = 4096) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList()
        channels = 3
        for factors in self.down:
            stage = nn.Sequential()
            for factor in factors:
                stage.append(unit(nn.Conv2d(channels, factor * width, 3, padding=1)))
                channels = factor * width
            self.convolutions.append(stage)
        self.fc6 = unit(nn.Conv2d(channels, hidden, 7))
        self.fc7 = unit(nn.Conv2d(hidden, hidden, 1))
        self.fc6_deconv = unit(nn.ConvTranspose2d(hidden, channels, 7))
        self.deconvolutions = nn.ModuleList()
        for factors in self.up:
            stage = nn.Sequential()
            for factor in factors:
                stage.append(unit(nn.ConvTranspose2d(channels, factor * width, 3, padding=1)))
                channels = factor * width
            self.deconvolutions.append(stage)
        self.score = nn.Conv2d(width, 21, 1)

    def forward(self, images: Tensor) -> Tensor:
        maps, switches = images, []
        for stage in self.convolutions:
            maps, places = F.max_pool2d(stage(maps), 2, return_indices=True)
            switches.append(places)
        maps = self.fc6_deconv(self.fc7(self.fc6(maps)))
        for stage in self.deconvolutions:
            maps = stage(F.max_unpool2d(maps, switches.pop(), [2, 2]))
        scores: Tensor = self.score(maps)
        return scores


TWINS = (
    Twin("unet", UNet),
    Twin("unet", partial(UNet, width=8), SMALLER["unet"]),
    Twin("deconvnet", DeconvNet),
    Twin("deconvnet", partial(DeconvNet, width=8, hidden=64), SMALLER["deconvnet"]),
)
