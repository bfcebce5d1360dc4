"""A data set and a recipe → batches that fit a network, and the scaling of their bytes.

What is the same for every image in every epoch is done once, here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from netdsl.diagnostics import fault
from netdsl.training.batches import Batches, hold
from netdsl.training.choices import Recipe
from netdsl.training.data.dataset import DataSet, HeldImages, Split
from netdsl.training.network import TrainableNetwork
from netdsl.training.transforms import (
    ImageShape,
    Scaling,
    Transform,
    augmentation,
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

    train: Batches
    test: Batches
    scaling: Scaling


def prepare(network: TrainableNetwork, recipe: Recipe, data: DataSet, say: Callable[[str], None]) -> Material:
    """The batches and the scaling of a data set for a network.

    Raises:
        Faults: its images cannot be brought to the network's input; exit code 1 or 3.
    """
    shape = image_shape(network)
    size = sizing(recipe.prepare, shape)
    augment = augmentation(recipe.augment)
    check_sizing(size, data.test, shape, "prepare")
    whole = chooses_size(recipe.augment)
    trained_on = hold(data.train, size, shape, say) if not whole else None
    tested_on = hold(data.test, size, shape, say)
    first = channels_only(recipe.prepare, shape) if whole else size
    transform = augment if trained_on is not None else _both(first, augment)
    if augment is not None:
        check_sizing(_both(first, augment), data.train, shape, "augment")
    train = Batches(
        split=trained_on or data.train,
        transform=transform,
        size=recipe.batch,
        seed=recipe.seed,
        shuffled=True,
        workers=_workers(recipe, trained_on),
    )
    test = Batches(
        split=tested_on or data.test,
        transform=None if tested_on else size,
        size=recipe.batch,
        seed=recipe.seed,
        shuffled=False,
        workers=_workers(recipe, tested_on),
    )
    scale = scaling(recipe.prepare, lambda: _sample(trained_on or data.train, size), shape[0])
    return Material(train, test, scale)


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


def check_sizing(size: Transform, split: Split, shape: ImageShape, key: str) -> None:
    """Whether an image comes out as the network takes it.

    Raises:
        Faults: it does not; exit code 1.
    """
    image = split.images[0]
    given = "×".join(map(str, image.shape))
    wanted = "×".join(map(str, shape))
    help = (
        f"let `{key}` end at {shape[1]}×{shape[2]}; without a size, images are resized to the network's input"
    )
    try:
        result = tuple(size(image).shape)
    except ValueError as error:
        message = f"`{key}` cannot be applied to an image of {given}: {str(error).lower()}"
        raise fault("image-size", message, exit_code=1, help=help) from None
    if result != shape:
        message = (
            f"`{key}` makes {'×'.join(map(str, result))} of an image of {given}, the network takes {wanted}"
        )
        raise fault("image-size", message, exit_code=1, help=help)


def _both(first: Transform, second: Transform | None) -> Transform:
    return first if second is None else lambda image: second(first(image))


def _workers(recipe: Recipe, held: Split | None) -> int | None:
    """Images in memory are cut into batches by this process: handing them over would cost more."""
    return 0 if held is not None else recipe.workers


def _sample(split: Split, size: Transform) -> torch.Tensor:
    """Images, sized, that a split's own mean and deviation are taken from: all that are in memory, else some
    spread evenly over it."""
    if isinstance(split.images, HeldImages):
        return split.images.values
    step = max(1, len(split) // STATISTICS_IMAGES)
    return torch.stack([size(split.images[index]) for index in range(0, len(split), step)])
