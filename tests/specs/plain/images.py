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


class HybridSN2D3D(nn.Module):
    """HybridSN's convolutions in the opposite order: over space alone, then over space and spectrum."""

    def __init__(self, has_hidden_relu: bool = True) -> None:
        super().__init__()
        self.has_hidden_relu = has_hidden_relu
        self.conv1 = nn.Conv2d(30, 64, 3)
        self.conv2 = nn.Conv3d(1, 8, (7, 3, 3))
        self.conv3 = nn.Conv3d(8, 16, (5, 3, 3))
        self.conv4 = nn.Conv3d(16, 32, (3, 3, 3))
        self.fc1 = nn.Linear(32 * 52 * 17 * 17, 256)
        self.fc2 = nn.Linear(256, 128)
        self.output = nn.Linear(128, 16)
        self.dropout = nn.Dropout(0.4)

    def forward(self, cubes: Tensor) -> Tensor:
        maps = F.relu(self.conv1(cubes[:, 0])).unsqueeze(1)
        maps = F.relu(self.conv4(F.relu(self.conv3(F.relu(self.conv2(maps))))))
        hidden = maps.flatten(1)
        for layer in (self.fc1, self.fc2):
            hidden = layer(hidden)
            hidden = self.dropout(F.relu(hidden) if self.has_hidden_relu else hidden)
        logits: Tensor = self.output(hidden)
        return logits


class DnCNN(nn.Module):
    """Zhang et al. 2016, III.A: layers that predict the noise, which is taken off the image."""

    def __init__(self, depth: int = 17, channels: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, 64, 3, padding=1), nn.ReLU()]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(64, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
        layers.append(nn.Conv2d(64, channels, 3, padding=1, bias=False))
        self.dncnn = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        noise: Tensor = self.dncnn(images)
        return images - noise


class DSCMR(nn.Module):
    """Zhen et al. 2019, as the authors' code has it; the shared layers are registered first."""

    def __init__(self, words: int = 1024, classes: int = 10) -> None:
        super().__init__()
        self.represent = nn.Linear(2048, 1024)
        self.classify = nn.Linear(1024, classes)
        self.image = nn.Linear(4096, 2048)
        self.text = nn.Linear(words, 2048)

    def forward(self, images: Tensor, texts: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        image = self.represent(F.relu(self.image(images)))
        text = self.represent(F.relu(self.text(texts)))
        return text, image, self.classify(image), self.classify(text)


TWINS = (
    Twin("hybridsn", HybridSN),
    Twin("hybridsn", partial(HybridSN, has_hidden_relu=False), {"act": "id"}, leaves="hybridsn"),
    Twin("hybridsn_2d3d", HybridSN2D3D),
    Twin(
        "hybridsn_2d3d",
        partial(HybridSN2D3D, has_hidden_relu=False),
        {"act": "id"},
        leaves="hybridsn_2d3d_control",
    ),
    Twin("dncnn", DnCNN, leaves="dncnn_s"),
    Twin("dncnn_b", partial(DnCNN, depth=20), leaves="dncnn_b"),
    Twin("dncnn_3", partial(DnCNN, depth=20), leaves="dncnn_b"),
    Twin("cdncnn_b", partial(DnCNN, depth=20, channels=3), leaves="cdncnn_b"),
    Twin("dscmr", DSCMR, leaves="dscmr_default"),
    Twin(
        "dscmr",
        partial(DSCMR, words=300, classes=20),
        {"text": [300], "classes": 20},
        leaves="dscmr_pascal_like",
    ),
)
