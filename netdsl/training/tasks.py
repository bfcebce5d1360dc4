"""What a network is trained for: the loss, what is counted, and what the figures mean.

A task sees outputs and targets of one batch, and hands back sums, which add up exactly over batches.
`classify` is the only one so far; another is another class in `TASKS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, final

import torch
from torch import nn

from netdsl.diagnostics import fault
from netdsl.training.choices import Recipe
from netdsl.training.data.dataset import DataSet
from netdsl.training.losses import PenaltyLoss
from netdsl.training.network import TrainableNetwork
from netdsl.training.optimization import make_loss


class Task(Protocol):
    """What the runner asks of a task."""

    metric: str
    """The figure that tells how good a network is; higher is better."""

    def check(self, network: TrainableNetwork, data: DataSet) -> None:
        """Whether the network can be trained on the data.

        Raises:
            Faults: it cannot.
        """
        ...

    def loss(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The loss of a batch, averaged over its samples."""
        ...

    def scores(self, output: torch.Tensor) -> torch.Tensor:
        """What speaks for each class: the largest wins, and the softmax is the classes' probabilities."""
        ...

    def count(self, output: torch.Tensor, target: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """Sums over a batch, one for each figure."""
        ...


@final
class Classify:
    """Each image belongs to one of several classes; outputs are `(batch, classes)`, logits or penalties."""

    metric = "accuracy"

    def __init__(self, loss: nn.Module) -> None:
        self._loss = loss
        self._has_penalties = isinstance(loss, PenaltyLoss)

    def check(self, network: TrainableNetwork, data: DataSet) -> None:
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
            help = (
                f"give `--set classes={classes}`" if is_named else f"end the network in `linear({classes})`"
            )
            raise fault(
                "class-count",
                f"`{network.name}` has {network.output[0]} outputs, `{data.name}` has {classes} classes",
                exit_code=2,
                help=help,
            )

    def loss(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        loss: torch.Tensor = self._loss(output, target)
        return loss

    def scores(self, output: torch.Tensor) -> torch.Tensor:
        return -output if self._has_penalties else output

    def count(self, output: torch.Tensor, target: torch.Tensor) -> Mapping[str, torch.Tensor]:
        return {"accuracy": (self.scores(output).argmax(dim=1) == target).sum()}


TASKS = {"classify": Classify}


def make_task(recipe: Recipe) -> Task:
    """What a recipe trains for, with its loss."""
    return TASKS[recipe.task](make_loss(recipe.loss))
