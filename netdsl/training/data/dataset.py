"""What a data set is to the runner: labelled images to train on and others to test on.

Images are bytes, `(channels, height, width)` from 0 to 255, until they are on the device: a quarter of the
memory of floats, and what the published files hold anyway.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, final

import torch

from netdsl.training.data.pictures import read_picture


class Images(Protocol):
    """Images by number, of one size or of many."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> torch.Tensor:
        """An image, `(channels, height, width)`, as bytes.

        Raises:
            Faults: its file is damaged; exit code 3.
        """
        ...


@final
@dataclass(frozen=True, slots=True, eq=False)
class HeldImages:
    """Images of one size, in memory."""

    values: torch.Tensor
    """Bytes, `(images, channels, height, width)`."""

    def __len__(self) -> int:
        return self.values.shape[0]

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.values[index]


@final
@dataclass(frozen=True, slots=True, eq=False)
class ImageFiles:
    """Images in files, each decoded when it is asked for."""

    paths: Sequence[Path]
    kept: Path | None = None
    """The folder where they may be kept as they were decoded; None keeps none."""
    smallest: int | None = None
    """The shorter side that is enough, in pixels: what can be decoded smaller is, but not below. None decodes
    them whole."""

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> torch.Tensor:
        return read_picture(self.paths[index], self.smallest)


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Images with the number of each one's class."""

    images: Images
    labels: torch.Tensor
    """Whole numbers, `(images,)`."""

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, slots=True, eq=False)
class HeldSplit(Split):
    """A split whose images are in memory, of the size that is wanted."""

    images: HeldImages


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DataSet:
    """A data set, read."""

    name: str
    """As the recipe names it."""
    classes: tuple[str, ...]
    """The names of the classes, in the order of their numbers; none where nothing is told apart."""
    train: Split
    test: Split
    """Never looked at in training but to report."""
    fingerprint: str
    """Changes when the data does."""
    remark: str | None = None
    """What has to be known of the data to judge figures by them."""


def fingerprint_of(*tensors: torch.Tensor) -> str:
    """A digest of images and labels in memory."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def held(
    name: str,
    classes: tuple[str, ...],
    train: tuple[torch.Tensor, torch.Tensor],
    test: tuple[torch.Tensor, torch.Tensor],
    *,
    remark: str | None = None,
) -> DataSet:
    """The data set of images and labels in memory."""
    return DataSet(
        name=name,
        classes=classes,
        train=Split(HeldImages(train[0]), train[1]),
        test=Split(HeldImages(test[0]), test[1]),
        fingerprint=fingerprint_of(*train, *test),
        remark=remark,
    )
