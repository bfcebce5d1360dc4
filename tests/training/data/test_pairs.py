"""Pairs of features in MATLAB's files: as DSCMR's authors publish them, damaged, and synthetic ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat
from sklearn.linear_model import LogisticRegression

from netdsl.training.data.find import find_data
from netdsl.training.data.pairs import Pairs, read_pairs
from netdsl.training.data.synthetic_pairs import make_synthetic_pairs
from tests.training.networks import fault_of, faults_of

COUNTS = {"train": 30, "test": 12}


def published(folder: Path, images: int = 6, texts: int = 4, classes: int = 3) -> Path:
    """Pairs in the files and under the names of the authors' own: doubles, and a column of classes."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for part, count in COUNTS.items():
        labels = np.arange(count)[:, None] % classes
        for name, features in (("img", images), ("txt", texts)):
            values = random.normal(size=(count, features)) + labels
            savemat(folder / f"{part}_{name}.mat", {f"{part}_{name}": values})
        savemat(folder / f"{part}_img_lab.mat", {f"{part}_img_lab": labels.astype(np.uint8)})
    return folder


def test_published_pairs_are_features_and_classes(tmp_path: Path) -> None:
    pairs = find_data([f"features:{published(tmp_path)}"], tmp_path, print).data

    assert isinstance(pairs, Pairs)
    assert (len(pairs.train), len(pairs.test)) == (30, 12)
    assert {name: values.shape[1] for name, values in pairs.train.features.items()} == {"image": 6, "text": 4}
    assert pairs.classes == ("class 0", "class 1", "class 2")
    assert pairs.test.labels.tolist() == [0, 1, 2] * 4
    assert pairs.train.features["image"].dtype == torch.float32


def test_classes_keep_the_numbers_that_they_have(tmp_path: Path) -> None:
    """MATLAB counts from 1, and a class may be missing."""
    published(tmp_path)
    for part, count in COUNTS.items():
        savemat(tmp_path / f"{part}_img_lab.mat", {"y": (np.arange(count) % 2 * 3 + 1.0)[None]})

    pairs = read_pairs("features:x", tmp_path)

    assert pairs.classes == ("class 1", "class 4")
    assert pairs.train.labels.tolist() == [0, 1] * 15


DAMAGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "no file": ("test_txt.mat", Path.unlink),
    "empty": ("train_img.mat", lambda path: path.write_bytes(b"")),
    "cut": ("train_img.mat", lambda path: path.write_bytes(path.read_bytes()[:200])),
    "no MATLAB": ("train_txt.mat", lambda path: path.write_text("features\n" * 99)),
    "rows": ("train_txt.mat", lambda path: savemat(path, {"x": np.ones((29, 4))})),
    "features": ("test_txt.mat", lambda path: savemat(path, {"x": np.ones((12, 5))})),
    "no numbers": ("test_img.mat", lambda path: savemat(path, {"x": np.full((12, 6), np.nan)})),
    "two arrays": (
        "test_img.mat",
        lambda path: savemat(path, {"x": np.ones((12, 6)), "y": np.ones((12, 6))}),
    ),
    "one-hot": ("train_img_lab.mat", lambda path: savemat(path, {"x": np.eye(30, 3)})),
    "halves": ("train_img_lab.mat", lambda path: savemat(path, {"x": np.arange(30)[:, None] / 2})),
    "one class": ("train_img_lab.mat", lambda path: savemat(path, {"x": np.zeros((30, 1))})),
    "new class": ("test_img_lab.mat", lambda path: savemat(path, {"x": np.full((12, 1), 7)})),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told_with_the_file_s_name(tmp_path: Path, damage: str) -> None:
    name, break_it = DAMAGES[damage]
    break_it(published(tmp_path) / name)

    diagnostics, exit_code = faults_of(lambda: read_pairs("features:x", tmp_path))

    assert exit_code == 3
    assert [d.code for d in diagnostics] == ["missing-data" if damage == "no file" else "damaged-data"]
    assert name in diagnostics[0].message


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    assert fault_of(lambda: read_pairs("features:x", tmp_path / "x")) == ("missing-data", 3)


def test_synthetic_pairs_are_the_same_again_and_say_what_they_are() -> None:
    pairs = make_synthetic_pairs()

    assert pairs.fingerprint == make_synthetic_pairs().fingerprint
    assert pairs.remark is not None
    assert "SYNTHETIC" in pairs.remark
    assert (len(pairs.train), len(pairs.test), len(pairs.classes)) == (800, 200, 10)


def test_each_kind_of_a_synthetic_pair_tells_its_class_in_part() -> None:
    """To a linear classifier: more than chance, less than all."""
    pairs = make_synthetic_pairs()
    for values in pairs.train.features:
        learned, tested = (split.features[values][:, :200].numpy() for split in (pairs.train, pairs.test))
        classifier = LogisticRegression(max_iter=200).fit(learned, pairs.train.labels.numpy())
        assert 0.3 < classifier.score(tested, pairs.test.labels.numpy()) < 0.98
