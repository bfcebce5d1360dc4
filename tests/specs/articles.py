"""The networks that no library has, in plain torch, as their papers and articles give them.

Written without netdsl and without a look at the specs: what the specs are held against.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MLP(nn.Module):
    """LeCun et al. 1998, III.C: 28×28-300-100-10."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden1 = nn.Linear(28 * 28, 300)
        self.hidden2 = nn.Linear(300, 100)
        self.output = nn.Linear(100, 10)

    def forward(self, images: Tensor) -> Tensor:
        hidden = torch.tanh(self.hidden1(images.flatten(1)))
        logits: Tensor = self.output(torch.tanh(self.hidden2(hidden)))
        return logits


class LeNet5(nn.Module):
    """LeCun et al. 1998, figure 2, with full C3, plain average pooling and a linear output."""

    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5, padding=2)
        self.c3 = nn.Conv2d(6, 16, 5)
        self.c5 = nn.Linear(16 * 5 * 5, 120)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, 10)

    def forward(self, images: Tensor) -> Tensor:
        s2 = F.avg_pool2d(torch.tanh(self.c1(images)), 2)
        s4 = F.avg_pool2d(torch.tanh(self.c3(s2)), 2)
        c5 = torch.tanh(self.c5(s4.flatten(1)))
        logits: Tensor = self.output(torch.tanh(self.f6(c5)))
        return logits


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


class HybridSN(nn.Module):
    """Roy et al. 2019, figure 1 and table I; articles leave the ReLUs of the two hidden layers out."""

    def __init__(self, has_hidden_relu: bool = True) -> None:
        super().__init__()
        self.has_hidden_relu = has_hidden_relu
        self.conv1 = nn.Conv3d(1, 8, (7, 3, 3))
        self.conv2 = nn.Conv3d(8, 16, (5, 3, 3))
        self.conv3 = nn.Conv3d(16, 32, (3, 3, 3))
        self.conv4 = nn.Conv2d(32 * 18, 64, 3)
        self.fc1 = nn.Linear(64 * 17 * 17, 256)
        self.fc2 = nn.Linear(256, 128)
        self.output = nn.Linear(128, 16)
        self.dropout = nn.Dropout(0.4)

    def forward(self, cubes: Tensor) -> Tensor:
        maps = F.relu(self.conv3(F.relu(self.conv2(F.relu(self.conv1(cubes))))))
        maps = F.relu(self.conv4(maps.flatten(1, 2)))
        hidden = maps.flatten(1)
        for layer in (self.fc1, self.fc2):
            hidden = layer(hidden)
            hidden = self.dropout(F.relu(hidden) if self.has_hidden_relu else hidden)
        logits: Tensor = self.output(hidden)
        return logits


class DnCNN(nn.Module):
    """Zhang et al. 2016, III.A: 17 layers that predict the noise, which is taken off the image."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(1, 64, 3, padding=1), nn.ReLU()]
        for _ in range(15):
            layers += [nn.Conv2d(64, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
        layers.append(nn.Conv2d(64, 1, 3, padding=1, bias=False))
        self.dncnn = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        noise: Tensor = self.dncnn(images)
        return images - noise
