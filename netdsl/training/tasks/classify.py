"""Classification: each image belongs to one of several classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from matplotlib.figure import Figure

from netdsl.diagnostics import fault
from netdsl.training.batches import Supply
from netdsl.training.choices import Recipe
from netdsl.training.confusion import confusion, draw_confusion
from netdsl.training.data.dataset import DataSet
from netdsl.training.data.scene import Scene
from netdsl.training.losses import PenaltyLoss
from netdsl.training.material import Material, check_one_input, evaluation_batches, prepare
from netdsl.training.mistakes import Worst
from netdsl.training.network import TrainableNetwork
from netdsl.training.optimization import make_loss
from netdsl.training.tasks.task import Forward, Notes, Say

FEW = 5
"""The classes with the most for them, among which the right one is looked for; ImageNet's second figure."""


@final
class Classify:
    """Outputs are `(batch, classes)`, logits or penalties."""

    metric = "accuracy"
    samples = "images"
    is_labelled = True
    reads_heads = False

    def __init__(self, recipe: Recipe) -> None:
        self._loss = make_loss(recipe.loss)
        self._has_penalties = isinstance(self._loss, PenaltyLoss)
        self._classes: tuple[str, ...] = ()

    def material(self, network: TrainableNetwork, recipe: Recipe, data: DataSet, say: Say) -> Material:
        check_classes(network, data)
        self._classes = data.classes
        return prepare(network, recipe, data, say)

    def test(self, network: TrainableNetwork, recipe: Recipe, data: DataSet, say: Say) -> Supply:
        check_classes(network, data)
        self._classes = data.classes
        return evaluation_batches(network, recipe, data, say)

    def loss(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        loss: torch.Tensor = self._loss(output, target)
        return loss

    def notes(self, inputs: torch.Tensor, output: torch.Tensor, target: torch.Tensor) -> Notes:
        scores = self._scores(output)
        label = target if target.ndim == 1 else target.argmax(dim=1)  # of mixed images, what they are most of
        notes = {"seen": scores.argmax(dim=1), "label": label}
        if scores.shape[1] > FEW:
            notes["among_five"] = (scores.topk(FEW).indices == label[:, None]).any(dim=1)
        return notes

    def figures(self, notes: Notes) -> dict[str, float]:
        figures = {"accuracy": float((notes["seen"] == notes["label"]).double().mean())}
        if "among_five" in notes:
            figures["top5_accuracy"] = float(notes["among_five"].double().mean())
        return figures

    def probabilities(self, output: torch.Tensor) -> torch.Tensor:
        return self._scores(output).softmax(dim=1)

    def pictures(self, forward: Forward, test: Supply) -> Mapping[str, Figure]:
        worst = Worst()
        matrix = torch.zeros(len(self._classes), len(self._classes), dtype=torch.int64)
        for images, labels in test.epoch(0):
            assert isinstance(images, torch.Tensor), "an image is a network's only input"
            probabilities = self.probabilities(forward(images))
            matrix += confusion(labels.cpu(), probabilities.argmax(dim=1), len(self._classes))
            worst.add(images, labels.cpu(), probabilities)
        pictures = {"confusion.png": draw_confusion(matrix, self._classes)}
        return pictures | ({"mistakes.png": worst.draw(self._classes)} if worst.found else {})

    def _scores(self, output: torch.Tensor) -> torch.Tensor:
        """What speaks for each class: the largest wins."""
        return -output if self._has_penalties else output


def check_classes(network: TrainableNetwork, data: DataSet | Scene) -> None:
    """Whether a network takes one tensor and has an output for each class.

    Raises:
        Faults: it does not; exit code 1 or 2.
    """
    check_one_input(network)
    classes = len(data.classes)
    if len(network.output) != 1:
        shape = "×".join(map(str, network.output))
        raise fault(
            "output-not-classes",
            f"the output of `{network.name}` is {shape}, not one value for each class",
            exit_code=1,
            help=f"end the network in `flatten -> linear({classes})`",
        )
    if network.output[0] != classes:
        is_named = network.parameters.get("classes") == network.output[0]
        raise fault(
            "class-count",
            f"`{network.name}` has {network.output[0]} outputs, `{data.name}` has {classes} classes",
            exit_code=2,
            help=f"give `--set classes={classes}`" if is_named else f"end the network in `linear({classes})`",
        )
