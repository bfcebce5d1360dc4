"""ResNets and those that grew from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from tests.specs.twin import Twin, timm_model, torchvision_model

DEPTHS = {50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3]}
"""Blocks in each stage of He et al. 2015, table 1."""


class Branches(nn.Module):
    """The sum of what is learned and a shortcut, the input itself unless given, then ReLU."""

    def __init__(self, learned: nn.Module, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.learned = learned
        self.shortcut = shortcut or nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(self.learned(maps) + self.shortcut(maps))


def conv_bn(in_channels: int, channels: int, kernel: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(in_channels, channels, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(channels))


def bottlenecks(depths: Sequence[int], strides_first: bool) -> Iterator[nn.Module]:
    """Blocks of three convolutions; a stage's stride is that of its first 1x1, or of its first 3x3."""
    channels = 64
    for number, depth in enumerate(depths):
        for repeat in range(depth):
            width, stride = 64 * 2**number, 2 if number and not repeat else 1
            first, second = (stride, 1) if strides_first else (1, stride)
            narrow = [*conv_bn(channels, width, 1, first), nn.ReLU(), *conv_bn(width, width, 3, second)]
            learned = nn.Sequential(*narrow, nn.ReLU(), *conv_bn(width, 4 * width, 1))
            yield Branches(learned, None if repeat else conv_bn(channels, 4 * width, 1, stride))
            channels = 4 * width


def bottleneck_resnet(layers: int, classes: int = 1000, strides_first: bool = False) -> nn.Module:
    """He et al. 2015, table 1, the three deep ones.

    Their strides are on the first 1x1 in the paper, on the 3x3 and with one output in PaddlePaddle's book.
    """
    stem = [*conv_bn(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, classes)]
    return nn.Sequential(*stem, *bottlenecks(DEPTHS[layers], strides_first), *head)


class Downsampling(nn.Module):
    """Every other row and column, and as many channels of zeros as there are channels (option A)."""

    def forward(self, maps: Tensor) -> Tensor:
        return F.pad(maps[:, :, ::2, ::2], (0, 0, 0, 0, 0, maps.shape[1]))


def cifar_resnet(n: int) -> nn.Module:
    """He et al. 2015, section 4.2: 6n + 2 layers, n blocks for each of three sizes."""
    layers = [*conv_bn(3, 16, 3), nn.ReLU()]
    channels = 16
    for width in (16, 32, 64):
        for _ in range(n):
            grows = width > channels
            convs = [*conv_bn(channels, width, 3, 1 + grows), nn.ReLU(), *conv_bn(width, width, 3)]
            layers.append(Branches(nn.Sequential(*convs), Downsampling() if grows else None))
            channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


class PreActivation(nn.Module):
    """He et al. 2016, figure 1b: normalised and activated before the convolutions.

    Where the shape changes, the shortcut is a 1x1 convolution of what is activated, otherwise the input.
    """

    def __init__(self, in_channels: int, channels: int, stride: int, is_bottleneck: bool) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        width = channels // 4 if is_bottleneck else channels
        shapes = [(in_channels, width, 3), (width, channels, 3)]
        if is_bottleneck:
            shapes = [(in_channels, width, 1), (width, width, 3), (width, channels, 1)]
        convs: list[nn.Module] = []
        for number, (inputs, outputs, kernel) in enumerate(shapes):
            convs += [nn.BatchNorm2d(inputs), nn.ReLU()] if number else []
            steps = stride if number == is_bottleneck else 1
            convs.append(nn.Conv2d(inputs, outputs, kernel, steps, kernel // 2, bias=False))
        self.convs = nn.Sequential(*convs)
        self.shortcut: nn.Module | None = None
        if stride != 1 or in_channels != channels:
            self.shortcut = nn.Conv2d(in_channels, channels, 1, stride, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        active = F.relu(self.bn1(maps))
        shortcut: Tensor = maps if self.shortcut is None else self.shortcut(active)
        learned: Tensor = self.convs(active)
        return shortcut + learned


def preactivations(
    channels: int, widths: Sequence[int], n: int, is_bottleneck: bool = False
) -> Iterator[nn.Module]:
    """A convolution that gives so many channels, then n blocks of each width, half as large each time."""
    yield nn.Conv2d(3, channels, 3, padding=1, bias=False)
    for width in widths:
        for repeat in range(n):
            stride = 2 if width > widths[0] and not repeat else 1
            yield PreActivation(channels, width, stride, is_bottleneck)
            channels = width


def preact_resnet(n: int, is_bottleneck: bool = False) -> nn.Module:
    """He et al. 2016, section 4 and appendix: 6n + 2 layers, or 9n + 2 in bottlenecks."""
    widths = (64, 128, 256) if is_bottleneck else (16, 32, 64)
    tail = [nn.BatchNorm2d(widths[-1]), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*preactivations(16, widths, n, is_bottleneck), *tail, nn.Linear(widths[-1], 10))


def preact_resnet18() -> nn.Module:
    """kuangliu's pytorch-cifar, which normalises nothing behind the last block."""
    blocks = preactivations(64, (64, 128, 256, 512), 2)
    return nn.Sequential(*blocks, nn.AvgPool2d(4), nn.Flatten(), nn.Linear(512, 10))


def biased_block(in_channels: int, channels: int, stride: int = 1) -> nn.Module:
    """Zhang et al. 2021, Dive into Deep Learning, section 7.6: `Residual`."""
    first = nn.Conv2d(in_channels, channels, 3, stride, 1)
    convs = [first, nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1)]
    shortcut = nn.Conv2d(in_channels, channels, 1, stride) if stride > 1 else None
    return Branches(nn.Sequential(*convs, nn.BatchNorm2d(channels)), shortcut)


def biased_resnet18() -> nn.Module:
    """Zhang et al. 2021, Dive into Deep Learning, section 7.6."""
    stem = [nn.Conv2d(1, 64, 7, 2, 3), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    blocks = [biased_block(64, 64), biased_block(64, 64)]
    for width in (128, 256, 512):
        blocks += [biased_block(width // 2, width, 2), biased_block(width, width)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def exact_gates(name: str) -> nn.Module:
    """One of timm's networks with SE blocks, whose gates of less than 8 channels are not rounded up."""
    from timm.layers.squeeze_excite import SEModule

    return timm_model(name, block_args={"attn_layer": partial(SEModule, rd_divisor=1)})


NAMED_AS_IN_TORCHVISION = (
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "wide_resnet50_2"),
    *("densenet121", "densenet161", "densenet169", "densenet201"),
)

NAMED_WITH_SETTINGS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("resnext50_32x4d", "resnext101_32x8d", {"depths": DEPTHS[101], "width": 8}),
    ("resnext50_32x4d", "resnext101_64x4d", {"depths": DEPTHS[101], "groups": 64}),
    ("wide_resnet50_2", "wide_resnet101_2", {"depths": DEPTHS[101]}),
    ("resnet18", "resnet18", {"classes": 10}),
)
"""Specs, what torchvision calls them with the settings, and the settings."""

TWINS = (
    *(Twin(name, partial(torchvision_model, name)) for name in NAMED_AS_IN_TORCHVISION),
    *(
        Twin(
            spec,
            partial(torchvision_model, name, num_classes=settings.get("classes", 1000)),
            settings,
            counts_only=name != "resnet18",
        )
        for spec, name, settings in NAMED_WITH_SETTINGS
    ),
    *(
        Twin(
            f"resnet{layers}_v1",
            partial(bottleneck_resnet, layers, strides_first=True),
            leaves=f"resnet{layers}_v1_paper",
        )
        for layers in DEPTHS
    ),
    *(
        Twin(
            f"resnet{layers}_pm",
            partial(bottleneck_resnet, layers, classes=1),
            leaves=f"resnet{layers}_paddle_pm",
        )
        for layers in DEPTHS
    ),
    *(
        Twin(f"resnet{6 * n + 2}", partial(cifar_resnet, n), leaves=f"resnet{6 * n + 2}_cifar10")
        for n in (3, 5, 7, 9, 18)
    ),
    Twin("preact_resnet18", preact_resnet18, leaves="preact_resnet18_cifar_kuangliu"),
    Twin("preact_resnet110", partial(preact_resnet, 18), leaves="preact_resnet110_cifar10"),
    Twin("preact_resnet164", partial(preact_resnet, 18, True), leaves="preact_resnet164_cifar10"),
    Twin(
        "preact_resnet1001",
        partial(preact_resnet, 111, True),
        leaves="preact_resnet1001_cifar10",
        is_settled=True,
    ),
    Twin("resnet18_d2l", biased_resnet18, leaves="resnet18_d2l_96"),
    Twin("resnet18_d2l_224", biased_resnet18, leaves="resnet18_d2l_224"),
    *(Twin(f"se_resnet{layers}", partial(exact_gates, f"seresnet{layers}")) for layers in (18, 34)),
    *(Twin(f"se_resnet{layers}", partial(timm_model, f"seresnet{layers}")) for layers in DEPTHS),
    Twin("se_resnext50_32x4d", partial(timm_model, "seresnext50_32x4d")),
    # its dropout is a call of a function, which nothing but its rate turns off
    Twin("senet154", partial(timm_model, "legacy_senet154", act_layer=None, drop_rate=0.0)),
)
