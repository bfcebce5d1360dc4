"""Networks for other tasks than to classify pictures."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from tests.specs.twin import Twin


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


TWINS = (
    Twin("hybridsn", HybridSN),
    Twin("hybridsn", partial(HybridSN, has_hidden_relu=False), {"act": "id"}, leaves="hybridsn"),
    Twin("dncnn", DnCNN, leaves="dncnn_s"),
)
