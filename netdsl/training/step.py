"""One step of the optimizer: what a batch does to a training's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import torch

from netdsl.training.batches import Batch
from netdsl.training.device import Placement
from netdsl.training.optimization import LearningRate
from netdsl.training.seeds import reseed_step
from netdsl.training.state import State
from netdsl.training.tasks.task import Notes, Task
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

    def __call__(self, batch: Batch) -> Taken:
        """One step."""
        state, images, targets = self.state, *batch
        for group in state.optimizer.param_groups:
            group["lr"] = self.rate((state.epoch - 1) * self.steps_per_epoch + state.steps)
        reseed_step(self.seed, state.epoch, state.steps, self.placement.device)
        target = targets.to(self.placement.device, non_blocking=True)
        inputs = self.scaling(self.placement.images(images))
        with self.placement.autocast():
            outputs = state.module(inputs)
        output, loss = self._loss(outputs, target)
        state.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        state.optimizer.step()
        state.steps += 1
        return Taken(len(targets), loss.detach(), self.task.notes(inputs, output.detach().float(), target))

    def _loss(self, outputs: Any, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The main output, and its loss with those of the heads, as the spec weighs them."""
        if not isinstance(outputs, dict):
            return outputs, self.task.loss(outputs.float(), target)
        loss = self.task.loss(outputs["output"].float(), target)
        for name, weight in self.head_weights.items():
            loss = loss + weight * self.task.loss(outputs[name].float(), target)
        return outputs["output"], loss
