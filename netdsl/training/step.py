"""One step of the optimizer: what a batch does to a training's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, final

import torch

from netdsl.training.batches import AnyBatch
from netdsl.training.device import Placement
from netdsl.training.forward import Outputs, moved, outputs_of
from netdsl.training.optimization import LearningRate
from netdsl.training.seeds import reseed_step
from netdsl.training.state import State
from netdsl.training.tasks.task import Notes, Task, read_by
from netdsl.training.transforms import Scaling


class Taken(NamedTuple):
    """What a step gave, still on the device: reading it makes a GPU wait."""

    samples: int
    loss: torch.Tensor
    notes: Notes


@final
@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Step:
    """Takes a training's state on by a batch."""

    state: State
    task: Task
    placement: Placement
    scaling: Scaling
    rate: LearningRate
    """The learning rate of a step, counted over the whole training."""
    steps_per_epoch: int
    seed: int
    head_weights: Mapping[str, float]

    def __call__(self, batch: AnyBatch) -> Taken:
        """One step."""
        state, given, targets = self.state, *batch
        for group in state.optimizer.param_groups:
            group["lr"] = self.rate((state.epoch - 1) * self.steps_per_epoch + state.steps)
        reseed_step(self.seed, state.epoch, state.steps, self.placement.device)
        target = targets.to(self.placement.device, non_blocking=True)
        inputs = moved(given, self.placement, self.scaling)
        outputs = outputs_of(state.module, inputs, self.placement)
        loss = self._loss(outputs, target)
        state.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        state.optimizer.step()
        state.steps += 1
        seen = read_by(self.task, {name: output.detach() for name, output in outputs.items()})
        return Taken(len(targets), loss.detach(), self.task.notes(inputs, seen, target))

    def _loss(self, outputs: Outputs, target: torch.Tensor) -> torch.Tensor:
        """The task's loss, with those of the heads, as the spec weighs them, unless the task reads them."""
        loss = self.task.loss(read_by(self.task, outputs), target)
        if not self.task.reads_heads and len(outputs) > 1:
            for name, weight in self.head_weights.items():
                loss = loss + weight * self.task.loss(outputs[name], target)
        return loss
