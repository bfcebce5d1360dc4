"""Network in Network."""

from __future__ import annotations

from torch import nn

from tests.specs.twin import Twin


def mlpconv(
    inputs: int, filters: int, kernel: int, hidden: int, outputs: int, stride: int = 1, padding: int = 0
) -> list[nn.Module]:
    """Lin et al. 2013, figure 2: a window, and two layers of 1x1 across its channels."""
    return [
        nn.Conv2d(inputs, filters, kernel, stride, padding),
        nn.ReLU(),
        nn.Conv2d(filters, hidden, 1),
        nn.ReLU(),
        nn.Conv2d(hidden, outputs, 1),
        nn.ReLU(),
    ]


class NiN(nn.Sequential):
    """Lin et al. 2013, figure 2, with the widths, strides and pools of the authors' CIFAR-10 model."""

    def __init__(self) -> None:
        super().__init__(
            *mlpconv(3, 192, 5, 160, 96, padding=2),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.Dropout(),
            *mlpconv(96, 192, 5, 192, 192, padding=2),
            nn.AvgPool2d(3, 2, ceil_mode=True),
            nn.Dropout(),
            *mlpconv(192, 192, 3, 192, 10, padding=1),
            nn.AvgPool2d(8),
            nn.Flatten(),
        )


class ImageNetNiN(nn.Sequential):
    """The authors' model for ImageNet, in Caffe, whose pools hang over the edge."""

    def __init__(self) -> None:
        super().__init__(
            *mlpconv(3, 96, 11, 96, 96, stride=4),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            *mlpconv(96, 256, 5, 256, 256, padding=2),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            *mlpconv(256, 384, 3, 384, 384, padding=1),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.Dropout(),
            *mlpconv(384, 1024, 3, 1024, 1000, padding=1),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )


class BookNiN(nn.Sequential):
    """Dive into Deep Learning, Network in Network."""

    def __init__(self) -> None:
        super().__init__(
            *mlpconv(1, 96, 11, 96, 96, stride=4),
            nn.MaxPool2d(3, stride=2),
            *mlpconv(96, 256, 5, 256, 256, padding=2),
            nn.MaxPool2d(3, stride=2),
            *mlpconv(256, 384, 3, 384, 384, padding=1),
            nn.MaxPool2d(3, stride=2),
            nn.Dropout(0.5),
            *mlpconv(384, 10, 3, 10, 10, padding=1),
            nn.AdaptiveAvgPool2d((1, 1)),
            nn.Flatten(),
        )


TWINS = (
    Twin("nin", NiN, leaves="nin_cifar10"),
    Twin("nin_imagenet", ImageNetNiN, leaves="nin_imagenet"),
    Twin("nin_d2l", BookNiN, leaves="nin_d2l"),
)
