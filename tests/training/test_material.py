"""Batches made ready for a network: what is decoded smaller, what is left out, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from netdsl.training.batches import Batches
from netdsl.training.choices import Recipe, complete
from netdsl.training.data.dataset import DataSet, ImageFiles, Split
from netdsl.training.data.folder import read_folder
from netdsl.training.material import prepare, with_enough
from tests.training.data.test_folder import animals
from tests.training.networks import network, uses

SHAPE = (3, 32, 24)


@pytest.mark.parametrize(("text", "smallest"), [
    ("none", 64),
    ("normalize", 64),
    ("bgr -> resize(40) -> center_crop(32)", 80),
    ("resize([20, 50])", 100),
    ("center_crop(32)", None),
    ("center_crop(64) -> resize(32)", None),
])  # fmt: skip
def test_files_are_decoded_no_smaller_than_twice_the_resize(text: str, smallest: int | None) -> None:
    split = Split(ImageFiles([Path("a.jpg")]), torch.zeros(1))

    images = with_enough(split, uses("prepare", text), SHAPE).images

    assert isinstance(images, ImageFiles)
    assert images.smallest == smallest


def of(data: DataSet, **values: object) -> tuple[list[str], int]:
    recipe: Recipe = complete({"data": ("folder:x",), "prepare": (), **values})
    made = prepare(network(input=(3, 4, 6)), recipe, data, lambda _: None)
    return list(made.remarks), len(made.train)


def test_a_run_knows_what_was_left_out(tmp_path: Path) -> None:
    data = read_folder("folder:x", animals(tmp_path))
    for name in ("train/cat/1.png", "test/dog/0.png"):
        (tmp_path / name).write_bytes(b"no image")

    (remark,), count = of(data, damaged="skip")

    assert count == 5
    assert remark.startswith("2 damaged images are left out: ")
    assert "cat/1.png" in remark
    assert "dog/0.png" in remark


def test_only_a_gpu_is_given_batches_otherwise(tmp_path: Path) -> None:
    """Images that stream are pinned for it; what is in memory is moved, which takes one to be tried."""
    data = read_folder("folder:x", animals(tmp_path))
    values = {"data": ("folder:x",), "prepare": (), "augment": uses("augment", "random_resized_crop([4, 6])")}
    made = prepare(network(input=(3, 4, 6)), complete(values), data, lambda _: None)

    assert made.on(torch.device("cpu")).train is made.train
    streamed = made.train
    assert isinstance(streamed, Batches)
    assert streamed.on(torch.device("cuda")).pinned
    assert not streamed.pinned
