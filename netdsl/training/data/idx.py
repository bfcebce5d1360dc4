"""MNIST's and Fashion-MNIST's files, in LeCun's idx format, raw or gzipped.

A file is two zero bytes, one for the type, one for the number of axes, a big-endian 32-bit size for each
axis, and the values. The files are read here rather than by torchvision, so that damage is told by name.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import torch

from netdsl.diagnostics import Faults, fault
from netdsl.training.data.dataset import DataSet, held

UNSIGNED_BYTE = 0x08
LARGEST = 2**31
"""Values of a file; more are in none that is published."""
CLASSES = {
    "mnist": tuple("0123456789"),
    "fashion_mnist": (
        "t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
    ),
}  # fmt: skip
FOLDERS = {"mnist": "MNIST/raw", "fashion_mnist": "FashionMNIST/raw"}
"""Where torchvision puts the files, below the root of all data."""
STEMS = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def idx_is_present(name: str, root: Path) -> bool:
    """Whether all files of a data set are there."""
    return all(_file(name, root, stem) is not None for stem in STEMS)


def _file(name: str, root: Path, stem: str) -> Path | None:
    folder = root / FOLDERS[name]
    return next((path for path in (folder / stem, folder / f"{stem}.gz") if path.is_file()), None)


def read_idx_set(name: str, root: Path) -> DataSet:
    """MNIST or Fashion-MNIST, `(1, 28, 28)`.

    Raises:
        Faults: a file is damaged; exit code 3.
    """
    files = [_file(name, root, stem) for stem in STEMS]
    train_images, train_labels, test_images, test_labels = [path for path in files if path is not None]
    classes = CLASSES[name]
    return held(
        name,
        classes,
        _pair(train_images, train_labels, len(classes)),
        _pair(test_images, test_labels, len(classes)),
    )


def _pair(images_path: Path, labels_path: Path, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1).long()
    if len(images) != len(labels):
        raise _damaged(labels_path, f"it has {len(labels)} labels for {len(images)} images")
    if len(labels) and int(labels.max()) >= classes:
        raise _damaged(labels_path, f"a label is {int(labels.max())}, beyond {classes - 1}")
    return images[:, None], labels


def read_idx(path: Path, axes: int) -> torch.Tensor:
    """The bytes of an idx file.

    Raises:
        Faults: it is damaged, or has another number of axes; exit code 3.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            sizes = _sizes(file.read(4 + 4 * axes), path, axes)
            wanted = math.prod(sizes)
            content = file.read(wanted + 1)  # an archive that holds more is not unpacked
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, getattr(error, "strerror", None) or str(error)) from None
    if len(content) != wanted:
        held = f"{len(content):,}" if len(content) < wanted else "more"
        raise _damaged(path, f"it holds {held} values, not {wanted:,} as its head says")
    return torch.from_numpy(np.frombuffer(content, np.uint8).reshape(sizes).copy())


def _sizes(head: bytes, path: Path, axes: int) -> tuple[int, ...]:
    """The sizes that a head tells."""
    if len(head) < 4 or head[:2] != b"\0\0":
        raise _damaged(path, "it does not begin as an idx file")
    if head[2] != UNSIGNED_BYTE or head[3] != axes:
        raise _damaged(path, f"it holds type {head[2]:#04x} over {head[3]} axes, not bytes over {axes}")
    if len(head) < 4 + 4 * axes:
        raise _damaged(path, "it ends within its head")
    sizes = tuple(int.from_bytes(head[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes))
    if not 0 < math.prod(sizes) <= LARGEST:
        raise _damaged(path, f"its sizes are {'×'.join(map(str, sizes))}")
    return sizes


def _damaged(path: Path, reason: str) -> Faults:
    help = "delete it, and it is fetched anew"
    return fault("damaged-data", f"`{path}` is damaged: {reason}", exit_code=3, help=help)
