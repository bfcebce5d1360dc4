"""What the runner asks of a task.

A task sees inputs, outputs and targets of one batch and notes some values of each sample; figures are made of
the notes of a whole epoch, so that those which are no means over samples, such as the area under a curve, are
exact as well.

N samples of a batch, or of an epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from matplotlib.figure import Figure

from netdsl.training.batches import Inputs, Supply
from netdsl.training.choices import Recipe
from netdsl.training.forward import MAIN, Outputs
from netdsl.training.material import Material
from netdsl.training.network import TrainableNetwork

Notes = Mapping[str, torch.Tensor]
"""Values of each sample by what they are, `(N, …)`."""
Say = Callable[[str], None]
Forward = Callable[[Inputs], Any]
"""A trained network: a batch as the data give it → what the task reads of it, on the CPU."""


class Task(Protocol):
    """What a network is trained for."""

    metric: str
    """The figure that tells how good a network is; higher is better."""
    samples: str
    """What a sample is, in the plural: `images`."""
    is_labelled: bool
    """Whether samples need classes."""
    reads_heads: bool
    """Whether the task's outputs are all of a network's, by name, and not the main one alone."""

    def material(self, network: TrainableNetwork, recipe: Recipe, data: Any, say: Say) -> Material:
        """What the network is trained and tested on.

        Raises:
            Faults: the network cannot be trained on the data; exit code 1, 2 or 3.
        """
        ...

    def test(self, network: TrainableNetwork, recipe: Recipe, data: Any, say: Say) -> Supply:
        """What the network is tested on, alone.

        Raises:
            Faults: the network cannot be tested on the data; exit code 1, 2 or 3.
        """
        ...

    def loss(self, output: Any, target: torch.Tensor) -> torch.Tensor:
        """The loss of a batch, averaged over its samples."""
        ...

    def notes(self, inputs: Any, output: Any, target: torch.Tensor) -> Notes:
        """What is noted of each sample of a batch."""
        ...

    def figures(self, notes: Notes) -> dict[str, float]:
        """The figures of the notes of many samples, `metric` among them."""
        ...

    def pictures(self, forward: Forward, test: Supply) -> Mapping[str, Figure]:
        """What a report shows of a trained network, by file name."""
        ...


class NamingTask(Task, Protocol):
    """A task whose network names the class of a picture."""

    def probabilities(self, output: torch.Tensor) -> torch.Tensor:
        """How likely each class is, `(N, classes)`."""
        ...


def read_by(task: Task, outputs: Outputs) -> Any:
    """What a task reads of a network's outputs."""
    return outputs if task.reads_heads else outputs[MAIN]
