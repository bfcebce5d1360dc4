"""Perceptrons, the LeNets and what teaching made of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.specs.twin import Twin


class MLP(nn.Module):
    """LeCun et al. 1998, III.C: 28×28-300-10 and 28×28-300-100-10."""

    def __init__(self, *hidden: int) -> None:
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in zip((784, *hidden), hidden, strict=False))
        self.output = nn.Linear(hidden[-1], 10)

    def forward(self, images: Tensor) -> Tensor:
        values = images.flatten(1)
        for layer in self.hidden:
            values = torch.tanh(layer(values))
        logits: Tensor = self.output(values)
        return logits


class Subsample(nn.Module):
    """The mean of 2×2, times a coefficient, plus a bias; both trained, one of each for a map."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.affine = Affine(maps)

    def forward(self, maps: Tensor) -> Tensor:
        coefficient, bias = self.affine.weight[:, None, None], self.affine.bias[:, None, None]
        return F.avg_pool2d(maps, 2) * coefficient + bias


class Affine(nn.Module):
    """A weight and a bias for each map."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(maps))
        self.bias = nn.Parameter(torch.empty(maps))


class TableConv(nn.Module):
    """Each map a convolution of some of the maps before, as a table of letters says."""

    def __init__(self, seen: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.seen = [list(maps) for maps in seen]
        self.maps = nn.ModuleList(nn.Conv2d(len(maps), 1, 5) for maps in seen)

    def forward(self, before: Tensor) -> Tensor:
        return torch.cat([conv(before[:, maps]) for conv, maps in zip(self.maps, self.seen, strict=True)], 1)


def seen_by(table: str) -> list[list[int]]:
    """The maps that each map sees, from a table with an X where a row's map is seen by a column's."""
    rows = table.split()
    return [[row for row, marks in enumerate(rows) if marks[column] == "X"] for column in range(len(rows[0]))]


class LeNet1Of1990(nn.Module):
    """LeCun et al. 1990: table 1 says which of H2's maps those of H3 see."""

    SEEN = seen_by("""
        XXX.XX......
        .XXXXX......
        ......XXX.XX
        .......XXXXX""")

    def __init__(self) -> None:
        super().__init__()
        self.h1 = nn.Conv2d(1, 4, 5)
        self.h2 = Subsample(4)
        self.h3 = TableConv(self.SEEN)
        self.h4 = Subsample(12)
        self.output = nn.Linear(12 * 4 * 4, 10)

    def forward(self, images: Tensor) -> Tensor:
        h2 = torch.tanh(self.h2(torch.tanh(self.h1(images))))
        h4 = torch.tanh(self.h4(torch.tanh(self.h3(h2))))
        logits: Tensor = self.output(h4.flatten(1))
        return logits


class RBF(nn.Module):
    """LeCun et al. 1998, equation 7: y_i = Σ_j (x_j − w_ij)², with fixed w."""

    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.empty(10, 84))

    def forward(self, values: Tensor) -> Tensor:
        return torch.stack([(values - code).square().sum(1) for code in self.weight], 1)


class LeNet5Of1998(nn.Module):
    """LeCun et al. 1998, II.B: table I says which of S2's maps those of C3 see."""

    SEEN = seen_by("""
        X...XXX..XXXX.XX
        XX...XXX..XXXX.X
        XXX...XXX..X.XXX
        .XXX..XXXX..X.XX
        ..XXX..XXXX.XX.X
        ...XXX..XXXX.XXX""")

    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5)
        self.s2 = Subsample(6)
        self.c3 = TableConv(self.SEEN)
        self.s4 = Subsample(16)
        self.c5 = nn.Conv2d(16, 120, 5)
        self.f6 = nn.Linear(120, 84)
        self.f7 = RBF()

    def forward(self, images: Tensor) -> Tensor:
        s2 = self.squash(self.s2(self.c1(images)))
        s4 = self.squash(self.s4(self.c3(s2)))
        c5 = self.squash(self.c5(s4)).flatten(1)
        penalties: Tensor = self.f7(self.squash(self.f6(c5)))
        return penalties

    @staticmethod
    def squash(values: Tensor) -> Tensor:
        """Appendix A: f(a) = A·tanh(S·a) with A = 1.7159 and S = 2/3."""
        return 1.7159 * torch.tanh(2 / 3 * values)


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


def lenet5_32(activation: type[nn.Module]) -> nn.Sequential:
    """LeNet-5 on 32×32, with C5 as the convolution that the paper calls it."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), activation(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 5), activation(), nn.AvgPool2d(2)),
        *(nn.Conv2d(16, 120, 5), activation(), nn.Flatten()),
        *(nn.Linear(120, 84), activation(), nn.Linear(84, 10)),
    )


def lenet1() -> nn.Sequential:
    """LeCun et al. 1998, III.C: 28×28-4@24-4@12-12@8-12@4-10."""
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 5), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(4, 12, 5), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(12 * 4 * 4, 10)),
    )


def lenet4() -> nn.Sequential:
    """LeCun et al. 1998, III.C: 32×32-4@28-4@14-16@10-16@5-120-10."""
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 5), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(4, 16, 5), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(16 * 5 * 5, 120), nn.Tanh(), nn.Linear(120, 10)),
    )


def lenet_d2l(
    activation: type[nn.Module] = nn.Sigmoid,
    pool: type[nn.AvgPool2d] | type[nn.MaxPool2d] = nn.AvgPool2d,
    kernel: int = 5,
    window: int = 2,
) -> nn.Sequential:
    """Dive into Deep Learning's LeNet, with what a course's experiments on it changed."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, kernel_size=kernel, padding=2), activation()),
        pool(kernel_size=window, stride=2),
        *(nn.Conv2d(6, 16, kernel_size=5), activation()),
        pool(kernel_size=window, stride=2),
        nn.Flatten(),
        *(nn.Linear(16 * 5 * 5, 120), nn.Sigmoid()),
        *(nn.Linear(120, 84), nn.Sigmoid()),
        nn.Linear(84, 10),
    )


class LeNetPaddle(nn.Module):
    """PaddlePaddle's book: LeNet for digits of 28×28, of 32×32, and for pathologic myopia."""

    def __init__(self, channels: int = 1, kernel: int = 4, values: int = 120, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.conv3 = nn.Conv2d(16, 120, kernel)
        self.fc1 = nn.Linear(values, 64)
        self.fc2 = nn.Linear(64, classes)

    def forward(self, images: Tensor) -> Tensor:
        pool1 = F.max_pool2d(torch.sigmoid(self.conv1(images)), 2, 2)
        pool2 = F.max_pool2d(torch.sigmoid(self.conv2(pool1)), 2, 2)
        conv3 = torch.sigmoid(self.conv3(pool2))
        logits: Tensor = self.fc2(torch.sigmoid(self.fc1(conv3.reshape(len(images), -1))))
        return logits


class KerasConvnet(nn.Module):
    """Keras' example for MNIST, whose tensors have their channels last."""

    def __init__(self, ends_in_softmax: bool = False) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(1, 32, 3)
        self.conv2d_1 = nn.Conv2d(32, 64, 3)
        self.dropout = nn.Dropout(0.25)
        self.dense = nn.Linear(12 * 12 * 64, 128)
        self.dropout_1 = nn.Dropout(0.5)
        self.dense_1 = nn.Linear(128, 10)
        self.ends_in_softmax = ends_in_softmax

    def forward(self, images: Tensor) -> Tensor:
        maps = torch.relu(self.conv2d_1(torch.relu(self.conv2d(images))))
        channels_last = self.dropout(F.max_pool2d(maps, 2)).permute(0, 2, 3, 1)
        hidden = self.dropout_1(torch.relu(self.dense(channels_last.flatten(1))))
        logits: Tensor = self.dense_1(hidden)
        return logits.softmax(1) if self.ends_in_softmax else logits


def convnet_pattern(convs: int, stages: int, hidden: int, pool: bool = True) -> nn.Sequential:
    """CS231n's pattern [[CONV → RELU]·N → POOL?]·M → [FC → RELU]·K → FC, 32 channels wide and wider by 2."""
    layers: list[nn.Module] = []
    channels, size = 3, 32
    for stage in range(stages):
        for _ in range(convs):
            layers += [nn.Conv2d(channels, 32 << stage, 3, padding=1), nn.ReLU()]
            channels = 32 << stage
        if pool:
            layers.append(nn.MaxPool2d(2))
            size //= 2
    layers.append(nn.Flatten())
    values = channels * size * size
    for _ in range(hidden):
        layers += [nn.Linear(values, 128), nn.ReLU()]
        values = 128
    return nn.Sequential(*layers, nn.Linear(values, 10))


TWINS = (
    Twin("mlp1", partial(MLP, 300)),
    Twin("mlp", partial(MLP, 300, 100)),
    Twin("lenet1_1990", LeNet1Of1990, leaves="lenet1_1990", leaves_by_step=True),
    Twin("lenet1", lenet1, leaves="lenet1_full"),
    Twin("lenet4", lenet4, leaves="lenet4_full"),
    Twin("lenet5_1998", LeNet5Of1998, leaves="lenet5_1998", leaves_by_step=True),
    Twin("lenet5", LeNet5),
    Twin("lenet5_32", partial(lenet5_32, nn.Tanh), leaves="lenet5_full_tanh"),
    Twin("lenet5_32", partial(lenet5_32, nn.Sigmoid), {"act": "sigmoid"}, leaves="lenet5_text_32"),
    Twin("lenet_d2l", lenet_d2l, leaves="lenet_d2l"),
    Twin("lenet_d2l", partial(lenet_d2l, nn.ReLU), {"act": "relu"}, leaves="lenet_d2l_relu"),
    Twin("lenet_d2l", partial(lenet_d2l, pool=nn.MaxPool2d), {"pool": "maxpool"}, leaves="lenet_d2l_maxpool"),
    Twin("lenet_d2l", partial(lenet_d2l, kernel=3), {"kernel": 3}, leaves="lenet_d2l_k3"),
    Twin("lenet_d2l", partial(lenet_d2l, kernel=4), {"kernel": 4}, leaves="lenet_d2l_k4"),
    Twin("lenet_d2l", partial(lenet_d2l, window=1), {"window": 1}, leaves="lenet_d2l_pool1"),
    Twin(
        "lenet_d2l",
        partial(lenet_d2l, nn.ReLU, nn.AvgPool2d, 5, 2),
        {"act": "relu", "pool": "avgpool", "kernel": 5, "window": 2},
        leaves="lenet_d2l_best",
    ),
    Twin("lenet_paddle", LeNetPaddle, leaves="lenet_paddle_mnist"),
    Twin("lenet_paddle_32", partial(LeNetPaddle, kernel=5), leaves="lenet_paddle_text_32"),
    Twin("lenet_pm", partial(LeNetPaddle, 3, values=300_000, classes=1), leaves="lenet_paddle_pm"),
    Twin("mnist_convnet", KerasConvnet),
    Twin("mnist_convnet", partial(KerasConvnet, True), {"end": "softmax"}, leaves="keras_mnist_convnet"),
    Twin("convnet_pattern", partial(convnet_pattern, 2, 3, 1), leaves="pattern_N2_M3_K1"),
    *(
        Twin(
            "convnet_pattern",
            partial(convnet_pattern, n, m, k),
            {"N": n, "M": m, "K": k},
            leaves=f"pattern_N{n}_M{m}_K{k}",
        )
        for n, m, k in ((1, 1, 0), (1, 2, 1), (3, 3, 2))
    ),
    Twin(
        "convnet_pattern",
        partial(convnet_pattern, 2, 1, 1, pool=False),
        {"N": 2, "M": 1, "K": 1, "pool": False},
        leaves="pattern_nopool_N2_M1_K1",
    ),
)
