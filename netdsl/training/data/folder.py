"""A folder of images, one folder for each class: `train/CLASS/…` and `test/CLASS/…`, as ImageNet is kept."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from netdsl.diagnostics import fault
from netdsl.training.data.dataset import DataSet, ImageFiles, Split
from netdsl.training.data.pictures import SUFFIXES

TEST_NAMES = ("test", "val", "valid", "validation")
"""The folders that may hold the test images; the first there is used."""


def read_folder(name: str, folder: Path, labelled: bool = True, kept: Path | None = None) -> DataSet:
    """The images below a folder; they are decoded later.

    Args:
        name: as the recipe names it.
        folder: where `train` and `test` are.
        labelled: whether class folders are asked for; without, all images below are taken, of no class.
        kept: where images may be kept as they were decoded.

    Raises:
        Faults: it is not laid out so; exit code 3.
    """
    if not folder.is_dir():
        raise fault("missing-data", f"there is no folder `{folder}`", exit_code=3)
    test = next((folder / part for part in TEST_NAMES if (folder / part).is_dir()), None)
    if not (folder / "train").is_dir() or test is None:
        missing = "train" if test is not None else TEST_NAMES[0]
        raise fault(
            "data-layout",
            f"`{folder}` has no folder `{missing}`",
            exit_code=3,
            help="keep images as `train/CLASS/image.png` and `test/CLASS/image.png`",
        )
    classes = _classes(folder / "train") if labelled else ()
    unknown = sorted(set(_classes(test)) - set(classes)) if labelled else []
    if unknown:
        message = f"`{test}` has the class `{unknown[0]}`, which `train` does not have"
        raise fault("data-layout", message, exit_code=3, help="use the same class folders in both")
    train_split, test_split = _split(folder / "train", classes, kept), _split(test, classes, kept)
    digest = hashlib.sha256()
    for split in (train_split, test_split):
        assert isinstance(split.images, ImageFiles)
        for path in split.images.paths:
            digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\n".encode())
    return DataSet(
        name=name, classes=classes, train=train_split, test=test_split, fingerprint=digest.hexdigest()
    )


def _classes(folder: Path) -> tuple[str, ...]:
    names = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not names:
        help = "keep the images of each class in a folder of its own"
        raise fault("data-layout", f"`{folder}` has no class folders", exit_code=3, help=help)
    return tuple(names)


def _split(folder: Path, classes: tuple[str, ...], kept: Path | None) -> Split:
    paths: list[Path] = []
    labels: list[int] = []
    for number, name in enumerate(classes or (".",)):
        found = sorted(path for path in (folder / name).rglob("*") if path.suffix.lower() in SUFFIXES)
        paths += found
        labels += [number] * len(found)
    if not paths:
        help = f"images end in {', '.join(SUFFIXES)}"
        raise fault("data-layout", f"there are no images below `{folder}`", exit_code=3, help=help)
    return Split(ImageFiles(tuple(paths), kept), torch.tensor(labels, dtype=torch.int64))
