"""iChallenge-PM (PALM): photographs of the eye's background, with or without pathologic myopia, as published.

    PALM-Training400/   H0001.jpg N0001.jpg P0001.jpg …   the first letter is the diagnosis
    PALM-Validation400/ V0001.jpg …
    labels.csv          ID,imgName,Label,Fovea_X,Fovea_Y  the validation images' diagnoses

The archives hold each folder in another of its name, which may stay. `labels.csv` is the published table
`PM_Label_and_Fovea_Location.xlsx`, saved as text. H is high myopia, which is not pathologic, N normal sight.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch

from netdsl.diagnostics import Faults, fault
from netdsl.training.data.dataset import DataSet, ImageFiles, Split
from netdsl.training.data.pictures import SUFFIXES

TRAINING, VALIDATION, LABELS = "PALM-Training400", "PALM-Validation400", "labels.csv"
CLASSES = ("not pathologic", "pathologic")
CLASS_OF_LETTER = {"H": 0, "N": 0, "P": 1}
NAME_COLUMN, LABEL_COLUMN = "imgName", "Label"


def read_ichallenge_pm(folder: Path, kept: Path | None = None) -> DataSet:
    """The images below a folder, to train on and to validate with; they are decoded later.

    Args:
        folder: where they are.
        kept: where they may be kept as they were decoded.

    Raises:
        Faults: it is not laid out as published; exit code 3.
    """
    train = _by_name(_images_folder(folder, TRAINING))
    validation = _by_table(_images_folder(folder, VALIDATION), folder / LABELS)
    digest = hashlib.sha256()
    for path, label in (*train, *validation):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0{label}\n".encode())
    return DataSet(
        name="ichallenge_pm",
        classes=CLASSES,
        train=_split(train, kept),
        test=_split(validation, kept),
        fingerprint=digest.hexdigest(),
    )


def _images_folder(folder: Path, name: str) -> Path:
    for candidate in (folder / name / name, folder / name):
        if candidate.is_dir():
            return candidate
    raise _misfit(f"`{folder}` has no folder `{name}`")


def _by_name(folder: Path) -> list[tuple[Path, int]]:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise _misfit(f"there are no images in `{folder}`")
    for path in paths:
        if path.name[0] not in CLASS_OF_LETTER:
            raise _misfit(f"the name of `{path}` begins neither with H or N nor with P")
    return [(path, CLASS_OF_LETTER[path.name[0]]) for path in paths]


def _by_table(folder: Path, table: Path) -> list[tuple[Path, int]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        raise _misfit(f"there is no `{table}`") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _misfit(f"`{table}` cannot be read: {error}") from None
    if not rows or not {NAME_COLUMN, LABEL_COLUMN} <= set(rows[0]):
        raise _misfit(f"`{table}` has no rows with columns `{NAME_COLUMN}` and `{LABEL_COLUMN}`")
    labelled: list[tuple[Path, int]] = []
    for line, row in enumerate(rows, 2):
        name, label = (row[NAME_COLUMN] or "").strip(), (row[LABEL_COLUMN] or "").strip()
        if label not in ("0", "1"):
            raise _misfit(f"the label in line {line} of `{table}` is `{label}`, not 0 or 1")
        path = folder / name
        if Path(name).name != name or not path.is_file():
            raise _misfit(f"line {line} of `{table}` names `{name}`, which is not in `{folder}`")
        if path in (known for known, _ in labelled):
            raise _misfit(f"line {line} of `{table}` names `{name}` a second time")
        labelled.append((path, int(label)))
    return labelled


def _split(labelled: Sequence[tuple[Path, int]], kept: Path | None) -> Split:
    labels = torch.tensor([label for _, label in labelled], dtype=torch.int64)
    return Split(ImageFiles(tuple(path for path, _ in labelled), kept), labels)


def _misfit(message: str) -> Faults:
    help = f"keep the published folders `{TRAINING}` and `{VALIDATION}` beside `{LABELS}`"
    return fault("data-layout", message, exit_code=3, help=help)
