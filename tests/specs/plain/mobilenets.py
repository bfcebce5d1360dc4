"""The networks for small devices."""

from __future__ import annotations

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


class MobileNetV1(nn.Module):
    """MobileNet cut down to CIFAR-10: nine blocks, no stride in the first convolution."""

    blocks = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (1024, 2), (1024, 1))

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        widths = [32, *(width for width, _ in self.blocks)]
        strides = [stride for _, stride in self.blocks]
        self.layers = nn.Sequential(
            *(
                SeparableConvolution(inputs, outputs, stride)
                for (inputs, outputs), stride in zip(pairwise(widths), strides, strict=True)
            )
        )
        self.linear = nn.Linear(1024, 10)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.layers(F.relu(self.bn1(self.conv1(images))))
        logits: Tensor = self.linear(F.avg_pool2d(maps, 2).flatten(1))
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


TWINS = (
    Twin("mobilenetv1", MobileNetV1, leaves="mobilenetv1_cifar"),
    Twin("mobilenetv1_224", partial(timm_model, "mobilenetv1_100"), leaves="mobilenetv1_1.0_224"),
    Twin("mobilenetv2", MobileNetV2, leaves="mobilenetv2_cifar"),
    Twin("mobilenetv2_224", partial(torchvision_model, "mobilenet_v2")),
    Twin("mobilenetv2_224", partial(torchvision_model, "mobilenet_v2", width_mult=0.35), {"width": 0.35}),
    Twin("mobilenetv2_224", partial(torchvision_model, "mobilenet_v2", width_mult=1.4), {"width": 1.4}),
)
