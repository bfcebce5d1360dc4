"""Perceptrons, the LeNets and what teaching made of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.specs.twin import Twin


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


TWINS = (
    Twin("mlp", MLP),
    Twin("lenet5", LeNet5),
)
