"""One step of the optimizer: what a batch does to a training's state.

Until the optimizer changes weights, a step that fails leaves the state as it was.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

import torch
from torch import nn

from netdsl.training.batches import AnyBatch, Inputs, Share
from netdsl.training.device import Placement
from netdsl.training.forward import Outputs, moved, outputs_of, stand_in
from netdsl.training.measuring import joined
from netdsl.training.non_finite import NonFinite, first_non_finite_gradient, gradients_look_finite, origin
from netdsl.training.optimization import LearningRate
from netdsl.training.parameters import FACTOR
from netdsl.training.seeds import reseed_step
from netdsl.training.state import State, Taken
from netdsl.training.tasks.task import Task, read_by
from netdsl.training.transforms import Scaling


class _BadLoss(Exception):
    """A loss is not finite."""

    def __init__(self, inputs: Inputs, loss: float) -> None:
        super().__init__()
        self.inputs, self.loss = inputs, loss


@final
@dataclass(slots=True, eq=False, kw_only=True)
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
    looks_first: bool
    """Whether loss and gradients are looked at before they change weights, which makes a GPU wait."""
    _parameters: list[nn.Parameter] = field(init=False)
    """Those of the module; to walk it at every step would take as long as a small network's layers."""
    _buffers: _Buffers = field(init=False)

    def __post_init__(self) -> None:
        self._parameters = list(self.state.module.parameters())
        self._buffers = _Buffers(self.state.module)

    def __call__(self, batch: AnyBatch) -> None:
        """One step.

        Raises:
            NonFinite: the loss or a gradient is not, where that is looked at; the state is as it was.
        """
        state = self.state
        step = (state.epoch - 1) * len(self.sizes) + state.steps
        for group in state.optimizer.param_groups:
            group["lr"] = group[FACTOR] * self.rate(step)
        self._buffers.keep()
        try:
            taken = self._whole_gradients(batch, self.sizes[state.steps])
        except BaseException:
            self._buffers.put_back()
            raise
        with state.stepping(taken):
            state.optimizer.step()
            if state.average is not None:
                state.average.update(step)

    def _whole_gradients(self, batch: AnyBatch, size: int) -> Taken:
        """Computes the gradients of a batch as the optimizer is to have them, and looks at them."""
        self._reseed()
        self.state.optimizer.zero_grad()
        try:
            taken = self._gradients(batch, size)
        except _BadLoss as bad:
            self._buffers.put_back()
            raise self._traced(bad) from None
        if self.looks_first:
            self._check_gradients()
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self._parameters, self.clip)
        return taken

    def _reseed(self) -> None:
        reseed_step(self.seed, self.state.epoch, self.state.steps, self.placement.device, self.share.rank)

    def _gradients(self, batch: AnyBatch, size: int) -> Taken:
        """Computes the gradients of a batch, piece by piece, of so many samples in all processes."""
        given, targets = batch
        sizes = self.share.sizes_of(len(targets), size)
        if len(sizes) == 1:
            return self._piece(batch, size, is_last=True)
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
        inputs = moved(given if samples else stand_in(given), self.placement, self.scaling)
        with engine.piece(is_last=is_last, counts=samples > 0):
            outputs = outputs_of(engine.run, inputs, self.placement)
            loss = self._loss(outputs, target) if samples else engine.nothing(outputs)
            if self.looks_first:
                self._look_at(loss, samples, inputs)
            engine.loss(loss, samples, size).backward()  # type: ignore[no-untyped-call]
        if not samples:
            return Taken(0, torch.zeros_like(loss), {})
        seen = read_by(self.task, {name: output.detach() for name, output in outputs.items()})
        return Taken(samples, loss.detach(), self.task.notes(inputs, seen, target))

    def _loss(self, outputs: Outputs, target: torch.Tensor) -> torch.Tensor:
        """The task's loss, with those of the heads, as the spec weighs them, unless the task reads them."""
        loss = self.task.loss(read_by(self.task, outputs), target)
        if not self.task.reads_heads and len(outputs) > 1:
            for name, weight in self.head_weights.items():
                loss = loss + weight * self.task.loss(outputs[name], target)
        return loss

    def _look_at(self, loss: torch.Tensor, samples: int, inputs: Inputs) -> None:
        """Raises:
        _BadLoss: the loss is not finite, of whichever process.
        """
        for _, value in self.state.ranks.means([(samples, loss.item())]):
            if not math.isfinite(value):
                raise _BadLoss(inputs, value)

    def _traced(self, bad: _BadLoss) -> NonFinite:
        """What a person is told of a loss: the forward pass is run again, and watched."""
        module = self.state.module

        def forward() -> None:
            self._reseed()
            outputs_of(module, bad.inputs, self.placement)

        why = origin(module, bad.inputs, forward, self.state.ranks)
        return NonFinite("non-finite-loss", f"the loss is {bad.loss} at {self._number}: {why}")

    def _check_gradients(self) -> None:
        ranks = self.state.ranks
        if not any(ranks.highest([not gradients_look_finite(self._parameters)])):
            return
        for parameter in filter(None, ranks.gathered(first_non_finite_gradient(self.state.module))):
            what = f"the gradient of `{parameter}` is the first in the backward pass that is not finite"
            raise NonFinite("non-finite-gradient", f"{what}, at {self._number}")

    @property
    def _number(self) -> str:
        return f"step {self.state.steps + 1:,} of epoch {self.state.epoch}"


@final
class _Buffers:
    """A module's buffers, and what they were before a step: a forward pass moves running statistics."""

    def __init__(self, module: nn.Module) -> None:
        self._own = list(module.buffers())
        self._kept = [torch.empty_like(buffer) for buffer in self._own]

    def keep(self) -> None:
        if self._own:
            torch._foreach_copy_(self._kept, self._own)

    def put_back(self) -> None:
        if self._own:
            torch._foreach_copy_(self._own, self._kept)


def _cut(given: Inputs, sizes: list[int]) -> list[Inputs]:
    """Inputs in pieces of so many samples."""
    if isinstance(given, torch.Tensor):
        return list(torch.split(given, sizes))
    return list(zip(*(torch.split(part, sizes) for part in given), strict=True))
