"""iChallenge-PM: small files in exactly the published layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from netdsl.training.data.find import find_data
from netdsl.training.data.ichallenge_pm import read_ichallenge_pm
from tests.training.data.test_folder import draw
from tests.training.networks import fault_of, faults_of

TABLE = """\
ID,imgName,Label,Fovea_X,Fovea_Y
1,V0001.jpg,0,1157.74,1019.87
2,V0002.jpg,1,1285.82,1080.47
3,V0003.jpg,1,1181.62,989.91
"""


def published(folder: Path, *, is_nested: bool = True) -> Path:
    """The folders as the archives hold them, each in another of its name, and the table."""
    inner = {name: Path(name) / name if is_nested else Path(name) for name in (TRAINING, VALIDATION)}
    for seed, name in enumerate(("H0001", "N0001", "N0002", "P0001", "P0002")):
        draw(folder / inner[TRAINING] / f"{name}.jpg", size=(12, 10), seed=seed)
    for number in (1, 2, 3):
        draw(folder / inner[VALIDATION] / f"V000{number}.jpg", size=(12, 10), seed=number)
    (folder / "labels.csv").write_text(TABLE)
    return folder


TRAINING, VALIDATION = "PALM-Training400", "PALM-Validation400"


@pytest.mark.parametrize("is_nested", [True, False])
def test_the_first_letter_and_the_table_are_the_diagnoses(tmp_path: Path, is_nested: bool) -> None:
    data = read_ichallenge_pm(published(tmp_path, is_nested=is_nested))

    assert data.classes == ("not pathologic", "pathologic")
    assert data.train.labels.tolist() == [0, 0, 0, 1, 1]
    assert data.test.labels.tolist() == [0, 1, 1]
    assert data.test.images[2].shape == (3, 10, 12)


def test_a_table_that_a_spreadsheet_saved_is_read(tmp_path: Path) -> None:
    published(tmp_path)
    (tmp_path / "labels.csv").write_bytes(b"\xef\xbb\xbf" + TABLE.replace("\n", "\r\n").encode())

    assert read_ichallenge_pm(tmp_path).test.labels.tolist() == [0, 1, 1]


def test_the_fingerprint_follows_files_and_labels(tmp_path: Path) -> None:
    before = read_ichallenge_pm(published(tmp_path)).fingerprint
    (tmp_path / "labels.csv").write_text(TABLE.replace("V0003.jpg,1", "V0003.jpg,0"))

    assert read_ichallenge_pm(tmp_path).fingerprint != before


def test_it_lies_in_a_folder_of_its_name(tmp_path: Path) -> None:
    found, exit_code = faults_of(lambda: find_data(["ichallenge_pm"], tmp_path, print))
    assert ([d.code for d in found], exit_code) == (["missing-data"], 3)
    assert "`PALM-Training400`, `PALM-Validation400` and `labels.csv`" in (found[0].help or "")

    published(tmp_path / "ichallenge_pm")

    assert find_data(["ichallenge_pm"], tmp_path, print).data.name == "ichallenge_pm"


def rewrite(old: str, new: str) -> Callable[[Path], object]:
    assert old in TABLE
    return lambda folder: (folder / "labels.csv").write_text(TABLE.replace(old, new))


LAYOUTS: dict[str, Callable[[Path], object]] = {
    "no training folder": lambda folder: (folder / TRAINING).rename(folder / "training"),
    "no validation folder": lambda folder: (folder / VALIDATION).rename(folder / "validation"),
    "no table": lambda folder: (folder / "labels.csv").rename(folder / "labels.xlsx"),
    "an empty table": lambda folder: (folder / "labels.csv").write_text(""),
    "a table that is no text": lambda folder: (folder / "labels.csv").write_bytes(b"PK\x03\x04\xff\xfe"),
    "another column": rewrite("Label", "label"),
    "another label": rewrite("V0001.jpg,0", "V0001.jpg,2"),
    "a row cut short": rewrite("V0002.jpg,1,1285.82,1080.47", "V0002.jpg"),
    "an image that is not there": rewrite("V0003.jpg", "V0004.jpg"),
    "an image twice": rewrite("V0003.jpg", "V0002.jpg"),
    "an image elsewhere": rewrite("V0003.jpg", f"../../{TRAINING}/{TRAINING}/P0001.jpg"),
    "a name of another letter": lambda folder: draw(folder / TRAINING / TRAINING / "X0001.jpg"),
    "no training images": lambda folder: [
        p.rename(p.with_suffix(".txt")) for p in (folder / TRAINING).rglob("*.jpg")
    ],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_another_layout_is_told(tmp_path: Path, layout: str) -> None:
    LAYOUTS[layout](published(tmp_path))

    assert fault_of(lambda: read_ichallenge_pm(tmp_path)) == ("data-layout", 3)
