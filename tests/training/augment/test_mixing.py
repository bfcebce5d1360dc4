"""Mixed images and labels: torchvision's, given the same draws; whom with, by the image alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from scipy import stats
from torch.nn import functional as F
from torchvision.transforms import v2

from netdsl.training.augment.mixing import CutMix, Mixing, MixUp
from netdsl.training.batches import Batches, Share
from netdsl.training.choices import complete
from netdsl.training.data.dataset import HeldImages, ImageFiles, Split
from netdsl.training.recipe import resolve_recipe
from netdsl.training.seeds import MIX, Chance
from netdsl.training.tasks.classify import Classify
from netdsl.training.transforms import InTurn
from tests.training.data.test_folder import draw
from tests.training.networks import faults_of, section

COUNT, CLASSES = 60, 4


def pair(dtype: torch.dtype = torch.uint8) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    both = torch.randint(0, 256, (2, COUNT, 3, 12, 10), dtype=torch.uint8, generator=generator)
    return both[0].to(dtype), both[1].to(dtype)


def chance(seed: int = 0, count: int = COUNT) -> Chance:
    return Chance(seed, 1, torch.arange(count), MIX)


def theirs(
    transform: object, image: torch.Tensor, other: torch.Tensor, params: dict[str, object]
) -> torch.Tensor:
    """torchvision's, which mixes an image with the one before it."""
    both = torch.stack([other, image])
    made: torch.Tensor = transform.transform(both, params | {"labels": None, "batch_size": 2})  # type: ignore[attr-defined]
    return made[1]


def test_mixup_is_torchvision_s_but_for_the_rounding_to_bytes() -> None:
    images, others = pair(torch.float32)

    mixed, own = MixUp(0.4, 1)(images, others, chance())
    as_bytes, _ = MixUp(0.4, 1)(*pair(), chance())

    for image, other, made, share in zip(images, others, mixed, own.tolist(), strict=True):
        assert torch.allclose(made, theirs(v2.MixUp(), image, other, {"lam": share}), atol=1e-4)
    assert as_bytes.dtype == torch.uint8
    assert (as_bytes.float() - mixed).abs().max() <= 0.501


def test_cutmix_is_torchvision_s() -> None:
    images, others = pair()
    marked, own = CutMix(1, 1)(torch.zeros_like(images), torch.ones_like(others), chance())

    mixed, _ = CutMix(1, 1)(images, others, chance())

    for image, other, made, mark, share in zip(images, others, mixed, marked, own.tolist(), strict=True):
        rows, columns = (mark[0].amax(dim=axis).nonzero()[:, 0].tolist() for axis in (1, 0))
        box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) if rows else (0, 0, 0, 0)
        assert torch.equal(made, theirs(v2.CutMix(num_classes=2), image, other, {"box": box}))
        assert share == pytest.approx(1 - float(mark[0].float().mean()))


@pytest.mark.parametrize(("ours", "transform", "name"), [
    (MixUp(0.2, 1), v2.MixUp(alpha=0.2, num_classes=2), "lam"),
    (CutMix(1, 1), v2.CutMix(alpha=1.0, num_classes=2), "lam_adjusted"),
    (CutMix(0.5, 1), v2.CutMix(alpha=0.5, num_classes=2), "lam_adjusted"),
])  # fmt: skip
def test_shares_are_drawn_as_torchvision_draws_them(
    ours: MixUp | CutMix, transform: object, name: str
) -> None:
    images = torch.zeros(2000, 1, 16, 16)
    torch.manual_seed(3)
    drawn = [transform.make_params([images])[name] for _ in range(2000)]  # type: ignore[attr-defined]

    _, own = ours(images, images, chance(count=2000))

    assert stats.ks_2samp(own, drawn).pvalue > 0.001


def test_it_happens_to_its_share_and_leaves_the_others_alone() -> None:
    images, others = torch.zeros(2000, 1, 4, 4), torch.ones(2000, 1, 4, 4)

    mixed, own = MixUp(1, 0.3)(images, others, chance(count=2000))

    assert stats.binomtest(int((own < 1).sum()), 2000, 0.3).pvalue > 0.001
    assert torch.equal(mixed[own == 1], images[own == 1])


def batches(split: Split, size: int = 16, workers: int = 0) -> Batches:
    return Batches(
        split=split,
        prepare=InTurn(()) if isinstance(split.images, ImageFiles) else None,
        augment=None,
        mix=Mixing((MixUp(1, 1), CutMix(1, 0.5)), CLASSES),
        size=size,
        seed=5,
        shuffled=True,
        workers=workers,
    )


def held() -> Split:
    return Split(HeldImages(pair()[0]), torch.arange(COUNT) % CLASSES)


def by_image(supply: Batches) -> dict[tuple[int, ...], torch.Tensor]:
    """Targets of an epoch by the first pixels of their images."""
    pairs = [p for images, targets in supply.epoch(2) for p in zip(images, targets, strict=True)]
    return {tuple(image.flatten()[:24].tolist()): target for image, target in pairs}


def test_an_image_is_mixed_the_same_whatever_batch_it_is_in() -> None:
    whole, smaller = by_image(batches(held())), by_image(batches(held(), size=7))
    parts = [by_image(batches(held()).shared(Share(rank, 3))) for rank in range(3)]

    assert len(whole) == COUNT
    for other in (smaller, parts[0] | parts[1] | parts[2]):
        assert whole.keys() == other.keys()
        assert all(torch.equal(whole[image], other[image]) for image in whole)
    assert all(float(target.sum()) == pytest.approx(1, abs=1e-6) for target in whole.values())
    assert len({int((target > 0).sum()) for target in whole.values()} & {2, 3}) == 2


def test_files_are_mixed_by_workers_as_without(tmp_path: Path) -> None:
    paths = [draw(tmp_path / f"{number}.png", seed=number) for number in range(12)]
    split = Split(ImageFiles(paths), torch.arange(12) % CLASSES)

    alone, helped = by_image(batches(split, 6)), by_image(batches(split, 6, workers=1))

    assert alone.keys() == helped.keys()
    assert all(torch.equal(alone[image], helped[image]) for image in alone)


def test_the_loss_of_mixed_labels_is_the_mixed_loss() -> None:
    """Zhang et al. 2017: both are the same for the cross-entropy."""
    task = Classify(complete({}))
    output = torch.randn(8, CLASSES, generator=torch.Generator().manual_seed(0))
    first, second = torch.arange(8) % CLASSES, (torch.arange(8) + 1) % CLASSES
    target = 0.7 * F.one_hot(first, CLASSES).float() + 0.3 * F.one_hot(second, CLASSES).float()

    mixed = 0.7 * F.cross_entropy(output, first) + 0.3 * F.cross_entropy(output, second)

    assert torch.allclose(task.loss(output, target), mixed, atol=1e-6)
    assert task.notes(output, output, target)["label"].tolist() == first.tolist()


@pytest.mark.parametrize(("text", "code"), [
    ("augment: mixup\nloss: lenet1998", "recipe-keys"),
    ("task: binary\ndata: folder:x\naugment: hflip -> cutmix", "word-of-other-task"),
    ("task: denoise\ndata: photographs\naugment: mixup", "word-of-other-task"),
])  # fmt: skip
def test_what_takes_no_mixed_labels_is_told(text: str, code: str) -> None:
    found, exit_code = faults_of(lambda: resolve_recipe(section(text), {}, {}))

    assert ([d.code for d in found], exit_code) == ([code], 1)
