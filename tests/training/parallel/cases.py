"""Trainings that two processes are to do as one does: networks, recipes, and which engine trains them.

None drops anything out, since each process draws for itself, and a layer before a batch normalisation has no
bias, whose gradient is nothing but rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from netdsl.training.initial.beginning import Wanted
from netdsl.training.network import TrainableNetwork
from tests.training.data.test_folder import draw
from tests.training.networks import network, rebuild


class Normed(nn.Module):
    """Convolutions under batch normalisations, one of them twice in the module, and a head for training."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU())
        shared = nn.BatchNorm2d(6)
        self.body = nn.Sequential(nn.Conv2d(6, 6, 3, padding=1, bias=False), shared, nn.ReLU(), shared)
        self.aux = nn.Linear(6 * 64, 10)
        self.head = nn.Linear(6 * 16, 10)

    def forward(self, images: Tensor) -> Tensor | dict[str, Tensor]:
        stem = self.stem(images)
        pooled = nn.functional.avg_pool2d(self.body(stem), 2)
        output: Tensor = self.head(pooled.flatten(1))
        return {"output": output, "aux": self.aux(stem.flatten(1))} if self.training else output


class Logit(nn.Module):
    """One number: of its bias, the second process has nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)
        self.head = nn.Linear(4 * 36, 1)

    def forward(self, images: Tensor) -> Tensor:
        logit: Tensor = self.head(torch.relu(self.norm(self.conv(images))).flatten(1))
        return logit


class Residual(nn.Module):
    """A picture less what two convolutions find in it."""

    def __init__(self) -> None:
        super().__init__()
        first, last = nn.Conv2d(1, 8, 5, padding=2, bias=False), nn.Conv2d(8, 1, 5, padding=2)
        self.layers = nn.Sequential(first, nn.BatchNorm2d(8), nn.ReLU(), last)

    def forward(self, pictures: Tensor) -> Tensor:
        noise: Tensor = self.layers(pictures)
        return pictures - noise


class Volumes(nn.Module):
    """A 3-D and a 2-D convolution, as HybridSN has them."""

    def __init__(self) -> None:
        super().__init__()
        self.spectral, self.norm = nn.Conv3d(1, 4, (5, 3, 3), bias=False), nn.BatchNorm3d(4)
        self.spatial, self.head = nn.Conv2d(16, 8, 3), nn.Linear(8, 16)

    def forward(self, windows: Tensor) -> Tensor:
        features = torch.relu(self.norm(self.spectral(windows))).flatten(1, 2)
        classes: Tensor = self.head(torch.relu(self.spatial(features)).flatten(1))
        return classes


class Tied(nn.Module):
    """A stage without weights, two that share some, and one that is called in parts."""

    def __init__(self) -> None:
        super().__init__()
        self.flat, self.first, self.second = nn.Flatten(), nn.Linear(64, 64), nn.Linear(64, 64)
        self.second.weight = self.first.weight
        self.branches = nn.ModuleList([nn.Linear(64, 5), nn.Linear(64, 5)])

    def forward(self, images: Tensor) -> Tensor:
        features = torch.tanh(self.second(torch.tanh(self.first(self.flat(images)))))
        return torch.cat([branch(features) for branch in self.branches], dim=1)


class Case(NamedTuple):
    """A training, by an engine and by one process."""

    engine: str
    recipe: str
    build: Callable[[], nn.Module] = Normed
    input: tuple[int, ...] = (1, 8, 8)
    output: tuple[int, ...] = (10,)
    begins: bool = False
    """Whether it begins with weights of another run."""

    def made(self, folder: Path) -> TrainableNetwork:
        """The network, whose data may be below a folder."""
        weights = {"aux": 0.3} if self.build is Normed else None
        recipe = self.recipe.replace("FOLDER", str(folder))
        return network(recipe, self.build, input=self.input, output=self.output, head_weights=weights)

    def weights(self, folder: Path) -> Wanted | None:
        """The weights it begins with, of a run of `ALL` in a folder."""
        made = CASES["ddp"].made(folder)
        return Wanted(str(folder / "weights"), False, (), rebuild(made)) if self.begins else None


ALL = """\
data: digits
augment: random_crop(8, padding=1)
validate: 0.1
batch: 40
accumulate: 3
epochs: 2
optimizer: sgd(lr=0.05, momentum=0.9, weight_decay=1e-4, nesterov=true)
clip: 1
ema: 0.9
"""
"""All that concerns a step. 259 images in batches of 40 leave 19."""
SINGLE = "data: digits\nvalidate: 0.8\nbatch: 16\naccumulate: 16\nepochs: 1\noptimizer: sgd(lr=0.01)\n"
"""Pieces of one sample, of which the second process has none."""
WHITE = "data: digits\nprepare: normalize -> whiten(epsilon=0.1)\nepochs: 1\noptimizer: sgd(lr=0.01)\n"
"""Whitened by what one process fits for all."""
PARTS = """\
data: digits
augment: hflip -> cutmix(1)
batch: 40
epochs: 1
optimizer: sgd(lr=0.05, momentum=0.9, weight_decay=1e-2)
freeze: stem
rates: {body: 0.1}
decay: weights
clip: 0.5
ema: 0.9
"""
"""What a recipe says of single parts, and mixed images."""
BINARY = """\
task: binary(threshold=0.4)
data: folder:FOLDER/images
batch: 8
accumulate: 2
epochs: 2
optimizer: sgd(lr=0.05, momentum=0.9)
"""
DENOISE = """\
task: denoise(sigma=[10, 50], scales=[2])
data: photographs
augment: hflip -> rotate90
batch: 17
epochs: 1
optimizer: sgd(lr=0.01, momentum=0.9)
clip: 1
"""
SCENE = """\
task: hyperspectral(train=0.1)
data: synthetic_scene
augment: hflip -> rotate90
batch: 64
epochs: 1
optimizer: sgd(lr=0.05, momentum=0.9)
"""
CASES = {
    "ddp": Case("ddp", ALL),
    "fsdp": Case("fsdp", ALL),
    "fsdp-adamw": Case("fsdp", "data: digits\nbatch: 32\nepochs: 1\noptimizer: adamw(lr=1e-3)\n"),
    "ddp-white": Case("ddp", WHITE),
    "ddp-single": Case("ddp", SINGLE),
    "fsdp-single": Case("fsdp", SINGLE),
    "ddp-parts": Case("ddp", PARTS, begins=True),
    "fsdp-parts": Case("fsdp", PARTS, begins=True),
    "fsdp-binary": Case("fsdp", BINARY, Logit, (3, 8, 8), (1,)),
    "ddp-denoise": Case("ddp", DENOISE, Residual, (1, 48, 48), (1, 48, 48)),
}


def _short(words: str) -> str:
    return f"data: digits\nbatch: 40\nepochs: 2\n{words}"


_SGD = "optimizer: sgd(lr=0.05, momentum=0.9)\n"
_WORDS = {
    "mixup": f"{_SGD}augment: random_crop(8, padding=1) -> mixup(0.4)\n",
    "init": f"{_SGD}init: xavier\n",
    "early": f"{_SGD}validate: 0.2\nstop_early: 1\n",
    "penalties": "optimizer: sgd(lr=0.01)\nloss: lenet1998(j=0.1)\n",
    "adagrad": "optimizer: adagrad(lr=0.01)\n",
    "rmsprop": "optimizer: rmsprop(lr=1e-3, momentum=0.5, centered=true)\n",
    "adadelta": "optimizer: adadelta(lr=0.1)\n",
    "amsgrad": "optimizer: adam(lr=1e-3, amsgrad=true)\n",
    "compile": f"{_SGD}compile: true\n",
}
LONG = (
    {
        f"{engine}-{name}": Case(engine, _short(words))
        for name, words in _WORDS.items()
        for engine in ("ddp", "fsdp")
    }
    | {f"{engine}-tied": Case(engine, _short(_SGD), Tied) for engine in ("ddp", "fsdp")}
    | {f"{engine}-scene": Case(engine, SCENE, Volumes, (1, 8, 5, 5), (16,)) for engine in ("ddp", "fsdp")}
    | {
        "ddp-binary": Case("ddp", BINARY, Logit, (3, 8, 8), (1,)),
        "fsdp-denoise": Case("fsdp", DENOISE, Residual, (1, 48, 48), (1, 48, 48)),
    }
)
"""Those that take minutes together."""


def draw_images(folder: Path) -> None:
    """The two classes of BINARY: 32 images each to train on, 8 to test on."""
    for part, count in (("train", 32), ("test", 8)):
        for number, name in enumerate(("left", "right")):
            for image in range(count):
                path = folder / "images" / part / name / f"{image}.png"
                draw(path, size=(8, 8), seed=100 * number + image + (50 if part == "test" else 0))
