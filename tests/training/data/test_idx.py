"""MNIST's files: read as torchvision reads them, and their damage told by name."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torchvision.datasets import MNIST, FashionMNIST

from netdsl.training.data.dataset import HeldImages
from netdsl.training.data.digits import read_digits
from netdsl.training.data.idx import FOLDERS, STEMS, idx_is_present, read_idx_set
from tests.training.networks import fault_of, faults_of


def idx(values: torch.Tensor) -> bytes:
    """Bytes in the format of the MNIST files."""
    head = bytes([0, 0, 8, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
    return head + values.to(torch.uint8).numpy().tobytes()


def published(root: Path, name: str = "mnist", *, zipped: bool = False) -> Path:
    """A data set on disk as it is published, with the digits at 28×28 for images."""
    digits = read_digits()
    folder = root / FOLDERS[name]
    folder.mkdir(parents=True)
    for part, split in (("train", digits.train), ("t10k", digits.test)):
        small = torch.stack([split.images[index] for index in range(40)])
        images = torch.nn.functional.interpolate(small.float(), size=(28, 28))[:, 0]
        for kind, values in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", split.labels[:40])):
            content = idx(values)
            path = folder / f"{part}-{kind}{'.gz' if zipped else ''}"
            path.write_bytes(gzip.compress(content) if zipped else content)
    return folder


@pytest.mark.parametrize(("name", "theirs"), [("mnist", MNIST), ("fashion_mnist", FashionMNIST)])
def test_torchvision_reads_the_same(tmp_path: Path, name: str, theirs: type[MNIST]) -> None:
    published(tmp_path, name)

    data = read_idx_set(name, tmp_path)

    for is_train, split in ((True, data.train), (False, data.test)):
        reference = theirs(str(tmp_path), train=is_train)
        assert isinstance(split.images, HeldImages)
        assert torch.equal(split.images.values, reference.data[:, None])
        assert torch.equal(split.labels, reference.targets)


def test_zipped_files_are_the_same_data(tmp_path: Path) -> None:
    published(tmp_path / "raw")
    published(tmp_path / "zipped", zipped=True)

    raw, zipped = (read_idx_set("mnist", tmp_path / kind) for kind in ("raw", "zipped"))

    assert raw.fingerprint == zipped.fingerprint


def test_a_set_is_present_when_all_its_files_are(tmp_path: Path) -> None:
    folder = published(tmp_path)
    assert idx_is_present("mnist", tmp_path)
    assert not idx_is_present("fashion_mnist", tmp_path)

    (folder / STEMS[3]).unlink()

    assert not idx_is_present("mnist", tmp_path)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut in its head": lambda content: content[:9],
    "cut in its values": lambda content: content[:-1],
    "too long": lambda content: content + b"\0",
    "another beginning": lambda content: b"\1" + content[1:],
    "another type": lambda content: content[:2] + b"\x0d" + content[3:],
    "another number of axes": lambda content: content[:3] + b"\4" + content[4:],
    "no images": lambda content: content[:4] + bytes(4) + content[8:16],
    "a size changed": lambda content: content[:8] + (29).to_bytes(4, "big") + content[12:],
    "petabytes by its head": lambda content: content[:4] + b"\xff" * 12 + content[16:],
    "a page of an error": lambda _: b"<html>404</html>",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_told(tmp_path: Path, damage: str) -> None:
    path = published(tmp_path) / STEMS[0]
    path.write_bytes(DAMAGES[damage](path.read_bytes()))

    assert fault_of(lambda: read_idx_set("mnist", tmp_path)) == ("damaged-data", 3)


@pytest.mark.parametrize(
    "damage", [lambda c: c[:-9], lambda c: c[:40] + b"\0\0\0\0" + c[44:], lambda _: b"no gzip"]
)
def test_a_damaged_archive_is_told(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = published(tmp_path, zipped=True) / f"{STEMS[2]}.gz"
    path.write_bytes(damage(path.read_bytes()))

    assert fault_of(lambda: read_idx_set("mnist", tmp_path)) == ("damaged-data", 3)


@pytest.mark.parametrize("labels", [torch.zeros(39), torch.full((40,), 10)])
def test_labels_that_do_not_fit_are_told(tmp_path: Path, labels: torch.Tensor) -> None:
    (published(tmp_path) / STEMS[1]).write_bytes(idx(labels))

    assert fault_of(lambda: read_idx_set("mnist", tmp_path)) == ("damaged-data", 3)


def test_an_archive_that_unpacks_to_more_than_it_says_is_not_unpacked(tmp_path: Path) -> None:
    """A gigabyte of zeros behind a sound head, in a megabyte."""
    path = published(tmp_path, zipped=True) / f"{STEMS[0]}.gz"
    content = gzip.decompress(path.read_bytes())
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(content)
        for _ in range(64):
            file.write(bytes(2**24))
    tracemalloc.start()

    (found,), exit_code = faults_of(lambda: read_idx_set("mnist", tmp_path))

    assert (found.code, exit_code) == ("damaged-data", 3)
    assert found.message.endswith("it holds more values, not 31,360 as its head says")
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published(tmp_path)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)

    assert fault_of(lambda: read_idx_set("mnist", tmp_path)) == ("damaged-data", 3)


def test_a_folder_in_a_file_s_place_is_told(tmp_path: Path) -> None:
    path = published(tmp_path) / STEMS[1]
    path.unlink()
    path.mkdir()

    assert not idx_is_present("mnist", tmp_path)
