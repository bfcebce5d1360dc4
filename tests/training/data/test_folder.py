"""Folders of images: one folder for each class, and what is missing or damaged told by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from netdsl.training.data.folder import read_folder
from netdsl.training.data.pictures import read_picture
from tests.training.networks import fault_of, faults_of


def draw(path: Path, *, mode: str = "RGB", size: tuple[int, int] = (6, 4), seed: int = 0) -> Path:
    """An image file of random values, `size` as (width, height)."""
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    values = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return path


def animals(folder: Path, test: str = "test") -> Path:
    """Two classes, three images each to train on and one each to test on."""
    for name in ("cat", "dog"):
        for number in range(3):
            draw(folder / "train" / name / f"{number}.png", seed=number)
        draw(folder / test / name / "0.png", seed=9)
    return folder


@pytest.mark.parametrize("test", ["test", "val", "valid"])
def test_classes_are_folders_in_order_of_their_names(tmp_path: Path, test: str) -> None:
    data = read_folder("folder:x", animals(tmp_path, test))

    assert data.classes == ("cat", "dog")
    assert data.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.test.labels.tolist() == [0, 1]
    assert torch.equal(data.train.images[4], read_picture(tmp_path / "train" / "dog" / "1.png"))


def test_other_files_are_not_images(tmp_path: Path) -> None:
    animals(tmp_path)
    (tmp_path / "train" / "cat" / "notes.txt").write_text("mew")
    (tmp_path / "train" / ".cache").mkdir()

    data = read_folder("folder:x", tmp_path)

    assert (data.classes, len(data.train)) == (("cat", "dog"), 6)


def test_the_fingerprint_follows_the_files(tmp_path: Path) -> None:
    before = read_folder("folder:x", animals(tmp_path)).fingerprint
    draw(tmp_path / "train" / "cat" / "3.png")

    assert read_folder("folder:x", tmp_path).fingerprint != before


LAYOUTS: dict[str, Callable[[Path], object]] = {
    "no training folder": lambda folder: (folder / "train").rename(folder / "tra1n"),
    "no test folder": lambda folder: (folder / "test").rename(folder / "tests"),
    "a class that training lacks": lambda folder: draw(folder / "test" / "emu" / "0.png"),
    "a test folder without images": lambda folder: [
        path.rename(path.with_suffix(".txt")) for path in (folder / "test").rglob("*.png")
    ],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_another_layout_is_told(tmp_path: Path, layout: str) -> None:
    LAYOUTS[layout](animals(tmp_path))

    assert fault_of(lambda: read_folder("folder:x", tmp_path)) == ("data-layout", 3)


def test_images_without_class_folders_are_told(tmp_path: Path) -> None:
    draw(tmp_path / "train" / "0.png")
    draw(tmp_path / "test" / "0.png")

    assert fault_of(lambda: read_folder("folder:x", tmp_path)) == ("data-layout", 3)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    assert fault_of(lambda: read_folder("folder:x", tmp_path / "nowhere")) == ("missing-data", 3)


@pytest.mark.parametrize(("mode", "channels"), [("RGB", 3), ("L", 1)])
def test_a_picture_is_bytes_with_its_channels_first(tmp_path: Path, mode: str, channels: int) -> None:
    path = draw(tmp_path / "a.png", mode=mode)

    picture = read_picture(path)

    with Image.open(path) as file:
        values = np.array(file).reshape(4, 6, channels)
    assert picture.dtype == torch.uint8
    assert np.array_equal(picture.permute(1, 2, 0).numpy(), values)


def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    Image.fromarray(np.array([[0, 257, 65535]], np.uint16)).save(path)

    assert read_picture(path).flatten().tolist() == [0, 1, 255]


def test_a_picture_is_turned_as_its_camera_noted(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the scene is at the right side of the stored image
    Image.new("RGB", (6, 4)).save(path, exif=exif)

    assert read_picture(path).shape == (3, 6, 4)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut short": lambda content: content[: len(content) // 2],
    "text": lambda _: b"this is no image",
    "a bit flipped in its head": lambda content: content[:18] + bytes([content[18] ^ 0x40]) + content[19:],
    "its values overwritten": lambda content: content[:60] + bytes(20) + content[80:],
    "only its signature": lambda content: content[:8],
    "its header's size beyond reason": lambda content: content[:16] + b"\x7f\xff\xff\xff" * 2 + content[24:],
    "zeros": lambda content: bytes(len(content)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_picture_is_told_by_name(tmp_path: Path, damage: str) -> None:
    path = draw(tmp_path / "broken.png", size=(40, 30))
    path.write_bytes(DAMAGES[damage](path.read_bytes()))

    found, exit_code = faults_of(lambda: read_picture(path))

    assert ([d.code for d in found], exit_code) == (["damaged-image"], 3)
    assert "broken.png" in found[0].message


def test_a_missing_picture_is_told(tmp_path: Path) -> None:
    assert fault_of(lambda: read_picture(tmp_path / "none.png")) == ("missing-image", 3)
    assert fault_of(lambda: read_picture(tmp_path)) == ("missing-image", 3)


def test_a_large_jpeg_is_decoded_smaller_where_a_resize_follows(tmp_path: Path) -> None:
    """Half, a quarter or an eighth of the size, not below what is enough, and nearly what Pillow averages."""
    smooth = np.linspace(0, 255, 640 * 480 * 3).reshape(480, 640, 3).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "a.jpg", quality=95)

    sizes = [tuple(read_picture(tmp_path / "a.jpg", least).shape) for least in (None, 300, 240, 100, 60, 1)]

    assert sizes == [(3, 480, 640), (3, 480, 640), (3, 240, 320), (3, 120, 160), (3, 60, 80), (3, 60, 80)]
    with Image.open(tmp_path / "a.jpg") as file:
        theirs = np.asarray(file.resize((160, 120), Image.Resampling.BOX), dtype=np.int16)
    ours = read_picture(tmp_path / "a.jpg", 100).permute(1, 2, 0).numpy().astype(np.int16)
    assert np.abs(ours - theirs).max() <= 4


def test_what_cannot_be_decoded_smaller_is_decoded_whole(tmp_path: Path) -> None:
    draw(tmp_path / "a.png", size=(64, 48))

    assert read_picture(tmp_path / "a.png", 8).shape == (3, 48, 64)
