"""Pairs of a picture and a text, each as the features that another network gave, of one class both.

    pascal/train_img.mat       numbers (pairs, features of a picture)
    pascal/train_txt.mat       numbers (pairs, features of a text)
    pascal/train_img_lab.mat   whole numbers (pairs, 1): the class of each pair
    pascal/test_img.mat …      the same of the tests

This is how the authors of DSCMR publish Pascal Sentence, and read Wikipedia and NUS-WIDE.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from netdsl.diagnostics import Faults, fault
from netdsl.training.data.dataset import fingerprint_of
from netdsl.training.data.matlab import Array, MatlabError, read_matlab

MOST_VALUES = 2**31
"""Values of a file; pairs of more are not published so."""
IMAGES, TEXTS, LABELS = "img", "txt", "img_lab"
"""What stands behind `train_` and `test_` in the files' names."""


@dataclass(frozen=True, slots=True, eq=False)
class PairSplit:
    """Pairs to train on, or to test on."""

    features: dict[str, torch.Tensor]
    """Of the pairs' `image` and `text`, `(pairs, features)` each."""
    labels: torch.Tensor
    """The number of each pair's class, `(pairs)`."""

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pairs:
    """Pairs, read."""

    name: str
    """As the recipe names them."""
    classes: tuple[str, ...]
    train: PairSplit
    test: PairSplit
    fingerprint: str
    remark: str | None = None
    """What has to be known of them to judge figures."""


def made_pairs(
    name: str, classes: tuple[str, ...], train: PairSplit, test: PairSplit, remark: str | None = None
) -> Pairs:
    """Pairs of features in memory."""
    tensors = [tensor for split in (train, test) for tensor in (*split.features.values(), split.labels)]
    return Pairs(
        name=name,
        classes=classes,
        train=train,
        test=test,
        fingerprint=fingerprint_of(*tensors),
        remark=remark,
    )


def read_pairs(name: str, folder: Path) -> Pairs:
    """The pairs of a folder. Classes are those that training has, in the order of their numbers.

    Raises:
        Faults: a file is missing or damaged, or they do not go together; exit code 3.
    """
    if not folder.is_dir():
        raise fault("missing-data", f"there is no folder `{folder}`", exit_code=3)
    numbers = {part: _numbers(_path(folder, part, LABELS)) for part in ("train", "test")}
    classes = np.unique(numbers["train"])
    if len(classes) < 2:
        raise _misfit(_path(folder, "train", LABELS), "has less than two classes")
    unknown = np.setdiff1d(numbers["test"], classes)
    if len(unknown):
        raise _misfit(_path(folder, "test", LABELS), f"has the class {unknown[0]}, which training has not")
    train, test = (_split(folder, part, numbers[part], classes) for part in ("train", "test"))
    for kind, what in (("image", IMAGES), ("text", TEXTS)):
        counts = [split.features[kind].shape[1] for split in (train, test)]
        if counts[0] != counts[1]:
            raise _misfit(_path(folder, "test", what), f"has {counts[1]} features, training {counts[0]}")
    return made_pairs(name, tuple(f"class {number}" for number in classes), train, test)


def _split(folder: Path, part: str, numbers: Array, classes: Array) -> PairSplit:
    features = {}
    for kind, what in (("image", IMAGES), ("text", TEXTS)):
        path = _path(folder, part, what)
        values = _array(path)
        if len(values) != len(numbers):
            raise _misfit(path, f"has {len(values)} rows, and there are {len(numbers)} labels")
        if not np.isfinite(values).all():
            raise _misfit(path, "has values that are no numbers")
        features[kind] = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
    return PairSplit(features, torch.from_numpy(np.searchsorted(classes, numbers)))


def _numbers(path: Path) -> Array:
    """The classes of a column or a row of whole numbers."""
    values = _array(path)
    if 1 not in values.shape:
        shape = "×".join(map(str, values.shape))
        raise _misfit(path, f"is {shape}: the classes of pairs are one column of numbers")
    numbers = values.reshape(-1)
    if not np.isfinite(numbers).all() or (numbers != np.rint(numbers)).any():
        raise _misfit(path, "has values that are no whole numbers")
    return numbers.astype(np.int64)


def _array(path: Path) -> Array:
    if not path.is_file():
        raise fault("missing-data", f"there is no file `{path}`", exit_code=3)
    try:
        return read_matlab(path, 2, MOST_VALUES)
    except MatlabError as error:
        raise _misfit(path, f"cannot be read: {error}") from None


def _path(folder: Path, part: str, what: str) -> Path:
    return folder / f"{part}_{what}.mat"


def _misfit(path: Path, reason: str) -> Faults:
    help = "keep `train_img.mat`, `train_txt.mat`, `train_img_lab.mat` and the same of `test` as published"
    return fault("damaged-data", f"`{path}` {reason}", exit_code=3, help=help)
