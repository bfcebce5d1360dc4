"""A share of the training data kept from learning, to decide by: which epoch is best, and when to stop.

The test part decides nothing, or its figures would be of a network that was chosen by them.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from netdsl.diagnostics import fault
from netdsl.training.data.dataset import DataSet, HeldImages, ImageFiles, Split
from netdsl.training.seeds import VALIDATION, derived


def hold_out(data: DataSet, share: float, seed: int) -> tuple[DataSet, DataSet]:
    """A data set without a share of its training images, and one whose test images they are.

    Of each class that share is taken, rounded; which images, follows from the seed.

    Raises:
        Faults: no image is left for one of the two; exit code 2.
    """
    generator = torch.Generator().manual_seed(derived(VALIDATION, seed))
    order = torch.randperm(len(data.train), generator=generator)
    labels = data.train.labels[order]
    is_held = torch.zeros(len(order), dtype=torch.bool)
    for label in torch.unique(labels):
        places = (labels == label).nonzero()[:, 0]
        is_held[places[: round(len(places) * share)]] = True
    kept, held = order[~is_held].sort().values, order[is_held].sort().values
    if not len(kept) or not len(held):
        parts = f"{len(kept):,} and {len(held):,}"
        message = f"`validate: {share:g}` parts {len(order):,} training images into {parts}"
        raise fault("validation-empty", message, help="take another share, or leave `validate` out")
    return replace(data, train=_some(data.train, kept)), replace(data, test=_some(data.train, held))


def _some(split: Split, numbers: torch.Tensor) -> Split:
    labels = split.labels[numbers]
    if isinstance(split.images, HeldImages):
        return Split(HeldImages(split.images.values[numbers]), labels)
    assert isinstance(split.images, ImageFiles), "images are in memory or in files"
    paths = [split.images.paths[number] for number in numbers.tolist()]
    return Split(replace(split.images, paths=paths), labels)
