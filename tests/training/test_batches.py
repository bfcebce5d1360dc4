"""Batches: every image once an epoch, in an order and with chances that follow from the seed alone."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch

from netdsl.diagnostics import Faults
from netdsl.training.augment.words import augmentation
from netdsl.training.batches import Augment, Batches, Share
from netdsl.training.damage import Damaged
from netdsl.training.data.dataset import HeldImages, ImageFiles, Split
from netdsl.training.seeds import Chance
from netdsl.training.transforms import Fitted, InTurn, sizing
from tests.training.data.test_folder import draw
from tests.training.networks import fault_of, uses


def numbered(count: int) -> Split:
    """Images whose one pixel is their number, which is their label as well."""
    return Split(HeldImages(torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1)), torch.arange(count))


def noisy(images: torch.Tensor, chance: Chance) -> torch.Tensor:
    return images + chance.below(100).byte().view(-1, 1, 1, 1)


AS_THEY_ARE = InTurn(())


def cut(
    count: int,
    size: int,
    *,
    shuffled: bool = True,
    augment: Augment | None = None,
    workers: int = 0,
    seed: int = 3,
) -> Batches:
    return Batches(
        split=numbered(count),
        prepare=AS_THEY_ARE if workers else None,
        augment=augment,
        size=size,
        seed=seed,
        shuffled=shuffled,
        workers=workers,
    )


def labels(batches: Batches, epoch: int) -> list[list[int]]:
    return [labels.tolist() for _, labels in batches.epoch(epoch)]


def pixels(batches: Batches, epoch: int) -> list[int]:
    return torch.cat([images for images, _ in batches.epoch(epoch)]).flatten().tolist()


def test_an_epoch_has_each_image_once_with_its_label() -> None:
    batches = cut(50, 8)

    assert pixels(batches, 1) == [label for group in labels(batches, 1) for label in group]
    assert sorted(pixels(batches, 1)) == list(range(50))
    assert [len(group) for group in labels(batches, 1)] == [8] * 6 + [2]


def test_epochs_differ_and_repeat() -> None:
    assert pixels(cut(50, 8), 1) == pixels(cut(50, 16), 1)
    assert pixels(cut(50, 8), 1) != pixels(cut(50, 8), 2)
    assert pixels(cut(50, 8), 1) != pixels(cut(50, 8, seed=4), 1)


def test_test_data_keep_their_order() -> None:
    assert pixels(cut(50, 8, shuffled=False), 0) == list(range(50))


@pytest.mark.parametrize(("count", "sizes"), [(17, [8, 9]), (1, [1]), (9, [9]), (16, [8, 8]), (10, [8, 2])])
def test_no_image_is_left_alone_in_a_batch(count: int, sizes: list[int]) -> None:
    """A batch normalisation cannot learn from one image; a last one joins the batch before."""
    batches = cut(count, 8)

    assert [len(group) for group in labels(batches, 1)] == sizes
    assert len(batches.starts) == len(sizes)


def test_a_batch_of_one_is_what_was_asked_for() -> None:
    assert labels(cut(3, 1, shuffled=False), 0) == [[0], [1], [2]]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_goes_on_where_it_is_told(workers: int) -> None:
    batches = cut(30, 8, augment=noisy, workers=workers)

    assert pixels(batches, 4)[16:] == torch.cat([i for i, _ in batches.epoch(4, 2)]).flatten().tolist()
    assert list(batches.epoch(4, 4)) == []


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("augment", [None, noisy])
@pytest.mark.parametrize("ranks", [1, 2, 3, 5])
def test_shares_make_up_each_batch(ranks: int, augment: Augment | None, workers: int) -> None:
    whole = cut(18, 8, augment=augment, workers=0)  # batches of 8, 8 and 2: fewer than ranks
    parts = [cut(18, 8, augment=augment, workers=workers).shared(Share(r, ranks)) for r in range(ranks)]

    assert all(len(part) == 18 and list(part.starts) == [0, 8, 16] for part in parts)
    for (images, numbers), *shares in zip(whole.epoch(2), *(p.epoch(2) for p in parts), strict=True):
        assert torch.equal(torch.cat([share for share, _ in shares]), images)
        assert torch.equal(torch.cat([share for _, share in shares]), numbers)
        lengths = [len(share) for share, _ in shares]
        assert max(lengths) - min(lengths) <= 1


def by_label(batches: Batches, epoch: int) -> dict[int, int]:
    """Each image's pixel by its label."""
    pairs = [
        pair for images, labels in batches.epoch(epoch) for pair in zip(labels, images.flatten(), strict=True)
    ]
    return {int(label): int(pixel) for label, pixel in pairs}


def test_an_image_s_chances_do_not_depend_on_its_company() -> None:
    """Another batch size, or the generator in another state, changes no image."""
    torch.manual_seed(1)
    one = by_label(cut(50, 8, augment=noisy), 5)
    torch.manual_seed(2)
    other = by_label(cut(50, 32, augment=noisy), 5)

    assert one == other
    assert len({pixel - label for label, pixel in one.items()}) > 20


def test_an_image_s_chances_change_from_epoch_to_epoch() -> None:
    batches = cut(50, 50, shuffled=False, augment=noisy)

    assert pixels(batches, 1) != pixels(batches, 2)


def test_workers_make_the_same_batches() -> None:
    alone, helped = cut(30, 8, augment=noisy), cut(30, 8, augment=noisy, workers=2)

    assert pixels(alone, 4) == pixels(helped, 4)
    assert labels(alone, 4) == labels(helped, 4)


def files(folder: Path, count: int) -> Split:
    return Split(
        ImageFiles([draw(folder / f"{number}.png", seed=number) for number in range(count)]),
        torch.arange(count),
    )


def halved(images: torch.Tensor) -> torch.Tensor:
    return images[..., ::2, ::2]


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_found_damaged_on_the_way_is_named(tmp_path: Path, workers: int) -> None:
    split = files(tmp_path, 3)
    (tmp_path / "2.png").write_bytes(b"no image")
    batches = Batches(
        split=split, prepare=halved, augment=None, size=2, seed=0, shuffled=False, workers=workers
    )

    assert fault_of(lambda: list(batches.epoch(1))) == ("damaged-image", 3)


@pytest.mark.parametrize("workers", [0, 1])
def test_damaged_images_are_left_out_where_that_is_asked_for(tmp_path: Path, workers: int) -> None:
    split = files(tmp_path, 8)
    said: list[str] = []
    for number in (2, 5, 6, 7):
        (tmp_path / f"{number}.png").write_bytes(b"no image")
    damaged = Damaged(skips=True, say=said.append)
    batches = Batches(
        split=split,
        prepare=halved,
        augment=noisy,
        size=6,
        seed=0,
        shuffled=False,
        workers=workers,
        damaged=damaged,
    )

    images, numbers = next(batches.epoch(1))

    assert numbers.tolist() == [0, 1, 3, 4]
    assert torch.equal(images[2], batches.batch(1, torch.tensor([3]))[0][0])
    assert len(said) == 2
    assert said[0].startswith(f"left out: `{tmp_path / '2.png'}` cannot be read as an image")
    assert damaged.remarks[0].startswith("2 damaged images are left out: ")
    with pytest.raises(Faults):  # the second batch has none that can be read
        list(batches.epoch(1, 1))


def test_images_of_many_sizes_are_augmented_as_alone(tmp_path: Path) -> None:
    """What chooses the size itself is given them as they are."""
    shapes = [(20, 30), (31, 17), (24, 24), (20, 30)]
    paths = [draw(tmp_path / f"{n}.png", size=shape, seed=n) for n, shape in enumerate(shapes)]
    augment = augmentation(uses("augment", "random_resized_crop(8) -> hflip -> randaugment"))
    batches = Batches(
        split=Split(ImageFiles(paths), torch.arange(4)),
        prepare=AS_THEY_ARE,
        augment=augment,
        size=4,
        seed=0,
        shuffled=False,
    )

    images, numbers = next(batches.epoch(2))

    assert images.shape == (4, 3, 8, 8)
    for number, image in zip(numbers, images, strict=True):
        assert torch.equal(batches.batch(2, number[None])[0][0], image)


def test_batches_survive_the_way_to_another_process() -> None:
    """Where processes are not forked, workers get their batches as pickles."""
    augment = augmentation(uses("augment", "random_crop(8, padding=1) -> hflip -> randaugment"))
    assert augment is not None
    batches = Batches(
        split=Split(HeldImages(torch.arange(640, dtype=torch.uint8).view(10, 1, 8, 8)), torch.arange(10)),
        prepare=sizing((), (1, 8, 8)),
        augment=Fitted(augment, (1, 8, 8), "augment"),
        size=4,
        seed=0,
        shuffled=True,
    )

    again = pickle.loads(pickle.dumps(batches))  # noqa: S301 - made here

    assert pixels(again, 3) == pixels(batches, 3)
