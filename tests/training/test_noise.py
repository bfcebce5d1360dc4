"""Patches and their noise: cut where they should be, as strong as asked for, and the same again."""

from __future__ import annotations

import pytest
import torch

from netdsl.training import holding
from netdsl.training.batches import Batches, Share
from netdsl.training.data.dataset import HeldImages, HeldSplit
from netdsl.training.degradation import Degradation
from netdsl.training.noise import DegradedBatches, cut
from netdsl.training.transforms import InTurn
from tests.training.networks import fault_of

AS_THEY_ARE = InTurn(())


def pictures(count: int, height: int, width: int) -> HeldImages:
    numbers = torch.arange(count * height * width) % 251
    return HeldImages(numbers.to(torch.uint8).view(count, 1, height, width))


@pytest.mark.parametrize(("stride", "corners"), [(None, [0, 4]), (3, [0, 3, 6]), (4, [0, 4])])
def test_patches_are_windows_of_the_picture(stride: int | None, corners: list[int]) -> None:
    given = pictures(2, 10, 10)

    split = cut(given, AS_THEY_ARE, (1, 4, 4), stride)

    windows = [
        given[number][:, row : row + 4, column : column + 4]
        for number in range(2)
        for row in corners
        for column in corners
    ]
    assert torch.equal(split.images.values, torch.stack(windows))
    assert split.labels.tolist() == list(range(len(windows)))


def test_a_picture_smaller_than_a_patch_is_told() -> None:
    assert fault_of(lambda: cut(pictures(1, 10, 3), AS_THEY_ARE, (1, 4, 4), None)) == ("image-size", 1)


def test_patches_that_do_not_fit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "HELD_BYTES", 99)

    assert fault_of(lambda: cut(pictures(1, 10, 10), AS_THEY_ARE, (1, 4, 4), 1)) == ("too-many-patches", 1)


def noisy(
    sigma: tuple[float, float], *, shuffled: bool = True, size: int = 8, seed: int = 0
) -> DegradedBatches:
    """Grey patches of one value with noise."""
    values = torch.full((40, 1, 32, 32), 51, dtype=torch.uint8)
    split = HeldSplit(HeldImages(values), torch.arange(40))
    clean = Batches(split=split, prepare=None, augment=None, size=size, seed=seed, shuffled=shuffled)
    return DegradedBatches(clean, Degradation(sigma), seed)


def whole(batches: DegradedBatches, epoch: int) -> tuple[torch.Tensor, torch.Tensor]:
    first, second = zip(*batches.epoch(epoch), strict=True)
    return torch.cat(first), torch.cat(second)[:, :-1]


def test_noise_has_the_strength_asked_for_and_is_not_clipped() -> None:
    given, clean = whole(noisy((25, 25)), 1)

    noise = (given - clean) * 255
    assert torch.equal(clean, torch.full_like(clean, 0.2))
    assert float(noise.std()) == pytest.approx(25, rel=0.02)
    assert float(noise.mean()) == pytest.approx(0, abs=0.5)
    assert float(given.min()) < 0


def test_a_range_gives_each_patch_a_strength_of_its_own() -> None:
    given, clean = whole(noisy((5, 55)), 1)

    strengths = ((given - clean) * 255).flatten(1).std(dim=1)

    assert 4.5 < float(strengths.min()) < 15
    assert 45 < float(strengths.max()) < 60
    assert float(strengths.mean()) == pytest.approx(30, abs=6)


def test_noise_follows_from_seed_epoch_and_patch_alone() -> None:
    in_order = whole(noisy((25, 25), shuffled=False), 1)[0]

    assert torch.equal(in_order, whole(noisy((25, 25), shuffled=False, size=16), 1)[0])
    assert not torch.equal(in_order, whole(noisy((25, 25), shuffled=False), 2)[0])
    assert not torch.equal(in_order, whole(noisy((25, 25), shuffled=False, seed=1), 1)[0])
    assert not torch.equal(in_order[0], in_order[1])


def test_noise_leaves_torch_s_own_chance_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)

    torch.manual_seed(5)
    whole(noisy((25, 25)), 1)

    assert torch.equal(torch.rand(1), expected)


def test_shares_and_what_is_left_of_an_epoch_have_the_same_noise() -> None:
    given, clean = whole(noisy((25, 25), size=16), 3)
    parts = [noisy((25, 25), size=16).shared(Share(rank, 2)) for rank in range(2)]

    shares = zip(*(part.epoch(3, 1) for part in parts), strict=True)
    joined = [torch.cat(part) for batch in shares for part in zip(*batch, strict=True)]

    assert torch.equal(torch.cat(joined[0::2]), given[16:])
    assert torch.equal(torch.cat(joined[1::2])[:, :-1], clean[16:])
