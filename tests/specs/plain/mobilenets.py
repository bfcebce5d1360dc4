"""The networks for small devices."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from tests.specs.twin import Twin, timm_model, torchvision_model


class SeparableConvolution(nn.Module):
    """A depthwise convolution, then a pointwise one (Howard et al. 2017, figure 3)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inputs, 3, stride=stride, padding=1, groups=inputs, bias=False)
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv2 = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(maps))))))


NINE_LAYERS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (1024, 2), (1024, 1))
"""Channels and stride of each, where a course cut the network down to CIFAR-10."""
THIRTEEN_LAYERS = (*NINE_LAYERS[:6], *[(512, 1)] * 5, *NINE_LAYERS[7:])
"""The same in Howard et al. 2017, table 1."""


class MobileNetV1(nn.Module):
    """MobileNet for CIFAR-10, without a stride in the first convolution, or as in the paper."""

    def __init__(
        self,
        layers: Sequence[tuple[int, int]] = NINE_LAYERS,
        width: float = 1.0,
        stride: int = 1,
        classes: int = 10,
    ) -> None:
        super().__init__()
        widths = [int(channels * width) for channels in (32, *(outputs for outputs, _ in layers))]
        strides = [stride for _, stride in layers]
        self.conv1 = nn.Conv2d(3, widths[0], 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.layers = nn.Sequential(
            *(
                SeparableConvolution(inputs, outputs, stride)
                for (inputs, outputs), stride in zip(pairwise(widths), strides, strict=True)
            )
        )
        self.linear = nn.Linear(widths[-1], classes)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.layers(F.relu(self.bn1(self.conv1(images))))
        logits: Tensor = self.linear(maps.mean((2, 3)))
        return logits


class InvertedResidual(nn.Module):
    """Expansion, depthwise filter, projection; at stride 1 with a shortcut, projected where widths differ."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        planes = expansion * inputs
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride=stride, padding=1, groups=planes, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride == 1 and inputs != outputs:
            self.shortcut.append(nn.Conv2d(inputs, outputs, 1, bias=False))
            self.shortcut.append(nn.BatchNorm2d(outputs))

    def forward(self, maps: Tensor) -> Tensor:
        expanded = F.relu(self.bn1(self.conv1(maps)))
        filtered = F.relu(self.bn2(self.conv2(expanded)))
        projected: Tensor = self.bn3(self.conv3(filtered))
        return projected + self.shortcut(maps) if self.stride == 1 else projected


class MobileNetV2(nn.Module):
    """MobileNetV2 cut down to CIFAR-10: ReLU throughout, no stride in the stem and the second stage."""

    stages = (
        (1, 16, 1, 1),
        (6, 24, 2, 1),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.layers = nn.Sequential()
        inputs = 32
        for expansion, outputs, repeats, stride in self.stages:
            for number in range(repeats):
                block = InvertedResidual(inputs, outputs, expansion, stride if number == 0 else 1)
                self.layers.append(block)
                inputs = outputs
        self.conv2 = nn.Conv2d(320, 1280, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(1280)
        self.linear = nn.Linear(1280, 10)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.layers(F.relu(self.bn1(self.conv1(images))))
        maps = F.relu(self.bn2(self.conv2(maps)))
        logits: Tensor = self.linear(F.avg_pool2d(maps, 4).flatten(1))
        return logits


def mobilenetv1_twin(width: float) -> Twin:
    """The paper's network with fewer channels in every layer (Howard et al. 2017, table 6)."""
    make = partial(MobileNetV1, THIRTEEN_LAYERS, width, stride=2, classes=1000)
    return Twin("mobilenetv1_224", make, {"width": width}, leaves=f"mobilenetv1_{width}_224")


TWINS = (
    Twin("mobilenetv1", MobileNetV1, leaves="mobilenetv1_cifar"),
    Twin("mobilenetv1_cifar", partial(MobileNetV1, THIRTEEN_LAYERS), leaves="mobilenetv1_cifar_kuangliu"),
    Twin("mobilenetv1_224", partial(timm_model, "mobilenetv1_100"), leaves="mobilenetv1_1.0_224"),
    mobilenetv1_twin(0.75),
    mobilenetv1_twin(0.5),
    mobilenetv1_twin(0.25),
    Twin("mobilenetv2", MobileNetV2, leaves="mobilenetv2_cifar"),
    Twin("mobilenetv2_224", partial(torchvision_model, "mobilenet_v2")),
    Twin("mobilenetv2_224", partial(torchvision_model, "mobilenet_v2", width_mult=0.35), {"width": 0.35}),
    Twin("mobilenetv2_224", partial(torchvision_model, "mobilenet_v2", width_mult=1.4), {"width": 1.4}),
    Twin("mobilenetv3_large", partial(torchvision_model, "mobilenet_v3_large")),
    Twin(
        "mobilenetv3_large",
        partial(torchvision_model, "mobilenet_v3_large", width_mult=0.75),
        {"width": 0.75},
    ),
    Twin("mobilenetv3_small", partial(torchvision_model, "mobilenet_v3_small")),
    Twin("mnasnet1_0", partial(torchvision_model, "mnasnet1_0")),
    Twin("mnasnet1_0", partial(torchvision_model, "mnasnet0_5"), {"width": 0.5}),
    Twin("mnasnet1_0", partial(torchvision_model, "mnasnet1_3"), {"width": 1.3}),
)
