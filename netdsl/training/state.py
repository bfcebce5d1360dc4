"""All that a training is made of between two steps: what a checkpoint holds, and what is gone on from.

Nothing else changes while it runs. The learning rate, the data's order and chance follow from the position,
so that a run which is resumed at any step has the bits of an undisturbed one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, final

import torch
from torch import nn
from torch.optim import Optimizer

from netdsl.training.averaging import MovingAverage
from netdsl.training.checkpoint import (
    AVERAGE,
    MODEL,
    NOTES,
    OPTIMIZER,
    Checkpoint,
    Position,
    save_checkpoint,
)
from netdsl.training.engine import Engine
from netdsl.training.measuring import Totals
from netdsl.training.non_finite import NonFinite, first_non_finite
from netdsl.training.parallel.ranks import Ranks
from netdsl.training.run import Row
from netdsl.training.tasks.task import Notes, Task
from netdsl.training.tensors import load_module, load_optimizer, module_tensors, optimizer_tensors, whole


class Taken(NamedTuple):
    """What a step gave, still on the device: reading it makes a GPU wait."""

    samples: int
    loss: torch.Tensor
    notes: Notes


@final
@dataclass(slots=True, eq=False)
class State:
    """A training between two steps."""

    task: Task
    engine: Engine
    """What computes the gradients of the module."""
    optimizer: Optimizer
    average: MovingAverage | None = None
    """Of the module's weights, which is then what is measured."""
    rows: list[Row] = field(default_factory=list)
    """The figures of each epoch that has ended."""
    steps: int = 0
    """Of the epoch under way."""
    totals: Totals = field(init=False)
    """What those steps have given, as far as it was read."""
    unread: list[Taken] = field(default_factory=list)
    """What the last of them have given."""
    seconds: float = 0.0
    """What the steps of the epoch under way took."""
    watch: Callable[[int, float], None] = lambda _number, _loss: None
    """Told the loss of each step, counted within its epoch from 1, once it is read."""
    is_whole: bool = True
    """Whether no step was broken off while it changed weights."""

    def __post_init__(self) -> None:
        self.totals = Totals(self.task)

    @property
    def module(self) -> nn.Module:
        return self.engine.module

    @property
    def ranks(self) -> Ranks:
        return self.engine.ranks

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Lends the module what is measured of it: its average, if there is one."""
        with self.average.in_place() if self.average is not None else nullcontext():
            yield

    @property
    def epoch(self) -> int:
        """The epoch under way, counted from 1."""
        return len(self.rows) + 1

    @property
    def position(self) -> Position:
        return Position(len(self.rows), self.steps)

    @contextmanager
    def stepping(self, taken: Taken) -> Iterator[None]:
        """Weights change within; then the step is done."""
        self.is_whole = False
        yield
        self.unread.append(taken)
        self.steps += 1
        self.is_whole = True

    def read(self) -> None:
        """Moves figures from the device into the totals, those of all processes' samples.

        Raises:
            NonFinite: a loss is not.
        """
        first = self.steps - len(self.unread) + 1
        means = self.ranks.means([(taken.samples, float(taken.loss)) for taken in self.unread])
        for number, (taken, (samples, loss)) in enumerate(zip(self.unread, means, strict=True), first):
            if not math.isfinite(loss):
                message = f"the loss is {loss} at {Position(len(self.rows), number)}"
                raise NonFinite("non-finite-loss", message)
            self.totals.add(samples, loss, taken.notes)
            self.watch(number, loss)
        self.unread.clear()

    def end_epoch(self, row: Row) -> None:
        """The epoch under way has ended, with these figures."""
        self.rows.append(row)
        self._begin_epoch()

    def save(self, checkpoints: Path) -> None:
        """Writes a checkpoint: the first of several processes does, and all bring together what it holds, so
        that it is the same whatever number of processes goes on from it.

        Raises:
            NonFinite: what would be written is not finite.
            Faults: it cannot be written; exit code 5.
        """
        self.read()
        shared = {
            MODEL: module_tensors(self.module),
            OPTIMIZER: optimizer_tensors(self.optimizer, self.module),
        }
        if self.average is not None:
            shared[AVERAGE] = self.average.tensors
        tensors = {
            file: {name: whole(part) for name, part in parts.items()} for file, parts in shared.items()
        }
        tensors[NOTES] = self.totals.gathered(self.ranks)
        bad = first_non_finite(pair for name in tensors.keys() - {NOTES} for pair in tensors[name].items())
        if bad is not None:
            message = f"`{bad}` is no longer finite after {self.position}"
            raise NonFinite("non-finite-weights", message)
        under_way = {"samples": self.totals.samples, "loss": self.totals.loss, "seconds": self.seconds}
        if self.ranks.is_first:
            save_checkpoint(checkpoints, self.position, tensors, {"rows": self.rows, "under_way": under_way})

    def restore(self, checkpoint: Checkpoint, checkpoints: Path) -> None:
        """Takes up what a checkpoint holds, whatever was before.

        Raises:
            Faults: it belongs to another network; exit code 5.
        """
        load_module(self.module, checkpoint.tensors[MODEL], checkpoints)
        if self.average is not None:
            with self.average.in_place():
                load_module(self.module, checkpoint.model, checkpoints)
        self.optimizer.state.clear()
        load_optimizer(self.optimizer, self.module, checkpoint.tensors[OPTIMIZER], checkpoints)
        self.rows = list(checkpoint.state["rows"])
        self._begin_epoch()
        if checkpoint.position.steps:
            under_way, notes = checkpoint.state["under_way"], checkpoint.tensors[NOTES]
            self.steps = checkpoint.position.steps
            own: list[Notes] = [notes] if self.ranks.is_first else []
            self.totals = Totals(self.task, under_way["samples"], under_way["loss"], own)
            self.seconds = under_way["seconds"]

    def _begin_epoch(self) -> None:
        self.steps, self.seconds, self.is_whole = 0, 0.0, True
        self.totals = Totals(self.task)
        self.unread.clear()
