"""Splits in memory: decoded once, kept on the disk, and what was kept never trusted blindly."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from netdsl.training import holding as module
from netdsl.training.damage import Damaged
from netdsl.training.data.dataset import HeldImages, HeldSplit, ImageFiles, Split
from netdsl.training.holding import hold
from tests.training.data.test_folder import draw
from tests.training.networks import faults_of


def files(folder: Path, count: int, cache: Path | None = None) -> Split:
    paths = [draw(folder / f"{number}.png", seed=number) for number in range(count)]
    return Split(ImageFiles(paths, cache), torch.arange(count))


def halved(images: torch.Tensor) -> torch.Tensor:
    return images[..., ::2, ::2]


def held(
    split: Split, *, skips: bool = False, made: str | None = "halved"
) -> tuple[HeldSplit | None, list[str]]:
    """What is in memory, and what was said."""
    said: list[str] = []
    return hold(split, halved, (3, 2, 3), said.append, Damaged(skips, said.append), made), said


def test_files_are_read_once_where_they_fit(tmp_path: Path) -> None:
    split = files(tmp_path, 5)

    found, said = held(split)

    assert found is not None
    assert said == ["reading 5 images"]
    assert torch.equal(found.images[3], halved(split.images[3]))
    assert torch.equal(found.labels, split.labels)


def test_images_in_memory_are_sized_where_they_fit() -> None:
    split = Split(HeldImages(torch.arange(144, dtype=torch.uint8).view(2, 3, 4, 6)), torch.zeros(2))

    found, _ = held(split)

    assert found is not None
    assert torch.equal(found.images[1], halved(split.images[1]))


def test_what_does_not_fit_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HELD_BYTES", 5 * 18 - 1)

    assert held(files(tmp_path, 5))[0] is None


def damage(folder: Path, *numbers: int) -> None:
    for number in numbers:
        (folder / f"{number}.png").write_bytes(b"no image")


def test_every_damaged_image_is_named(tmp_path: Path) -> None:
    split = files(tmp_path, 5)
    damage(tmp_path, 1, 3)

    found, exit_code = faults_of(lambda: held(split))

    assert exit_code == 3
    assert [d.message.partition("`")[2].partition("`")[0] for d in found] == [
        str(tmp_path / "1.png"),
        str(tmp_path / "3.png"),
    ]


def test_damaged_images_are_left_out_by_choice(tmp_path: Path) -> None:
    split = files(tmp_path / "images", 5, tmp_path / "cache")
    damage(tmp_path / "images", 1, 3)

    found, said = held(split, skips=True)

    assert found is not None
    assert found.labels.tolist() == [0, 2, 4]
    assert torch.equal(found.images[1], halved(split.images[2]))
    assert sum(line.startswith("left out: ") for line in said) == 2
    assert not (tmp_path / "cache").exists(), "what lacks images is not kept"


def test_where_all_are_damaged_nothing_is_left_to_skip(tmp_path: Path) -> None:
    split = files(tmp_path, 3)
    damage(tmp_path, 0, 1, 2)

    assert len(faults_of(lambda: held(split, skips=True))[0]) == 3


# What is kept on the disk


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_decoded_images_are_kept_and_taken_again(tmp_path: Path) -> None:
    split = files(tmp_path / "images", 5, tmp_path / "cache")

    first, said = held(split)
    path = only_file(tmp_path / "cache")
    for image in split.images.paths if isinstance(split.images, ImageFiles) else ():
        image.touch()  # another time changes nothing
    again, said_again = held(split)

    assert said == ["reading 5 images", f"decoded images are kept in `{path}`, 0.0 MB; it may be deleted"]
    assert said_again == [f"5 images, decoded before, are taken from `{path}`"]
    assert first is not None
    assert again is not None
    assert torch.equal(first.images.values, again.images.values)
    assert np.array_equal(np.load(path), first.images.values)


def changed_content(folder: Path) -> None:
    draw(folder / "images" / "2.png", seed=77)


def exchanged(folder: Path) -> None:
    first, second = (folder / "images" / name for name in ("1.png", "2.png"))
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)


@pytest.mark.parametrize("change", [changed_content, exchanged])
def test_other_files_are_decoded_anew(tmp_path: Path, change: Callable[[Path], None]) -> None:
    split = files(tmp_path / "images", 5, tmp_path / "cache")
    held(split)

    change(tmp_path)
    found, said = held(split)

    assert said[0] == "reading 5 images"
    assert found is not None
    assert torch.equal(found.images[2], halved(split.images[2]))


def test_what_was_made_otherwise_is_not_taken(tmp_path: Path) -> None:
    split = files(tmp_path / "images", 5, tmp_path / "cache")
    held(split)

    assert held(split, made="halved otherwise")[1][0] == "reading 5 images"


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-20] ^= 4
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def another_shape(path: Path) -> None:
    np.save(path, np.load(path).reshape(-1))


def another_type(path: Path) -> None:
    np.save(path, np.load(path).view(np.int8))


def hostile_head(path: Path) -> None:
    """A shape of petabytes, as a head may claim."""
    path.write_bytes(path.read_bytes().replace(b"(5, 3, 2, 3)", b"(5, 9**9, 3)"))


def a_pickle(path: Path) -> None:
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"0")


@pytest.mark.parametrize(
    "harm", [cut_off, flip_a_bit, empty, another_shape, another_type, hostile_head, a_pickle]
)
def test_what_was_kept_and_is_damaged_is_made_anew(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    split = files(tmp_path / "images", 5, tmp_path / "cache")
    sound, _ = held(split)
    path = only_file(tmp_path / "cache")
    content = path.read_bytes()

    harm(path)
    found, said = held(split)

    assert said[:2] == [f"`{path}` is damaged: its images are decoded anew", "reading 5 images"]
    assert sound is not None
    assert found is not None
    assert torch.equal(found.images.values, sound.images.values)
    assert only_file(tmp_path / "cache").read_bytes() == content


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_disk_that_takes_nothing_costs_time_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    split = files(tmp_path / "images", 5, tmp_path / "cache")

    def refuse(*_: object) -> None:
        raise OSError(code, "no")

    monkeypatch.setattr("os.fsync", refuse)
    found, said = held(split)

    assert found is not None
    assert said[1] == f"decoded images are not kept in `{tmp_path / 'cache'}`: no"
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_file_in_the_folder_s_place_costs_time_alone(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")

    found, said = held(files(tmp_path / "images", 5, tmp_path / "cache"))

    assert found is not None
    assert said[1].startswith("decoded images are not kept")
