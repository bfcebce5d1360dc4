"""What batches give, added up: the figures of an epoch, and those of a module on data it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from netdsl.training.batches import Supply
from netdsl.training.device import Placement
from netdsl.training.forward import moved, outputs_of
from netdsl.training.tasks.task import Notes, Task, read_by
from netdsl.training.tensors import Tensors
from netdsl.training.transforms import Scaling

SHOWN_BATCHES = 20
"""The last batches, over which the figure shown under way is taken."""


@dataclass(slots=True)
class Totals:
    """What the batches of an epoch have given."""

    task: Task
    samples: int = 0
    loss: float = 0.0
    """Summed over samples."""
    notes: list[Notes] = field(default_factory=list)

    def add(self, samples: int, loss: float, notes: Notes) -> None:
        """Adds a batch; `loss` is its mean."""
        self.samples += samples
        self.loss += loss * samples
        self.notes.append({name: values.cpu() for name, values in notes.items()})

    def figures(self) -> dict[str, float]:
        """The figures over all samples."""
        return {"loss": self.loss / self.samples} | self.task.figures(joined(self.notes))

    def lately(self) -> str:
        """How it goes: the mean loss so far, and the task's figure over the last batches."""
        metric = self.task.metric
        value = self.task.figures(joined(self.notes[-SHOWN_BATCHES:]))[metric]
        return f"loss {self.loss / self.samples:.3f}  {metric} {value:.3f}"

    def tensors(self) -> Tensors:
        """The notes of all batches as one."""
        return dict(joined(self.notes))


def joined(notes: Sequence[Notes]) -> Notes:
    """The notes of several batches as those of one; of none, none."""
    return {name: torch.cat([batch[name] for batch in notes]) for name in (notes[0] if notes else ())}


def measure(
    module: nn.Module,
    task: Task,
    placement: Placement,
    scale: Scaling,
    batches: Supply,
    after_batch: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """The figures of a module on data it was not trained on.

    Args:
        module: left in eval mode.
        task: what is measured.
        placement: where.
        scale: what the inputs go through.
        batches: the data.
        after_batch: called after each, and free to stop the measuring by an exception.
    """
    module.eval()
    totals = Totals(task)
    with torch.inference_mode():
        for given, targets in batches.epoch(0):
            target = targets.to(placement.device)
            inputs = moved(given, placement, scale)
            output = read_by(task, outputs_of(module, inputs, placement))
            totals.add(len(targets), float(task.loss(output, target)), task.notes(inputs, output, target))
            after_batch()
    return totals.figures()
