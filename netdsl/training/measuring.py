"""What batches give, added up: the figures of an epoch, and those of a module on data it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from netdsl.training.batches import Supply
from netdsl.training.device import Placement
from netdsl.training.forward import moved, outputs_of, stand_in
from netdsl.training.parallel.ranks import ALONE, Ranks
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
        """Adds a batch; `loss` is its mean. Of several processes, each notes its own samples."""
        self.samples += samples
        self.loss += loss * samples
        if notes:
            self.notes.append({name: values.cpu() for name, values in notes.items()})

    def figures(self, ranks: Ranks = ALONE) -> dict[str, float]:
        """The figures over all samples, those of all processes."""
        return {"loss": self.loss / self.samples} | self.task.figures(self.gathered(ranks))

    def lately(self) -> str:
        """How it goes: the mean loss so far, and the task's figure over the last batches."""
        metric = self.task.metric
        value = self.task.figures(joined(self.notes[-SHOWN_BATCHES:]))[metric]
        return f"loss {self.loss / self.samples:.3f}  {metric} {value:.3f}"

    def gathered(self, ranks: Ranks = ALONE) -> Tensors:
        """The notes of all batches as those of one, and of all processes."""
        return dict(joined([notes for notes in ranks.gathered(joined(self.notes)) if notes]))


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
    ranks: Ranks = ALONE,
) -> dict[str, float]:
    """The figures of a module on data it was not trained on.

    Args:
        module: left in eval mode.
        task: what is measured.
        placement: where.
        scale: what the inputs go through.
        batches: the data.
        after_batch: called after each, and free to stop the measuring by an exception.
        ranks: the processes, each with its share of the batches.
    """
    module.eval()
    totals = Totals(task)
    # FSDP keeps what it gathers first, and cannot train on with what inference mode has marked
    with torch.inference_mode(ranks.ranks == 1), torch.no_grad():
        for given, targets in batches.epoch(0):
            target = targets.to(placement.device)
            samples = len(targets)
            inputs = moved(given if samples else stand_in(given), placement, scale)
            output = read_by(task, outputs_of(module, inputs, placement))
            loss = float(task.loss(output, target)) if samples else 0.0
            notes = task.notes(inputs, output, target) if samples else {}
            for of_all, mean in ranks.means([(samples, loss)]):
                totals.add(of_all, mean, notes)
            after_batch()
    return totals.figures(ranks)
