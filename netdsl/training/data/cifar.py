"""CIFAR-10 and CIFAR-100: the published pickles, read without executing them.

A pickle is a program; these are allowed to build dictionaries, lists, strings, numbers and numpy arrays of
bytes, and nothing else.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from netdsl.diagnostics import Faults, fault
from netdsl.training.data.dataset import DataSet, held

PIXELS = 3 * 32 * 32


@dataclass(frozen=True, slots=True)
class Files:
    """How a published set is laid out."""

    folder: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    meta: str
    labels_key: str
    names_key: str
    classes: int


FILES: Mapping[str, Files] = {
    "cifar10": Files(
        "cifar-10-batches-py",
        tuple(f"data_batch_{i}" for i in range(1, 6)),
        ("test_batch",),
        "batches.meta",
        "labels",
        "label_names",
        10,
    ),
    "cifar100": Files(
        "cifar-100-python", ("train",), ("test",), "meta", "fine_labels", "fine_label_names", 100
    ),
}


def cifar_is_present(name: str, root: Path) -> bool:
    """Whether all files of a data set are there."""
    files = FILES[name]
    return all((root / files.folder / file).is_file() for file in (*files.train, *files.test, files.meta))


def read_cifar(name: str, root: Path) -> DataSet:
    """CIFAR-10 or CIFAR-100, `(3, 32, 32)`.

    Raises:
        Faults: a file is damaged or not what was published; exit code 3.
    """
    files = FILES[name]
    folder = root / files.folder
    meta = folder / files.meta
    names = _unpickle(meta).get(files.names_key)
    if (
        not isinstance(names, list)
        or len(names) != files.classes
        or not all(isinstance(n, str) for n in names)
    ):
        raise _damaged(meta, f"it has no list `{files.names_key}` of {files.classes} names")
    train = [_batch(folder / file, files) for file in files.train]
    test = [_batch(folder / file, files) for file in files.test]
    return held(name, tuple(names), _joined(train), _joined(test))


def _joined(batches: list[tuple[torch.Tensor, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.cat([images for images, _ in batches]), torch.cat([labels for _, labels in batches])


def _batch(path: Path, files: Files) -> tuple[torch.Tensor, torch.Tensor]:
    content = _unpickle(path)
    data, labels = content.get("data"), content.get(files.labels_key)
    if (
        not isinstance(data, np.ndarray)
        or data.dtype != np.uint8
        or data.ndim != 2
        or data.shape[1] != PIXELS
    ):
        raise _damaged(path, f"its `data` is no array of rows of {PIXELS} bytes")
    if not isinstance(labels, list) or len(labels) != len(data):
        raise _damaged(path, f"it has no label in `{files.labels_key}` for each of its {len(data)} images")
    if not all(isinstance(label, int) and 0 <= label < files.classes for label in labels):
        raise _damaged(path, f"a label is not a number from 0 to {files.classes - 1}")
    return torch.from_numpy(np.array(data)).reshape(-1, 3, 32, 32), torch.tensor(labels, dtype=torch.int64)


LARGEST = 2**29
"""Bytes of a file; the largest published one has 155 million."""
MOST_REMEMBERED = 2**22
"""Objects that a pickle may number; each number is memory, before any object has it."""


def _latin1(text: str, encoding: str) -> bytes:
    """How Python 3 spells the bytes of Python 2."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it asks for the encoding `{encoding}`, which is refused")
    return text.encode("latin1")


_RECONSTRUCT = np.empty(0, np.uint8).__reduce__()[0]
_ALLOWED: Mapping[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("_codecs", "encode"): _latin1,
}
"""What a pickle may ask for by name, and what it gets: enough for arrays, from Python 2 as well."""


class _Reader(pickle.Unpickler):
    """An unpickler that imports nothing."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for `{module}.{name}`, which is refused")
        return _ALLOWED[module, name]


def _unpickle(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            raise pickle.UnpicklingError("it is larger than any that is published")
        raw = path.read_bytes()
        for opcode, argument, _ in pickletools.genops(raw):
            if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and (argument or 0) > MOST_REMEMBERED:
                raise pickle.UnpicklingError(f"it numbers an object {argument:,}")
        content = _Reader(io.BytesIO(raw), encoding="latin1").load()
    except Exception as error:  # noqa: BLE001 - a damaged pickle can make the unpickler raise anything
        reason = str(error) or type(error).__name__
        raise _damaged(path, f"it is no pickle of images: {reason}") from None
    if not isinstance(content, dict):
        raise _damaged(path, "it holds no dictionary")
    return content


def _damaged(path: Path, reason: str) -> Faults:
    help = "delete its folder, and the data set is fetched anew"
    return fault("damaged-data", f"`{path}` is damaged: {reason}", exit_code=3, help=help)
