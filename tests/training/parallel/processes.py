"""What two processes do for the tests beside this file: torchrun starts them once, for many checks.

torchrun --nproc-per-node 2 -m tests.training.parallel.processes FOLDER short|long
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from matplotlib.figure import Figure
from torch import Tensor, nn

from netdsl.training.checkpoint import Keeping
from netdsl.training.data import find
from netdsl.training.parallel.launch import ENGINES
from netdsl.training.parallel.ranks import ALONE, Ranks
from netdsl.training.parallel.start import started
from netdsl.training.runner import train
from tests.training.networks import faults_of, network, silent
from tests.training.parallel.cases import CASES, LONG, Case
from tests.training.runs import few_digits


class Stopped(BaseException):
    """Ends a training between its steps and its tests."""


def stop(*_: object, **__: object) -> None:
    raise Stopped


def few(patched: pytest.MonkeyPatch) -> None:
    """288 digits to train on, no drawing, and one thread."""
    patched.setattr(find, "read_digits", few_digits)
    patched.setattr("netdsl.training.report.draw_curves", lambda run: Figure())
    torch.set_num_threads(1)


def begin(folder: Path, ranks: Ranks = ALONE, engine: str | None = None) -> None:
    """A run of ALL that ends within its first epoch, after its steps."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("netdsl.training.epochs.measure", stop)
        with pytest.raises(Stopped):
            train(
                CASES["ddp"].made(folder),
                out=folder,
                device="cpu",
                display=silent(),
                keeping=Keeping(every_seconds=0),
                ranks=ranks,
                parallel=engine,
            )


class Sick(nn.Module):
    """From step STEP on, what the second process computes is not finite; the normalisation spreads it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.sick, self.norm = nn.Conv2d(1, 4, 3), SickLayer(), nn.BatchNorm2d(4)
        self.head = nn.Linear(4 * 36, 10)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.norm(self.sick(self.conv(images))).flatten(1))
        return logits


class SickLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))
        self.seen: Tensor

    def forward(self, images: Tensor) -> Tensor:
        self.seen += self.training
        return images / 0 if self.seen >= STEP and dist.get_rank() == 1 else images


STEP = 4
SICK = "data: digits\nbatch: 64\nepochs: 1\noptimizer: sgd(lr=0.01)\n"


def fail(folder: Path, ranks: Ranks, engine: str) -> None:
    """A run that ends by a loss which is not finite; each process writes what it was told."""
    found, exit_code = faults_of(
        lambda: train(
            network(SICK, Sick),
            out=folder / f"{engine}-sick",
            device="cpu",
            display=silent(),
            keeping=Keeping(every_seconds=0),
            ranks=ranks,
            parallel=engine,
        )
    )
    told = f"{exit_code} {found[0].code}: {found[0].message}"
    (folder / f"{engine}-sick-{ranks.rank}.txt").write_text(told)


def learn(folder: Path, ranks: Ranks, cases: Mapping[str, Case]) -> None:
    for name, case in cases.items():
        train(
            case.made(folder),
            weights=case.weights(folder),
            out=folder / name,
            root=folder,
            device="cpu",
            display=silent(),
            ranks=ranks,
            parallel=case.engine,
        )


def main(folder: Path, ranks: Ranks) -> None:
    learn(folder, ranks, CASES)
    for engine in ENGINES:
        train(
            CASES["ddp"].made(folder),
            resume=folder / f"one-{engine}",
            device="cpu",
            display=silent(),
            ranks=ranks,
            parallel=engine,
        )
    for engine in ENGINES:
        begin(folder / f"{engine}-one", ranks, engine)
    for engine in ENGINES:
        fail(folder, ranks, engine)


if __name__ == "__main__":
    few(pytest.MonkeyPatch())
    with started("cpu", None) as (group, _):
        if sys.argv[2] == "long":
            learn(Path(sys.argv[1]), group, LONG)
        else:
            main(Path(sys.argv[1]), group)
