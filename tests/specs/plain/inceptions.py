"""GoogLeNet and its successor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.specs.twin import Twin, torchvision_model


class Inception(nn.Module):
    """Szegedy et al. 2014, figure 2b, with a row of table 1."""

    def __init__(self, inputs: int, c1: int, r3: int, c3: int, r5: int, c5: int, pooled: int) -> None:
        super().__init__()
        self.p1_1 = nn.Conv2d(inputs, c1, 1)
        self.p2_1 = nn.Conv2d(inputs, r3, 1)
        self.p2_2 = nn.Conv2d(r3, c3, 3, padding=1)
        self.p3_1 = nn.Conv2d(inputs, r5, 1)
        self.p3_2 = nn.Conv2d(r5, c5, 5, padding=2)
        self.p4_1 = nn.MaxPool2d(3, stride=1, padding=1)
        self.p4_2 = nn.Conv2d(inputs, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        p1 = F.relu(self.p1_1(x))
        p2 = F.relu(self.p2_2(F.relu(self.p2_1(x))))
        p3 = F.relu(self.p3_2(F.relu(self.p3_1(x))))
        p4 = F.relu(self.p4_2(self.p4_1(x)))
        return torch.cat([p1, p2, p3, p4], dim=1)


def auxiliary(inputs: int) -> nn.Sequential:
    """Szegedy et al. 2014, section 5: what hangs on 4a and 4d while training."""
    return nn.Sequential(
        nn.AvgPool2d(5, stride=3),
        nn.Conv2d(inputs, 128, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(4 * 4 * 128, 1024),
        nn.ReLU(),
        nn.Dropout(0.7),
        nn.Linear(1024, 1000),
    )


class GoogLeNet(nn.Module):
    """Szegedy et al. 2014, table 1, and PaddlePaddle's rewriting of it for a single logit."""

    def __init__(self, *, is_rewritten: bool = False, has_auxiliaries: bool = False) -> None:
        super().__init__()
        if is_rewritten:
            self.conv1 = nn.Conv2d(3, 64, 7, padding=3)
            self.pool: nn.Module = nn.MaxPool2d(3, stride=2, padding=1)
            self.norm: nn.Module = nn.Identity()
            self.dropout: nn.Module = nn.Identity()
        else:
            self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3)
            self.pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
            self.norm = nn.LocalResponseNorm(5)
            self.dropout = nn.Dropout(0.4)
        self.conv2_1 = nn.Conv2d(64, 64, 1)
        self.conv2_2 = nn.Conv2d(64, 192, 3, padding=1)
        self.block3_1 = Inception(192, 64, 96, 128, 16, 32, 32)
        self.block3_2 = Inception(256, 128, 128, 192, 32, 96, 64)
        self.block4_1 = Inception(480, 192, 96, 208, 16, 48, 64)
        self.block4_2 = Inception(512, 160, 112, 224, 24, 64, 64)
        self.block4_3 = Inception(512, 128, 128, 256, 24, 64, 64)
        self.block4_4 = Inception(512, 112, 144, 288, 32, 64, 64)
        self.block4_5 = Inception(528, 256, 160, 320, 32, 128, 128)
        self.block5_1 = Inception(832, 256, 160, 320, 32, 128, 128)
        self.block5_2 = Inception(832, 384, 192, 384, 48, 128, 128)
        self.fc = nn.Linear(1024, 1 if is_rewritten else 1000)
        self.aux1 = auxiliary(512) if has_auxiliaries else None
        self.aux2 = auxiliary(528) if has_auxiliaries else None

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        x = self.norm(self.pool(F.relu(self.conv1(x))))
        x = self.norm(F.relu(self.conv2_2(F.relu(self.conv2_1(x)))))
        x = self.block3_2(self.block3_1(self.pool(x)))
        early = self.block4_1(self.pool(x))
        late = self.block4_4(self.block4_3(self.block4_2(early)))
        x = self.block5_2(self.block5_1(self.pool(self.block4_5(late))))
        logits: Tensor = self.fc(self.dropout(F.adaptive_avg_pool2d(x, 1).flatten(1)))
        if self.aux1 is None or self.aux2 is None:
            return logits
        return logits, self.aux1(early), self.aux2(late)


googlenet = partial(torchvision_model, "googlenet", init_weights=False)
inception_v3 = partial(torchvision_model, "inception_v3", init_weights=False)

TWINS = (
    Twin("googlenet", partial(googlenet, aux_logits=False)),
    Twin("googlenet_2014", GoogLeNet, leaves="googlenet_paper"),
    Twin("googlenet_pm", partial(GoogLeNet, is_rewritten=True), leaves="googlenet_paddle_pm"),
    Twin("inception_v3", partial(inception_v3, aux_logits=False)),
)

WITH_AUXILIARIES: Mapping[str, Callable[[], nn.Module]] = {
    "googlenet": partial(googlenet, aux_logits=True),
    "googlenet_2014": partial(GoogLeNet, has_auxiliaries=True),
    "inception_v3": partial(inception_v3, aux_logits=True),
}
"""The networks that have further classifiers in training, each with these; their names begin with `aux`,
in either case of letters, and they come behind the network's own output."""
