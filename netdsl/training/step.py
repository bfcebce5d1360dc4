"""One step of the optimizer: what a batch does to a training's state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import nn

from netdsl.training.batches import AnyBatch, Inputs, Share
from netdsl.training.device import Placement
from netdsl.training.forward import Outputs, moved, outputs_of
from netdsl.training.measuring import joined
from netdsl.training.optimization import LearningRate
from netdsl.training.parameters import FACTOR
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
    sizes: Sequence[int]
    """Of the batches of an epoch, those of all processes together."""
    share: Share
    """What of them is this process', and in which pieces."""
    clip: float | None
    """The largest norm of the gradient."""
    seed: int
    head_weights: Mapping[str, float]

    def __call__(self, batch: AnyBatch) -> Taken:
        """One step."""
        state = self.state
        step = (state.epoch - 1) * len(self.sizes) + state.steps
        for group in state.optimizer.param_groups:
            group["lr"] = group[FACTOR] * self.rate(step)
        reseed_step(self.seed, state.epoch, state.steps, self.placement.device, self.share.rank)
        state.optimizer.zero_grad()
        taken = self._gradients(batch, self.sizes[state.steps])
        if self.clip is not None:
            nn.utils.clip_grad_norm_(state.module.parameters(), self.clip)
        state.optimizer.step()
        if state.average is not None:
            state.average.update(step)
        state.steps += 1
        return taken

    def _gradients(self, batch: AnyBatch, size: int) -> Taken:
        """Computes the gradients of a batch, piece by piece, of so many samples in all processes."""
        sizes = self.share.sizes(size)
        if len(sizes) == 1:
            return self._piece(batch, size, is_last=True)
        given, targets = batch
        pieces = list(zip(_cut(given, sizes), torch.split(targets, sizes), strict=True))
        taken = [self._piece(piece, size, is_last=piece is pieces[-1]) for piece in pieces]
        samples = sum(sizes)
        loss = torch.stack([part.loss * part.samples for part in taken]).sum() / max(samples, 1)
        return Taken(samples, loss, joined([part.notes for part in taken if part.samples]))

    def _piece(self, piece: AnyBatch, size: int, *, is_last: bool) -> Taken:
        """Adds the gradients of a piece of a batch. A process without samples of it takes part by one that
        does not count, since the others wait for what they exchange in every layer."""
        given, targets = piece
        samples, engine = len(targets), self.state.engine
        target = targets.to(self.placement.device, non_blocking=True)
        inputs = moved(given if samples else _one_of(given), self.placement, self.scaling)
        with engine.piece(is_last=is_last, counts=samples > 0):
            outputs = outputs_of(engine.run, inputs, self.placement)
            if not samples:
                engine.nothing(outputs).backward()  # type: ignore[no-untyped-call]
                return Taken(0, torch.zeros((), device=self.placement.device), {})
            loss = self._loss(outputs, target)
            engine.loss(loss, samples, size).backward()  # type: ignore[no-untyped-call]
        seen = read_by(self.task, {name: output.detach() for name, output in outputs.items()})
        return Taken(samples, loss.detach(), self.task.notes(inputs, seen, target))

    def _loss(self, outputs: Outputs, target: torch.Tensor) -> torch.Tensor:
        """The task's loss, with those of the heads, as the spec weighs them, unless the task reads them."""
        loss = self.task.loss(read_by(self.task, outputs), target)
        if not self.task.reads_heads and len(outputs) > 1:
            for name, weight in self.head_weights.items():
                loss = loss + weight * self.task.loss(outputs[name], target)
        return loss


def _cut(given: Inputs, sizes: list[int]) -> list[Inputs]:
    """Inputs in pieces of so many samples."""
    if isinstance(given, torch.Tensor):
        return list(torch.split(given, sizes))
    return list(zip(*(torch.split(part, sizes) for part in given), strict=True))


def _one_of(given: Inputs) -> Inputs:
    """A sample of zeros, of the shape of those that are not there."""
    if isinstance(given, torch.Tensor):
        return given.new_zeros(1, *given.shape[1:])
    return tuple(part.new_zeros(1, *part.shape[1:]) for part in given)
