"""A share of the training data that decides, and trainings that end by it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from netdsl.training.choices import Recipe
from netdsl.training.data.dataset import DataSet, HeldImages, ImageFiles, Split
from netdsl.training.run import best_epoch, is_over
from netdsl.training.validation import hold_out
from tests.training.networks import fault_of


def data(counts: tuple[int, ...], *, files: bool = False) -> DataSet:
    """Images that are their own numbers, so many of each class."""
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    values = torch.arange(len(labels), dtype=torch.uint8)[:, None, None, None]
    images = ImageFiles([Path(str(number)) for number in range(len(labels))]) if files else HeldImages(values)
    return DataSet(
        name="numbers",
        classes=tuple("abcdef"[: len(counts)]),
        train=Split(images, labels),
        test=Split(HeldImages(values[:1]), labels[:1]),
        fingerprint="",
    )


def numbers(split: Split) -> list[int]:
    if isinstance(split.images, ImageFiles):
        return [int(str(path)) for path in split.images.paths]
    return [int(split.images[index]) for index in range(len(split))]


@pytest.mark.parametrize("files", [False, True])
def test_every_training_image_is_learned_from_or_decides(files: bool) -> None:
    """Each is in one of the two, with its label; of each class the same share decides."""
    whole = data((40, 20, 10), files=files)

    kept, held = hold_out(whole, 0.2, seed=3)

    assert sorted(numbers(kept.train) + numbers(held.test)) == list(range(70))
    assert held.test.labels.bincount().tolist() == [8, 4, 2]
    for split in (kept.train, held.test):
        assert split.labels.tolist() == [int(whole.train.labels[number]) for number in numbers(split)]
    assert kept.test is whole.test


def test_which_images_decide_follows_from_the_seed() -> None:
    one, again, other = (numbers(hold_out(data((50,)), 0.1, seed)[1].test) for seed in (1, 1, 2))

    assert one == again
    assert one != other


@pytest.mark.parametrize(("counts", "share"), [((4, 4), 0.1), ((1,), 0.9), ((1, 1), 0.6)])
def test_a_share_that_leaves_nothing_is_refused(counts: tuple[int, ...], share: float) -> None:
    assert fault_of(lambda: hold_out(data(counts), share, 0)) == ("validation-empty", 2)


def rows(*losses: float) -> list[dict[str, float]]:
    return [{"epoch": number, "validation_loss": loss} for number, loss in enumerate(losses, 1)]


def test_the_best_epoch_has_the_lowest_validation_loss() -> None:
    assert best_epoch([]) == 0
    assert best_epoch(rows(3, 1, 2, 1)) == 2


def test_a_training_ends_with_its_epochs_or_when_no_better_one_comes() -> None:
    recipe = Recipe(epochs=6, validate=0.1, stop_early=2)

    assert not is_over([], recipe)
    assert not is_over(rows(3, 2, 4), recipe)
    assert is_over(rows(3, 2, 4, 2), recipe)
    assert not is_over(rows(3, 2, 4, 1, 1), recipe)
    assert is_over(rows(6, 5, 4, 3, 2, 1), recipe)
    assert not is_over(rows(1, 2, 3, 4, 5), Recipe(epochs=6, validate=0.1))
