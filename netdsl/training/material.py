"""A data set and a recipe → batches that fit a network, and the scaling of their bytes.

What is the same for every image in every epoch is done once, here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from netdsl.diagnostics import fault
from netdsl.training.augment.words import augmentation
from netdsl.training.batches import Batches, Supply, hold
from netdsl.training.choices import Recipe
from netdsl.training.data.dataset import DataSet, ImageFiles, Split
from netdsl.training.network import TrainableNetwork
from netdsl.training.transforms import (
    Fitted,
    ImageShape,
    Scaling,
    Transform,
    channels_only,
    chooses_size,
    scaling,
    sizing,
)

STATISTICS_IMAGES = 1000
"""Images that mean and deviation are taken from where a split does not fit into memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What a training takes in."""

    train: Supply
    test: Supply
    scaling: Scaling
    remarks: tuple[str, ...] = ()
    """What has to be known of the data to judge the figures."""
    validation: Supply | None = None
    """What is kept of the training data to decide by."""


def prepare(network: TrainableNetwork, recipe: Recipe, data: DataSet, say: Callable[[str], None]) -> Material:
    """The batches and the scaling of a data set for a network.

    Raises:
        Faults: its images cannot be brought to the network's input; exit code 1 or 3.
    """
    shape = image_shape(network)
    test = evaluation_batches(network, recipe, data, say)
    whole = chooses_size(recipe.augment)
    size = Fitted(sizing(recipe.prepare, shape), shape, "prepare")
    first: Transform = channels_only(recipe.prepare, shape) if whole else size
    have_many_sizes = isinstance(data.train.images, ImageFiles)
    held = None if whole and have_many_sizes else hold(data.train, first, shape, say)
    augment = augmentation(recipe.augment)
    train = Batches(
        split=held or data.train,
        prepare=None if held else first,
        augment=None if augment is None else Fitted(augment, shape, "augment"),
        size=recipe.batch,
        seed=recipe.seed,
        shuffled=True,
        workers=recipe.workers,
    )
    train.try_out()

    def own() -> torch.Tensor:
        return held.images.values if held and not whole else _some(data.train, size)

    remarks = () if data.remark is None else (data.remark,)
    return Material(train, test, scaling(recipe.prepare, own, shape[0]), remarks)


def evaluation_batches(
    network: TrainableNetwork, recipe: Recipe, data: DataSet, say: Callable[[str], None]
) -> Batches:
    """The test part of a data set for a network: sized, in its own order.

    Raises:
        Faults: its images cannot be brought to the network's input; exit code 1 or 3.
    """
    shape = image_shape(network)
    size = Fitted(sizing(recipe.prepare, shape), shape, "prepare")
    size(data.test.images[0])
    held = hold(data.test, size, shape, say)
    return Batches(
        split=held or data.test,
        prepare=None if held else size,
        augment=None,
        size=recipe.batch,
        seed=recipe.seed,
        shuffled=False,
        workers=recipe.workers,
    )


def image_shape(network: TrainableNetwork) -> ImageShape:
    """The network's input as an image's shape.

    Raises:
        Faults: it is none; exit code 1.
    """
    if len(network.input) != 3:
        shape = "×".join(map(str, network.input))
        message = f"`{network.name}` takes {shape}, which is no image"
        help = "give it an input of `[channels, height, width]`, and a `flatten` if need be"
        raise fault("input-not-image", message, exit_code=1, help=help)
    channels, height, width = network.input
    return channels, height, width


def _some(split: Split, size: Transform) -> torch.Tensor:
    """Images, sized, spread evenly over a split that is not in memory."""
    step = max(1, len(split) // STATISTICS_IMAGES)
    return torch.stack([size(split.images[index]) for index in range(0, len(split), step)])
