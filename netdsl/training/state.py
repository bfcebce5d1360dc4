"""All that a training is made of between two steps: what a checkpoint holds, and what is gone on from.

Nothing else changes while it runs. The learning rate, the data's order and chance follow from the position,
so that a run which is resumed at any step has the bits of an undisturbed one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

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
from netdsl.training.run_folder import Row
from netdsl.training.tasks.task import Task
from netdsl.training.tensors import load_module, load_optimizer, module_tensors, optimizer_tensors


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
    """What those steps have given."""
    seconds: float = 0.0
    """What they took."""

    def __post_init__(self) -> None:
        self.totals = Totals(self.task)

    @property
    def module(self) -> nn.Module:
        return self.engine.module

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

    def end_epoch(self, row: Row) -> None:
        """The epoch under way has ended, with these figures."""
        self.rows.append(row)
        self.steps, self.seconds, self.totals = 0, 0.0, Totals(self.task)

    def save(self, checkpoints: Path) -> None:
        """Writes a checkpoint.

        Raises:
            Faults: it cannot be written; exit code 5.
        """
        tensors = {
            MODEL: module_tensors(self.module),
            OPTIMIZER: optimizer_tensors(self.optimizer, self.module),
            NOTES: self.totals.tensors(),
        }
        if self.average is not None:
            tensors[AVERAGE] = self.average.tensors
        under_way = {"samples": self.totals.samples, "loss": self.totals.loss, "seconds": self.seconds}
        save_checkpoint(checkpoints, self.position, tensors, {"rows": self.rows, "under_way": under_way})

    def restore(self, checkpoint: Checkpoint, checkpoints: Path) -> None:
        """Takes up what a checkpoint holds.

        Raises:
            Faults: it belongs to another network; exit code 5.
        """
        load_module(self.module, checkpoint.tensors[MODEL], checkpoints)
        if self.average is not None:
            with self.average.in_place():
                load_module(self.module, checkpoint.model, checkpoints)
        load_optimizer(self.optimizer, self.module, checkpoint.tensors[OPTIMIZER], checkpoints)
        self.rows = list(checkpoint.state["rows"])
        self.steps = checkpoint.position.steps
        if self.steps:
            under_way, notes = checkpoint.state["under_way"], checkpoint.tensors[NOTES]
            self.totals = Totals(self.task, under_way["samples"], under_way["loss"], [notes])
            self.seconds = under_way["seconds"]
