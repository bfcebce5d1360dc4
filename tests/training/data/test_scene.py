"""Hyperspectral scenes in MATLAB's files: as published, the user's own, damaged, and synthetic ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.io import savemat
from sklearn.base import ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.neighbors import KNeighborsClassifier

from netdsl.training.data.find import find_data
from netdsl.training.data.scene import FILES, Scene, read_published_scene, read_scene_folder
from netdsl.training.data.synthetic_scene import read_synthetic_scene
from netdsl.training.windows import split_by_blocks
from tests.training.networks import fault_of, faults_of

ROWS, COLUMNS, BANDS = 7, 5, 9


def arrays(classes: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A cube and the classes of its pixels, of which each is there."""
    random = np.random.default_rng(1)
    truth = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS) % (classes + 1)
    return random.integers(0, 9000, (ROWS, COLUMNS, BANDS), dtype=np.uint16), truth.astype(np.uint8)


def published(folder: Path, name: str) -> Path:
    """A small scene in the files of a published one."""
    files = FILES[name]
    cube, truth = arrays(len(files.classes))
    folder.mkdir(parents=True, exist_ok=True)
    savemat(folder / files.cube, {Path(files.cube).stem.lower(): cube})
    savemat(folder / files.truth, {Path(files.truth).stem.lower(): truth})
    return folder


@pytest.mark.parametrize(("name", "count"), [("indian_pines", 16), ("pavia_university", 9), ("salinas", 16)])
def test_a_published_scene_is_its_cube_and_its_classes(tmp_path: Path, name: str, count: int) -> None:
    published(tmp_path / name, name)

    scene = find_data([name], tmp_path, print).data

    assert isinstance(scene, Scene)
    cube, truth = arrays(count)
    assert len(scene.classes) == len(set(scene.classes)) == count
    assert np.array_equal(scene.cube.numpy(), cube)
    assert np.array_equal(scene.truth.numpy() + 1, truth)


def test_a_folder_of_one_s_own_has_a_cube_and_its_truth(tmp_path: Path) -> None:
    cube, truth = arrays(3)
    savemat(tmp_path / "field.mat", {"radiance": cube.astype(np.float64), "note": "of May"})
    savemat(tmp_path / "field_gt.mat", {"map": truth.astype(np.float64)})

    scene = find_data([f"scene:{tmp_path}"], tmp_path, print).data

    assert scene.classes == ("class 1", "class 2", "class 3")


def test_the_fingerprint_follows_the_values_and_not_the_files(tmp_path: Path) -> None:
    first = read_published_scene("salinas", published(tmp_path / "a", "salinas")).fingerprint
    again = read_published_scene("salinas", published(tmp_path / "b", "salinas")).fingerprint
    cube, _ = arrays(16)
    savemat(tmp_path / "b" / "Salinas_corrected.mat", {"salinas": cube + 1})

    assert first == again
    assert read_published_scene("salinas", tmp_path / "b").fingerprint != first


def write_truth(change: Callable[[np.ndarray[Any, Any]], object]) -> Callable[[Path], object]:
    return lambda folder: savemat(folder / "Salinas_gt.mat", {"a": change(arrays(16)[1].astype(float))})


def write_cube(content: Callable[[np.ndarray[Any, Any]], dict[str, object]]) -> Callable[[Path], object]:
    return lambda folder: savemat(folder / "Salinas_corrected.mat", content(arrays(16)[0].astype(float)))


CUBE, TRUTH = "Salinas_corrected.mat", "Salinas_gt.mat"
DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut short": lambda folder: (folder / CUBE).write_bytes((folder / CUBE).read_bytes()[:300]),
    "empty": lambda folder: (folder / CUBE).write_bytes(b""),
    "text": lambda folder: (folder / CUBE).write_text("no scene" * 100),
    "two arrays": write_cube(lambda cube: {"a": cube, "b": cube}),
    "no array of three axes": write_cube(lambda cube: {"a": cube[0]}),
    "values that are no numbers": write_cube(lambda cube: {"a": np.where(cube > 4000, np.nan, cube)}),
    "complex values": write_cube(lambda cube: {"a": cube * 1j}),
    "a truth of another size": write_truth(lambda truth: truth[:3]),
    "classes between numbers": write_truth(lambda truth: truth / 2),
    "classes below none": write_truth(lambda truth: truth - 1),
    "too few classes": write_truth(lambda truth: truth % 4),
    "no classes": write_truth(lambda truth: truth * 0),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told(tmp_path: Path, damage: str) -> None:
    DAMAGES[damage](published(tmp_path, "salinas"))

    assert fault_of(lambda: read_published_scene("salinas", tmp_path)) == ("damaged-data", 3)


def write_hdf5(path: Path, arrays: dict[str, np.ndarray[Any, Any]], **options: Any) -> None:
    """A file as MATLAB 7.3 writes it: a head of 512 bytes, and HDF5 with axes in reverse."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values.T, **options)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def published_as_hdf5(folder: Path) -> Path:
    """Salinas, saved anew by MATLAB 7.3, compressed as it does."""
    cube, truth = arrays(16)
    folder.mkdir(parents=True, exist_ok=True)
    write_hdf5(folder / CUBE, {"salinas_corrected": cube}, compression="gzip")
    write_hdf5(folder / TRUTH, {"salinas_gt": truth})
    return folder


def test_files_of_matlab_7_3_hold_the_same_scene(tmp_path: Path) -> None:
    old = read_published_scene("salinas", published(tmp_path / "a", "salinas"))
    new = read_published_scene("salinas", published_as_hdf5(tmp_path / "b"))

    assert torch.equal(old.cube, new.cube)
    assert torch.equal(old.truth, new.truth)
    assert old.fingerprint == new.fingerprint


def claim_petabytes(folder: Path) -> None:
    with h5py.File(folder / CUBE, "a") as file:
        del file["salinas_corrected"]
        file.create_dataset("salinas_corrected", shape=(10**5, 10**5, 10**5), dtype="f8", chunks=True)


def link(folder: Path) -> None:
    """The cube behind a link to another file."""
    (folder / CUBE).rename(folder / "elsewhere")
    write_hdf5(folder / CUBE, {})
    with h5py.File(folder / CUBE, "a") as file:
        file["salinas_corrected"] = h5py.ExternalLink("elsewhere", "/salinas_corrected")


def lie_outside(folder: Path) -> None:
    """The cube's values in a file that is none of ours."""
    (folder / "secret").write_bytes(bytes(8 * 24))
    write_hdf5(folder / CUBE, {})
    with h5py.File(folder / CUBE, "a") as file:
        file.create_dataset("cube", shape=(2, 3, 4), dtype="f8", external=[(str(folder / "secret"), 0, 192)])


def cut(share: float) -> Callable[[Path], object]:
    return lambda folder: (folder / CUBE).write_bytes(
        (folder / CUBE).read_bytes()[: int(share * (folder / CUBE).stat().st_size)]
    )


def overwrite(folder: Path) -> None:
    """Zeros over the compressed values, which are the last of the file."""
    content = (folder / CUBE).read_bytes()
    (folder / CUBE).write_bytes(content[:-400] + bytes(400))


HDF5_DAMAGES: dict[str, Callable[[Path], object]] = {
    "its head alone": lambda folder: (folder / CUBE).write_bytes((folder / CUBE).read_bytes()[:512]),
    "cut in half": cut(0.5),
    "its end cut off": cut(0.97),
    "its values overwritten": overwrite,
    "no signature": lambda folder: (folder / CUBE).write_bytes(
        (folder / CUBE).read_bytes().replace(b"\x89HDF", b"\x89GIF")
    ),
    "petabytes by its head": claim_petabytes,
    "a link to another file": link,
    "values in another file": lie_outside,
    "two arrays": lambda folder: write_hdf5(folder / CUBE, dict.fromkeys("ab", arrays(16)[0])),
    "text": lambda folder: write_hdf5(folder / CUBE, {"a": np.full((2, 3, 4), b"text")}),
    "complex values": lambda folder: write_hdf5(folder / CUBE, {"a": arrays(16)[0] * 1j}),
    "a truth of another size": lambda folder: write_hdf5(folder / TRUTH, {"a": arrays(16)[1][:3]}),
    "no array at all": lambda folder: write_hdf5(folder / CUBE, {}),
}


@pytest.mark.parametrize("damage", HDF5_DAMAGES)
def test_damage_of_files_of_matlab_7_3_is_told(tmp_path: Path, damage: str) -> None:
    HDF5_DAMAGES[damage](published_as_hdf5(tmp_path))

    (found,), exit_code = faults_of(lambda: read_published_scene("salinas", tmp_path))

    assert (found.code, exit_code) == ("damaged-data", 3)
    assert str(tmp_path / (TRUTH if "truth" in damage else CUBE)) in found.message


def test_missing_files_and_folders_are_told(tmp_path: Path) -> None:
    found, _ = faults_of(lambda: find_data(["indian_pines"], tmp_path, print))
    assert "`Indian_pines_corrected.mat` and `Indian_pines_gt.mat`" in (found[0].help or "")
    (tmp_path / "indian_pines").mkdir()

    assert fault_of(lambda: find_data(["indian_pines"], tmp_path, print)) == ("missing-data", 3)
    assert fault_of(lambda: read_scene_folder("scene:x", tmp_path / "x")) == ("missing-data", 3)
    assert fault_of(lambda: read_scene_folder("scene:x", tmp_path)) == ("data-layout", 3)


def test_the_synthetic_scene_is_written_once_and_says_what_it_is(tmp_path: Path) -> None:
    scene = read_synthetic_scene(tmp_path / "synthetic_scene")
    written = {path.name: path.read_bytes() for path in (tmp_path / "synthetic_scene").iterdir()}
    again = read_synthetic_scene(tmp_path / "synthetic_scene")

    assert sorted(written) == ["synthetic_fields.mat", "synthetic_fields_gt.mat"]
    assert written == {path.name: path.read_bytes() for path in (tmp_path / "synthetic_scene").iterdir()}
    assert scene.fingerprint == again.fingerprint == read_synthetic_scene(tmp_path / "b").fingerprint
    assert (scene.cube.shape, len(scene.classes)) == ((145, 145, 60), 16)
    assert sorted(set(scene.truth.flatten().tolist())) == list(range(-1, 16))
    assert torch.isfinite(scene.cube).all()
    assert scene.remark is not None
    assert "SYNTHETIC" in scene.remark


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return read_synthetic_scene(tmp_path_factory.mktemp("scenes"))


@pytest.mark.parametrize("classifier", [LinearDiscriminantAnalysis(), KNeighborsClassifier(15)])
def test_a_pixel_of_the_synthetic_scene_tells_its_materials_and_not_their_pattern(
    synthetic: Scene, classifier: ClassifierMixin
) -> None:
    """Whatever the classifier: of the four classes of a pair one is as likely as another."""
    parts = split_by_blocks(synthetic, 0.4, 16, (1, 1), seed=0)
    learned, tested = parts.train.numpy(), parts.test.numpy()
    pixels, truth = synthetic.cube.numpy(), synthetic.truth.numpy()

    classifier.fit(pixels[learned][::3], truth[learned][::3])
    seen = classifier.predict(pixels[tested][::3])

    assert (seen // 4 == truth[tested][::3] // 4).mean() > 0.95
    assert 0.2 < (seen == truth[tested][::3]).mean() < 0.32


def test_the_synthetic_scene_has_several_fields_of_each_class(synthetic: Scene) -> None:
    for number in range(16):
        _, count = ndimage.label(synthetic.truth.numpy() == number)
        assert count >= 4, "six, of which some may lie side by side"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert fault_of(lambda: read_synthetic_scene(tmp_path / "file" / "scene")) == ("missing-data", 3)
