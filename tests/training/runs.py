"""Small runs that tests compare, stop and break: what was trained, told to the bit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor

from netdsl.training.checkpoint import MODEL, OPTIMIZER, positions
from netdsl.training.data import find
from netdsl.training.data.dataset import DataSet, HeldImages, Split, held
from netdsl.training.data.digits import read_digits
from netdsl.training.progress import Display
from netdsl.training.run import Run

RECIPE = """\
data: digits
prepare: normalize(mean, std)
augment: random_crop(8, padding=1)
batch: 32
epochs: 4
optimizer: sgd(lr=0.2, momentum=0.9, weight_decay=1e-4, nesterov=true)
schedule: cosine(warmup=1)
loss: cross_entropy(label_smoothing=0.05)
"""
PER_EPOCH = 9
"""Steps in an epoch of `few_digits`: 288 images in batches of 32."""


def few_digits() -> DataSet:
    """Every fifth of the digits: 288 to train on, 72 to test on."""
    whole = read_digits()

    def fifth(split: Split) -> tuple[Tensor, Tensor]:
        assert isinstance(split.images, HeldImages)
        return split.images.values[::5], split.labels[::5]

    return held(whole.name, whole.classes, fifth(whole.train), fifth(whole.test))


def figures(run: Run) -> list[dict[str, float]]:
    """The rows without the times, which differ from run to run."""
    return [{k: v for k, v in row.items() if k not in ("seconds", "samples_per_second")} for row in run.rows]


def digests(folder: Path) -> str:
    """What the last checkpoint's manifest says of weights and optimizer."""
    last = positions(folder / "checkpoints")[-1]
    manifest = json.loads((folder / "checkpoints" / last.folder / "manifest.json").read_text())
    return f"{manifest[MODEL]} {manifest[OPTIMIZER]}"


class Stopped(BaseException):
    """What ends a process, as far as the code before it can tell."""


class Stopping(Display):
    """A display at which something happens after so many steps; unless told otherwise the process ends."""

    def __init__(self, steps: int, happens: Callable[[], object] | None = None) -> None:
        super().__init__(silent=True)
        self.steps, self.happens = steps, happens

    def step(self, done: int, epoch: str, figures: Callable[[], str]) -> None:
        if done == self.steps:
            if self.happens is None:
                raise Stopped
            self.happens()


@contextmanager
def small_world() -> Iterator[None]:
    """No network, few digits, no drawing, and one thread: tiny tensors gain nothing by two."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(find, "PROBES", dict.fromkeys(find.PROBES, "http://127.0.0.1:9/"))
        patched.setattr(find, "read_digits", few_digits)
        patched.setattr("netdsl.training.report.draw_curves", lambda run: Figure())
        yield
    torch.set_num_threads(threads)
