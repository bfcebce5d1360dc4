"""A data set and a recipe → batches that fit a network, and the scaling of their bytes.

What is the same for every image in every epoch is done once, here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from netdsl.diagnostics import Diagnostic, Faults, fault
from netdsl.training.augment.mixing import mixing
from netdsl.training.augment.words import augmentation
from netdsl.training.batches import Batches, Supply
from netdsl.training.catalog.images import FINISHING, SIZING
from netdsl.training.choices import Recipe, Use
from netdsl.training.damage import Damaged
from netdsl.training.data.dataset import DataSet, ImageFiles, Split
from netdsl.training.holding import hold
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
    spelled,
    whiten_of,
)
from netdsl.training.whitening import MOST_IMAGES, MOST_VALUES, Whitening, fit_whitening

MIXED = (
    "training images are mixed: accuracy in training is of the class that has the most of an image, "
    "which no network can always know"
)
FEW = "in directions in which these do not differ, `epsilon` alone says how much others are stretched"
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
    whitening: Callable[[], Whitening] | None = None
    """Fits the whitening that the recipe asks for, if it does, to the training images."""

    def on(self, device: torch.device) -> Material:
        """The same for a device: batches of images come from where it gets them soonest."""
        train, test = _on(self.train, device), _on(self.test, device)
        validation = None if self.validation is None else _on(self.validation, device)
        return replace(self, train=train, test=test, validation=validation)


def _on(supply: Supply, device: torch.device) -> Supply:
    return supply.on(device) if isinstance(supply, Batches) else supply


def prepare(network: TrainableNetwork, recipe: Recipe, data: DataSet, say: Callable[[str], None]) -> Material:
    """The batches and the scaling of a data set for a network.

    Raises:
        Faults: its images cannot be brought to the network's input; exit code 1 or 3.
    """
    shape = image_shape(network)
    _check_whitened(network, recipe.prepare)
    whole = chooses_size(recipe.augment)
    damaged = Damaged(recipe.damaged == "skip", say)
    test = evaluation_batches(network, recipe, data, say, damaged)
    size = Fitted(sizing(recipe.prepare, shape), shape, "prepare")
    first: Transform = channels_only(recipe.prepare, shape) if whole else size
    split = data.train if whole else with_enough(data.train, recipe.prepare, shape)
    have_many_sizes = whole and isinstance(split.images, ImageFiles)
    held = None if have_many_sizes else hold(split, first, shape, say, damaged, made(recipe, shape))
    augment, mix = augmentation(recipe.augment), mixing(recipe.augment, len(data.classes))
    train = Batches(
        split=held or split,
        prepare=None if held else first,
        augment=None if augment is None else Fitted(augment, shape, "augment"),
        mix=mix,
        size=recipe.batch,
        seed=recipe.seed,
        shuffled=True,
        workers=recipe.workers,
        damaged=damaged,
    )
    train.try_out()

    def own(most: int = STATISTICS_IMAGES) -> torch.Tensor:
        return held.images.values if held and not whole else _some(split, size, damaged, most)

    scale = scaling(recipe.prepare, own, shape[0])
    remarks = [] if data.remark is None else [data.remark]
    remarks += [MIXED] if mix else []
    material = Material(train, test, scale, (*remarks, *damaged.remarks))
    whiten = whiten_of(recipe.prepare)
    return material if whiten is None else _whitened(material, whiten, own, math.prod(shape), say)


def _whitened(
    material: Material,
    whiten: Use,
    own: Callable[[int], torch.Tensor],
    values: int,
    say: Callable[[str], None],
) -> Material:
    """Material whose images, of so many values, are to be whitened by figures of those that are learned from:
    `own` gives so many of them, or more, as bytes."""

    def fit() -> Whitening:
        images = own(MOST_IMAGES)
        images = images[:: max(1, len(images) // MOST_IMAGES)]
        say(f"fitting `whiten` to {len(images):,} images of {values:,} values")
        return fit_whitening(images, material.scaling, **whiten.arguments)

    few = f"`whiten` is fitted to {len(material.train):,} images of {values:,} values: {FEW}"
    remarks = (*material.remarks, few) if len(material.train) <= values else material.remarks
    return replace(material, whitening=fit, remarks=remarks)


def _check_whitened(network: TrainableNetwork, prepare: Sequence[Use]) -> None:
    """Raises:
    Faults: images have more values than can be whitened; exit code 1.
    """
    values = math.prod(network.input)
    if whiten_of(prepare) is not None and values > MOST_VALUES:
        shape = spelled(network.input)
        message = f"`whiten` takes images of up to {MOST_VALUES:,} values; of {shape} they have {values:,}"
        help = "give the network a smaller input, such as 3×32×32, or leave `whiten` out"
        raise fault("whiten-size", message, exit_code=1, help=help)


def evaluation_batches(
    network: TrainableNetwork,
    recipe: Recipe,
    data: DataSet,
    say: Callable[[str], None],
    damaged: Damaged | None = None,
) -> Batches:
    """The test part of a data set for a network: sized, in its own order.

    Raises:
        Faults: its images cannot be brought to the network's input; exit code 1 or 3.
    """
    shape = image_shape(network)
    damaged = damaged or Damaged(recipe.damaged == "skip", say)
    size = Fitted(sizing(recipe.prepare, shape), shape, "prepare")
    split = with_enough(data.test, recipe.prepare, shape)
    held = hold(split, size, shape, say, damaged, made(recipe, shape))
    batches = Batches(
        split=held or split,
        prepare=None if held else size,
        augment=None,
        size=recipe.batch,
        seed=recipe.seed,
        shuffled=False,
        workers=recipe.workers,
        damaged=damaged,
    )
    batches.try_out()
    return batches


def with_enough(split: Split, prepare: Sequence[Use], shape: ImageShape) -> Split:
    """The split, but that files which can be had smaller are decoded smaller, where a resize comes first.

    Not below twice the size that it asks for, so that its own filter has what it averages.
    """
    first = next((use for use in prepare if use.word in SIZING), None)
    if not isinstance(split.images, ImageFiles) or (first is not None and first.word != "resize"):
        return split
    wanted = shape[1:] if first is None else first.arguments["size"]
    longer = max(wanted) if isinstance(wanted, tuple) else wanted
    return Split(replace(split.images, smallest=2 * longer), split.labels)


def made(recipe: Recipe, shape: ImageShape) -> str:
    """What is done to every image before it is kept, in words."""
    steps = " -> ".join(str(use) for use in recipe.prepare if use.word not in FINISHING)
    return f"{steps} to {spelled(shape)}"


def check_one_input(network: TrainableNetwork) -> None:
    """Whether a sample is one tensor, as that of an image is.

    Raises:
        Faults: the network takes several; exit code 1.
    """
    if network.named_inputs:
        names = ", ".join(network.named_inputs)
        message = f"`{network.name}` takes several inputs ({names}), and an image is one"
        help = "only `task: retrieve` has several: an `image` and a `text`"
        raise fault("several-inputs-data", message, exit_code=1, help=help)


def image_shape(network: TrainableNetwork) -> ImageShape:
    """The network's input as an image's shape.

    Raises:
        Faults: it is none; exit code 1.
    """
    check_one_input(network)
    if len(network.input) != 3:
        shape = "×".join(map(str, network.input))
        message = f"`{network.name}` takes {shape}, which is no image"
        help = "give it an input of `[channels, height, width]`, and a `flatten` if need be"
        raise fault("input-not-image", message, exit_code=1, help=help)
    channels, height, width = network.input
    return channels, height, width


def _some(split: Split, size: Transform, damaged: Damaged, most: int) -> torch.Tensor:
    """Images, sized, spread evenly over a split that is not in memory."""
    sized: list[torch.Tensor] = []
    found: list[Diagnostic] = []
    for index in range(0, len(split), max(1, len(split) // most)):
        try:
            sized.append(size(split.images[index]))
        except Faults as faults:
            found += faults.diagnostics
    if not sized:
        raise Faults(found, exit_code=3)
    damaged.add(found)
    return torch.stack(sized)
