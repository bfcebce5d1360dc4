"""Each pixel of a hyperspectral scene told by the window around it.

Pixels beside each other share most of their windows, so that a split at random tests on what was nearly all
seen; a split by blocks does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from matplotlib import colormaps
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from netdsl.diagnostics import fault
from netdsl.training.augment.words import augmentation
from netdsl.training.batches import Supply
from netdsl.training.choices import Recipe
from netdsl.training.confusion import agreement
from netdsl.training.data.scene import Scene
from netdsl.training.material import Material
from netdsl.training.network import TrainableNetwork
from netdsl.training.optimization import make_loss
from netdsl.training.tasks.classify import check_classes
from netdsl.training.tasks.task import Forward, Notes, Say
from netdsl.training.transforms import Fitted, Scaling
from netdsl.training.windows import (
    Parts,
    Windows,
    mirrored,
    principal_components,
    split_at_random,
    split_by_blocks,
)

TEST_SEED = 0


@final
class Hyperspectral:
    """Inputs are windows `(batch, 1, bands, H, W)` or `(batch, bands, H, W)`, outputs `(batch, classes)`."""

    metric = "overall_accuracy"
    samples = "pixels"
    is_labelled = True
    reads_heads = False

    def __init__(self, recipe: Recipe) -> None:
        self._loss = make_loss(recipe.loss)

    def material(self, network: TrainableNetwork, recipe: Recipe, data: Scene, say: Say) -> Material:
        values, parts = _prepared(network, recipe, data)
        augment = augmentation(recipe.augment)
        train = Windows(
            values=values,
            scene=data,
            places=parts.train.nonzero(),
            shape=network.input,
            size=recipe.batch,
            seed=recipe.seed,
            shuffled=True,
            augment=None if augment is None else Fitted(augment, network.input[-3:], "augment"),
        )
        next(train.epoch(1))  # what is wrong with the recipe shows at the first windows already
        remarks = [] if data.remark is None else [data.remark]
        remarks += _remarks(recipe, data, parts)
        return Material(
            train, _tests(network, recipe, data, values, parts), Scaling(None, None), tuple(remarks)
        )

    def test(self, network: TrainableNetwork, recipe: Recipe, data: Scene, say: Say) -> Supply:
        values, parts = _prepared(network, recipe, data)
        return _tests(network, recipe, data, values, parts)

    def loss(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        loss: torch.Tensor = self._loss(output, target)
        return loss

    def notes(self, inputs: torch.Tensor, output: torch.Tensor, target: torch.Tensor) -> Notes:
        return {"seen": output.argmax(dim=1), "label": target}

    def figures(self, notes: Notes) -> dict[str, float]:
        return agreement(notes["label"], notes["seen"])

    def pictures(self, forward: Forward, test: Supply) -> Mapping[str, Figure]:
        assert isinstance(test, Windows)
        seen = torch.cat([forward(windows).argmax(dim=1) for windows, _ in test.epoch(0)])
        return {"map.png": draw_map(test.scene, test.places, seen)}


def _prepared(network: TrainableNetwork, recipe: Recipe, scene: Scene) -> tuple[torch.Tensor, Parts]:
    """The scene's bands as the network takes them, with mirrored borders, and the pixels of both parts.

    Raises:
        Faults: the scene and the network do not go together; exit code 1 or 2.
    """
    check_classes(network, scene)
    shape = network.input
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[0] != 1):
        spelled = "×".join(map(str, shape))
        help = "give it an input of `[1, bands, height, width]` or `[bands, height, width]`"
        message = f"`{network.name}` takes {spelled}, which is no window of a scene"
        raise fault("input-not-window", message, exit_code=1, help=help)
    bands, height, width = shape[-3:]
    components = next((use for use in recipe.prepare if use.word == "pca"), None)
    given = scene.cube.shape[2]
    if given != bands if components is None else given < bands:
        message = f"`{scene.name}` has {given} bands, `{network.name}` takes {bands}"
        help = f"give the network {given}, or fewer with `prepare: pca`"
        raise fault("band-count", message, exit_code=1, help=help)
    values = scene.cube
    if components is not None:
        values = principal_components(values, bands, components.arguments["whiten"])
    return mirrored(values, (height, width)), _split(recipe, scene, (height, width))


def _split(recipe: Recipe, scene: Scene, window: tuple[int, int]) -> Parts:
    arguments = recipe.task.arguments
    if arguments["split"] == "random":
        parts = split_at_random(scene, arguments["train"], recipe.seed)
    else:
        block = arguments["block"] or 2 * max(window)
        parts = split_by_blocks(scene, arguments["train"], block, window, recipe.seed)
    for name, mask in (("learn from", parts.train), ("test", parts.test)):
        if len(scene.truth[mask].unique()) < 2:  # type: ignore[no-untyped-call]
            message = f"the split of `{scene.name}` leaves less than two classes to {name}"
            help = 'take other blocks, `block=`, smaller windows, another `seed`, or `split="random"`'
            raise fault("empty-split", message, exit_code=1, help=help)
    return parts


def _tests(
    network: TrainableNetwork, recipe: Recipe, scene: Scene, values: torch.Tensor, parts: Parts
) -> Windows:
    return Windows(
        values=values,
        scene=scene,
        places=parts.test.nonzero(),
        shape=network.input,
        size=recipe.batch,
        seed=TEST_SEED,
        shuffled=False,
    )


def _remarks(recipe: Recipe, scene: Scene, parts: Parts) -> list[str]:
    """What a split does to the figures."""
    if recipe.task.arguments["split"] == "random":
        overlap = "the split is at random: windows around test pixels overlap those learned from"
        return [f'{overlap}; `split="blocks"` keeps them apart']
    remarks = [f"{parts.left_out:,} pixels are in neither part: test pixels lie in their windows"]
    for what, mask in (("learn from", parts.train), ("test", parts.test)):
        present = set(scene.truth[mask].tolist())
        missing = [name for number, name in enumerate(scene.classes) if number not in present]
        if missing:
            remarks.append(f"classes without a pixel to {what}: {', '.join(missing)}")
    return remarks


def draw_map(scene: Scene, places: torch.Tensor, seen: torch.Tensor) -> Figure:
    """The classes that are known, and those seen at the pixels of the tests; all else is white."""
    colours = ListedColormap(
        ["white", *colormaps["nipy_spectral"](torch.linspace(0.05, 0.95, len(scene.classes)).numpy())]
    )
    told = torch.full_like(scene.truth, -1)
    told[places[:, 0], places[:, 1]] = seen
    figure = Figure(figsize=(10.5, 5))
    for number, (name, classes) in enumerate((("known", scene.truth), ("seen in tests", told))):
        axes = figure.add_axes((0.01 + 0.37 * number, 0.02, 0.35, 0.88))
        axes.imshow(
            classes.numpy(), cmap=colours, vmin=-1, vmax=len(scene.classes) - 1, interpolation="nearest"
        )
        axes.set_title(name, fontsize=11)
        axes.set_axis_off()
    for number, name in enumerate(scene.classes):
        height = 0.9 - 0.88 * number / len(scene.classes)
        figure.text(0.755, height, "■", color=colours(number + 1), va="top", fontsize=9)
        figure.text(0.78, height, name, va="top", fontsize=8)
    return figure
