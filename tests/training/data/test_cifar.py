"""CIFAR's pickles: read as published, never executed, and their damage told by name."""

from __future__ import annotations

import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from netdsl.training.data.cifar import FILES, cifar_is_present, read_cifar
from netdsl.training.data.dataset import HeldImages
from tests.training.networks import fault_of, faults_of

ROWS = 20


def published(root: Path, name: str) -> Path:
    """A data set on disk in the published layout, with random images."""
    files = FILES[name]
    folder = root / files.folder
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for file in (*files.train, *files.test):
        write(folder / file, batch(name, generator))
    names = [f"class {number}" for number in range(files.classes)]
    write(folder / files.meta, {files.names_key: names})
    return folder


def batch(name: str, generator: np.random.Generator) -> dict[str, Any]:
    files = FILES[name]
    return {
        "data": generator.integers(0, 256, (ROWS, 3072), dtype=np.uint8),
        files.labels_key: generator.integers(0, files.classes, ROWS).tolist(),
        "batch_label": "one of them",
    }


def write(path: Path, content: object) -> None:
    path.write_bytes(pickle.dumps(content, protocol=2))


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_images_and_labels_are_those_of_the_files(tmp_path: Path, name: str) -> None:
    """A row is 1,024 reds, 1,024 greens and 1,024 blues, each row by row."""
    folder = published(tmp_path, name)

    data = read_cifar(name, tmp_path)

    files = FILES[name]
    with (folder / files.train[-1]).open("rb") as file:
        last = pickle.load(file)  # noqa: S301 - written above
    assert isinstance(data.train.images, HeldImages)
    assert len(data.train) == ROWS * len(files.train)
    assert len(data.classes) == files.classes
    image = data.train.images.values[-1]
    assert image.shape == (3, 32, 32)
    assert int(image[1, 2, 5]) == last["data"][-1][1024 + 2 * 32 + 5]
    assert data.train.labels[-ROWS:].tolist() == last[files.labels_key]


def test_a_pickle_of_python_2_is_read(tmp_path: Path) -> None:
    """The published files name numpy's old modules and hold byte strings, opcodes of protocol 2."""
    folder = published(tmp_path, "cifar10")
    path = folder / "test_batch"
    array = np.full((1, 3072), 7, np.uint8)
    raw = (
        b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04"
        b"K\x00\x85U\x01b\x87Rq\x05(K\x01K\x01M\x00\x0c\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87R"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
        + len(array.tobytes()).to_bytes(4, "little")
        + array.tobytes()
        + b"tbU\x06labelsq\x07]q\x08K\x03au."
    )
    assert any(opcode.name == "SHORT_BINSTRING" for opcode, _, _ in pickletools.genops(raw))
    path.write_bytes(raw)

    data = read_cifar("cifar10", tmp_path)

    assert torch.equal(data.test.images[0], torch.full((3, 32, 32), 7, dtype=torch.uint8))
    assert data.test.labels.tolist() == [3]


class Evil:
    """What a hostile pickle does: call something."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


def test_a_hostile_pickle_is_refused_and_not_executed(tmp_path: Path) -> None:
    folder = published(tmp_path, "cifar10")
    marker = tmp_path / "executed"
    write(folder / "data_batch_2", {"data": Evil(marker)})

    found, exit_code = faults_of(lambda: read_cifar("cifar10", tmp_path))

    assert ([d.code for d in found], exit_code) == (["damaged-data"], 3)
    assert "data_batch_2" in found[0].message
    assert not marker.exists()


DAMAGES: dict[str, Any] = {
    "no dictionary": [1, 2],
    "no data": {"labels": [0] * ROWS},
    "a list for data": {"data": [[0] * 3072] * ROWS, "labels": [0] * ROWS},
    "rows of another length": {"data": np.zeros((ROWS, 3071), np.uint8), "labels": [0] * ROWS},
    "another type": {"data": np.zeros((ROWS, 3072), np.float32), "labels": [0] * ROWS},
    "no labels": {"data": np.zeros((ROWS, 3072), np.uint8)},
    "a label too few": {"data": np.zeros((ROWS, 3072), np.uint8), "labels": [0] * (ROWS - 1)},
    "a label too high": {"data": np.zeros((ROWS, 3072), np.uint8), "labels": [10] * ROWS},
    "a label that is a word": {"data": np.zeros((ROWS, 3072), np.uint8), "labels": ["cat"] * ROWS},
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_with_other_contents_is_told(tmp_path: Path, damage: str) -> None:
    write(published(tmp_path, "cifar10") / "data_batch_3", DAMAGES[damage])

    assert fault_of(lambda: read_cifar("cifar10", tmp_path)) == ("damaged-data", 3)


@pytest.mark.parametrize("keep", [0, 1, 100, 3000])
def test_a_file_cut_short_is_told(tmp_path: Path, keep: int) -> None:
    path = published(tmp_path, "cifar10") / "test_batch"
    path.write_bytes(path.read_bytes()[:keep])

    assert fault_of(lambda: read_cifar("cifar10", tmp_path)) == ("damaged-data", 3)


def test_names_that_are_missing_are_told(tmp_path: Path) -> None:
    write(published(tmp_path, "cifar10") / "batches.meta", {"label_names": ["only one"]})

    assert fault_of(lambda: read_cifar("cifar10", tmp_path)) == ("damaged-data", 3)


def test_a_set_is_present_when_all_its_files_are(tmp_path: Path) -> None:
    folder = published(tmp_path, "cifar100")
    assert cifar_is_present("cifar100", tmp_path)
    assert not cifar_is_present("cifar10", tmp_path)

    (folder / "meta").unlink()

    assert not cifar_is_present("cifar100", tmp_path)


HOSTILE: dict[str, bytes] = {
    "a number for an object that fills the memory": b"\x80\x02}r\xff\xff\xff\x7f.",
    "the same in digits": b"}p99999999999\n.",
    "another encoding": b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x04\x00\x00\x00zlib\x86R.",
    "an array of petabytes": b"\x80\x02cnumpy\nndarray\n\x8a\x07\0\0\0\0\0\0\x10\x85\x85R.",
    "a text longer than the file": b"\x80\x02X\xff\xff\xff\x7fa.",
    "a module": b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.",
    "an extension": b"\x80\x02\x82\x01.",
    "a persistent object": b"Pthing\n.",
    "nothing on the stack": b"\x80\x02.",
    "an unknown opcode": b"\xff.",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_pickle_harms_nobody(tmp_path: Path, kind: str) -> None:
    (published(tmp_path, "cifar10") / "data_batch_4").write_bytes(HOSTILE[kind])

    (found,), exit_code = faults_of(lambda: read_cifar("cifar10", tmp_path))

    assert (found.code, exit_code) == ("damaged-data", 3)
    assert "data_batch_4" in found.message


def test_a_file_larger_than_any_published_is_not_read(tmp_path: Path) -> None:
    path = published(tmp_path, "cifar10") / "data_batch_1"
    with path.open("r+b") as file:
        file.truncate(2**30)  # a hole, which takes no room on the disk

    (found,), _ = faults_of(lambda: read_cifar("cifar10", tmp_path))

    assert found.message.endswith("it is larger than any that is published")
