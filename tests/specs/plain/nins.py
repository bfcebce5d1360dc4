"""Network in Network."""

from __future__ import annotations

from torch import nn

from tests.specs.twin import Twin


class NiN(nn.Sequential):
    """Lin et al. 2013, figure 2, with the widths, strides and pools of the authors' CIFAR-10 model."""

    def __init__(self) -> None:
        super().__init__(
            *self.mlpconv(3, 192, 5, 160, 96),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.Dropout(),
            *self.mlpconv(96, 192, 5, 192, 192),
            nn.AvgPool2d(3, 2, ceil_mode=True),
            nn.Dropout(),
            *self.mlpconv(192, 192, 3, 192, 10),
            nn.AvgPool2d(8),
            nn.Flatten(),
        )

    @staticmethod
    def mlpconv(inputs: int, filters: int, kernel: int, hidden: int, outputs: int) -> list[nn.Module]:
        return [
            nn.Conv2d(inputs, filters, kernel, padding=kernel // 2),
            nn.ReLU(),
            nn.Conv2d(filters, hidden, 1),
            nn.ReLU(),
            nn.Conv2d(hidden, outputs, 1),
            nn.ReLU(),
        ]


TWINS = (Twin("nin", NiN, leaves="nin_cifar10"),)
