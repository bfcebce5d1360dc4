"""What patches lose, held against Pillow, and that it follows from the patch alone."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from netdsl.training.batches import Batches
from netdsl.training.data.dataset import HeldImages, HeldSplit
from netdsl.training.data.photographs import read_photographs
from netdsl.training.degradation import Degradation, compressed, rescaled
from netdsl.training.image_quality import psnr
from netdsl.training.noise import DegradedBatches

ALL = Degradation((25, 25), (2, 3, 4), range(5, 100))


def patch(channels: int = 1) -> torch.Tensor:
    picture = read_photographs().test.images[0][:, 250:300, 60:110]
    return picture[:channels].float() / 255


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_scaling_is_pillow_s(factor: int) -> None:
    clean = patch()[0].numpy()
    side = -(-50 // factor)

    found = rescaled(patch(), factor)

    small = Image.fromarray(clean).resize((side, side), Image.Resampling.BICUBIC)
    expected = np.clip(np.asarray(small.resize((50, 50), Image.Resampling.BICUBIC)), 0, 1)
    assert np.abs(found[0].numpy() - expected).max() < 1e-5
    assert float(psnr(found[None], patch()[None])) < 35


@pytest.mark.parametrize("channels", [1, 3])
def test_compression_is_jpeg_s(channels: int) -> None:
    pixels = (patch(channels) * 255).to(torch.uint8).permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(file, "JPEG", quality=20)

    found = compressed(patch(channels), 20)

    expected = np.asarray(Image.open(file)).reshape(50, 50, channels)
    assert np.array_equal((found * 255).round().permute(1, 2, 0).numpy(), expected)


def test_less_is_left_of_lower_quality() -> None:
    left = [float(psnr(compressed(patch(), q)[None], patch()[None])) for q in (5, 20, 60, 99)]

    assert left == sorted(left)


def batches(*, size: int = 8, seed: int = 0, each: int | None = None, count: int = 90) -> DegradedBatches:
    values = (patch() * 255).to(torch.uint8).expand(count, 1, 50, 50)
    split = HeldSplit(HeldImages(values), torch.arange(count))
    clean = Batches(split=split, prepare=None, augment=None, size=size, seed=seed, shuffled=False)
    return DegradedBatches(clean, ALL, seed, each)


def whole(made: DegradedBatches, epoch: int) -> tuple[torch.Tensor, torch.Tensor]:
    given, target = zip(*made.epoch(epoch), strict=True)
    return torch.cat(given), torch.cat(target)


def test_each_patch_loses_one_thing_that_is_noted_beside_it() -> None:
    given, target = whole(batches(), 1)

    kinds = target[:, 1, 0, 0]
    assert torch.equal(target[:, :1], (patch() * 255).to(torch.uint8).float().expand(90, 1, 50, 50) / 255)
    assert all(20 <= int((kinds == kind).sum()) <= 40 for kind in range(3))
    noise = (given - target[:, :1])[kinds == 0] * 255
    assert float(noise.std()) == pytest.approx(25, rel=0.02)
    scaled = {tuple(one.flatten().tolist()) for one in given[kinds == 1]}
    assert scaled == {tuple(rescaled(target[0, :1], f).flatten().tolist()) for f in (2, 3, 4)}
    qualities = {tuple(one.flatten().tolist()) for one in given[kinds == 2]}
    assert len(qualities) > 15


def test_it_follows_from_seed_epoch_and_patch_alone() -> None:
    given = whole(batches(), 1)[0]

    assert torch.equal(given, whole(batches(size=16), 1)[0])
    assert not torch.equal(given, whole(batches(), 2)[0])
    assert not torch.equal(given, whole(batches(seed=1), 1)[0])


def test_in_tests_each_patch_has_each_kind() -> None:
    assert whole(batches(each=30), 0)[1][:, 1, 0, 0].tolist() == [0] * 30 + [1] * 30 + [2] * 30
