"""What two processes do for the tests beside this file: torchrun starts them once, for many checks.

torchrun --nproc-per-node 2 -m tests.training.parallel.processes FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from netdsl.training.checkpoint import Keeping
from netdsl.training.data import find
from netdsl.training.network import TrainableNetwork
from netdsl.training.parallel.ranks import ALONE, Ranks
from netdsl.training.parallel.start import started
from netdsl.training.runner import train
from tests.training.networks import network, silent
from tests.training.runs import few_digits


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


class Case(NamedTuple):
    """A training, by both engines and by one process."""

    engine: str
    recipe: str


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
CASES = {
    "ddp": Case("ddp", ALL),
    "fsdp": Case("fsdp", ALL),
    "fsdp-adamw": Case("fsdp", "data: digits\nbatch: 32\nepochs: 1\noptimizer: adamw(lr=1e-3)\n"),
    "ddp-white": Case("ddp", WHITE),
    "ddp-single": Case("ddp", SINGLE),
    "fsdp-single": Case("fsdp", SINGLE),
}
RESUMED = ("ddp", "fsdp")
"""Engines that go on with what one process began, and whose beginning one process goes on with."""


class Stopped(BaseException):
    """Ends a training between its steps and its tests."""


def stop(*_: object, **__: object) -> None:
    raise Stopped


def made(recipe: str) -> TrainableNetwork:
    return network(recipe, Normed, head_weights={"aux": 0.3})


def few(patched: pytest.MonkeyPatch) -> None:
    """288 digits to train on, no drawing, and one thread."""
    patched.setattr(find, "read_digits", few_digits)
    patched.setattr("netdsl.training.report.draw_curves", lambda run, metric: Figure())
    torch.set_num_threads(1)


def begin(folder: Path, ranks: Ranks = ALONE, engine: str | None = None) -> None:
    """A run of ALL that ends within its first epoch, after its steps."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("netdsl.training.epochs.measure", stop)
        with pytest.raises(Stopped):
            train(
                made(ALL),
                out=folder,
                device="cpu",
                display=silent(),
                keeping=Keeping(every_seconds=0),
                ranks=ranks,
                parallel=engine,
            )


def main(folder: Path, ranks: Ranks) -> None:
    for name, case in CASES.items():
        train(
            made(case.recipe),
            out=folder / name,
            device="cpu",
            display=silent(),
            ranks=ranks,
            parallel=case.engine,
        )
    for engine in RESUMED:
        train(
            made(ALL),
            resume=folder / f"one-{engine}",
            device="cpu",
            display=silent(),
            ranks=ranks,
            parallel=engine,
        )
    for engine in RESUMED:
        begin(folder / f"{engine}-one", ranks, engine)


if __name__ == "__main__":
    few(pytest.MonkeyPatch())
    with started("cpu", None) as (group, _):
        main(Path(sys.argv[1]), group)
