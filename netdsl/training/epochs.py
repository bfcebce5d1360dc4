"""The loop: a module, step by step and epoch by epoch, its figures and its checkpoints.

Everything an epoch does follows from the module and the optimizer as they stand, the recipe and the epoch's
number; so a resumed run has the bits of an undisturbed one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, final

import torch
from torch import nn
from torch.optim import Optimizer

from netdsl.diagnostics import Faults, fault
from netdsl.training.batches import Supply
from netdsl.training.checkpoint import (
    Checkpoint,
    latest_checkpoint,
    load_module,
    load_optimizer,
    module_tensors,
    optimizer_tensors,
    prune_checkpoints,
    save_checkpoint,
)
from netdsl.training.device import Placement
from netdsl.training.material import Material
from netdsl.training.network import TrainableNetwork
from netdsl.training.optimization import LearningRate, initialize, learning_rate, make_optimizer
from netdsl.training.progress import Display
from netdsl.training.report import outcome, write_report
from netdsl.training.run_folder import CHECKPOINTS, Row, Run, write_rows
from netdsl.training.seeds import WEIGHTS, derived, reseed_step
from netdsl.training.tasks.task import Notes, Task
from netdsl.training.transforms import Scaling

SHOWN_BATCHES = 20
"""The last batches, over which the figure shown under way is taken."""
READ_EVERY = 20
"""Steps after which a GPU is asked for the losses so far; asking at each step would make it wait."""
INTERRUPTED = 130
"""The exit code of a process that Ctrl-C stopped."""


@dataclass(slots=True)
class Totals:
    """What the batches of an epoch have given."""

    task: Task
    samples: int = 0
    loss: float = 0.0
    notes: list[Notes] = field(default_factory=list)

    def add(self, samples: int, loss: float, notes: Notes) -> None:
        """Adds a batch; `loss` is its mean."""
        self.samples += samples
        self.loss += loss * samples
        self.notes.append({name: values.cpu() for name, values in notes.items()})

    def figures(self) -> dict[str, float]:
        """The figures over all samples."""
        return {"loss": self.loss / self.samples} | self.task.figures(_joined(self.notes))

    def lately(self) -> str:
        """How it goes: the mean loss so far, and the task's figure over the last batches."""
        metric = self.task.metric
        value = self.task.figures(_joined(self.notes[-SHOWN_BATCHES:]))[metric]
        return f"loss {self.loss / self.samples:.3f}  {metric} {value:.3f}"


def _joined(notes: Sequence[Notes]) -> Notes:
    return {name: torch.cat([batch[name] for batch in notes]) for name in notes[0]}


def measure(
    module: nn.Module, task: Task, placement: Placement, scale: Scaling, batches: Supply
) -> dict[str, float]:
    """The figures of a module on data it was not trained on."""
    module.eval()
    totals = Totals(task)
    with torch.inference_mode():
        for images, targets in batches.epoch(0):
            target = targets.to(placement.device)
            inputs = scale(placement.images(images))
            with placement.autocast():
                output = module(inputs)
            loss = float(task.loss(output.float(), target))
            totals.add(len(targets), loss, task.notes(inputs, output.float(), target))
    return totals.figures()


@final
class Training:
    """A module on its way through the epochs of a run."""

    def __init__(
        self,
        network: TrainableNetwork,
        run: Run,
        task: Task,
        placement: Placement,
        material: Material,
        display: Display,
    ) -> None:
        self.run, self.task, self.placement, self.material, self.display = (
            run,
            task,
            placement,
            material,
            display,
        )
        self.head_weights = network.head_weights
        recipe = run.recipe
        torch.manual_seed(derived(WEIGHTS, recipe.seed))
        module = network.build()
        if recipe.init is not None:
            initialize(recipe.init, module)
        self.module = placement.module(module)
        self.optimizer: Optimizer = make_optimizer(recipe.optimizer, self.module)
        self.steps = len(material.train.starts)
        self.rate: LearningRate = learning_rate(
            recipe.schedule, recipe.optimizer.arguments["lr"], recipe.epochs, self.steps
        )
        self.rows: list[Row] = []

    @property
    def checkpoints(self) -> Path:
        return self.run.folder / CHECKPOINTS

    def run_to_end(self) -> Run:
        """Trains the epochs that are missing, and reports."""
        self._go_on()
        epochs = self.run.recipe.epochs
        try:
            with self.display.training(epochs * self.steps):
                for epoch in range(len(self.rows) + 1, epochs + 1):
                    self._epoch(epoch)
        except KeyboardInterrupt:
            self._report()
            raise _interrupted(self.run.folder, len(self.rows)) from None
        return self._report()

    def _go_on(self) -> None:
        """Takes up the latest sound checkpoint, if there is one."""
        latest = latest_checkpoint(self.checkpoints)
        for reason in latest.damaged:
            self.display.warn(f"passed over: {reason}")
        if latest.checkpoint is not None:
            self._restore(latest.checkpoint)
            finished = len(self.rows) >= self.run.recipe.epochs
            after = f"epoch {latest.checkpoint.epoch}"
            if self.rows:  # without, these are the weights that the run begins with
                self.display.say(f"finished already, at {after}" if finished else f"going on after {after}")
        write_rows(self.run.folder, self.rows)

    def _restore(self, checkpoint: Checkpoint) -> None:
        load_module(self.module, checkpoint.model, self.checkpoints)
        load_optimizer(self.optimizer, self.module, checkpoint.optimizer, self.checkpoints)
        self.rows = list(checkpoint.state["rows"])

    def _epoch(self, epoch: int) -> None:
        """Trains an epoch, measures, and writes both down."""
        started = time.perf_counter()
        trained = self._train_epoch(epoch)
        seconds = time.perf_counter() - started
        tested = measure(self.module, self.task, self.placement, self.material.scaling, self.material.test)
        row: dict[str, Any] = {"epoch": epoch}
        row |= {f"train_{name}": value for name, value in trained.items()}
        row |= {f"test_{name}": value for name, value in tested.items()}
        row["learning_rate"] = self.rate(epoch * self.steps - 1)
        row["samples_per_second"] = round(len(self.material.train) / seconds, 1)
        row["seconds"] = round(time.perf_counter() - started, 2)
        self.rows.append(row)
        self._write(epoch)
        self.display.epoch(row, self.run.recipe.epochs, self.task.metric, self.task.samples)

    def _write(self, epoch: int) -> None:
        metric = f"test_{self.task.metric}"
        best = max(self.rows, key=lambda row: row[metric])
        save_checkpoint(
            self.checkpoints,
            epoch,
            module_tensors(self.module),
            optimizer_tensors(self.optimizer, self.module),
            {"epoch": epoch, "rows": self.rows},
        )
        write_rows(self.run.folder, self.rows)
        prune_checkpoints(self.checkpoints, int(best["epoch"]))

    def _train_epoch(self, epoch: int) -> dict[str, float]:
        self.module.train()
        totals = Totals(self.task)
        unread: list[tuple[int, torch.Tensor, Notes]] = []
        read_every = 1 if self.placement.device.type == "cpu" else READ_EVERY
        started = time.perf_counter()
        for number, (images, targets) in enumerate(self.material.train.epoch(epoch)):
            loss, notes = self._step(epoch, number, images, targets)
            unread.append((len(targets), loss, notes))
            if len(unread) == read_every or number == self.steps - 1:
                self._read(unread, totals, epoch, number)
                self._show(totals, epoch, number, totals.samples / (time.perf_counter() - started))
        return totals.figures()

    def _step(
        self, epoch: int, number: int, images: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, Notes]:
        """One step of the optimizer; the batch's loss and notes, still on the device."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate((epoch - 1) * self.steps + number)
        reseed_step(self.run.recipe.seed, epoch, number, self.placement.device)
        target = targets.to(self.placement.device, non_blocking=True)
        inputs = self.material.scaling(self.placement.images(images))
        with self.placement.autocast():
            outputs = self.module(inputs)
        output, loss = self._loss(outputs, target)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach(), self.task.notes(inputs, output.detach().float(), target)

    def _loss(self, outputs: Any, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The main output, and its loss with those of the heads, as the spec weighs them."""
        if not isinstance(outputs, dict):
            return outputs, self.task.loss(outputs.float(), target)
        loss = self.task.loss(outputs["output"].float(), target)
        for name, weight in self.head_weights.items():
            loss = loss + weight * self.task.loss(outputs[name].float(), target)
        return outputs["output"], loss

    def _read(
        self,
        unread: list[tuple[int, torch.Tensor, Notes]],
        totals: Totals,
        epoch: int,
        number: int,
    ) -> None:
        """Moves figures from the device into the totals.

        Raises:
            Faults: a loss is not finite; exit code 4.
        """
        for samples, loss_tensor, notes in unread:
            loss = float(loss_tensor)
            if not math.isfinite(loss):
                step = f"step {number + 1} of epoch {epoch}"
                kept = (
                    f"`{self.checkpoints}` keeps epoch {len(self.rows)}" if self.rows else "nothing was kept"
                )
                message = f"the loss is {loss} by {step}; {kept}"
                help = "lower the learning rate, lengthen the warmup, or look for faulty images"
                raise fault("non-finite-loss", message, exit_code=4, help=help)
            totals.add(samples, loss, notes)
        unread.clear()

    def _show(self, totals: Totals, epoch: int, number: int, rate: float) -> None:
        text = f"{totals.lately()}  {rate:,.0f} {self.task.samples}/s"
        done = (epoch - 1) * self.steps + number + 1
        self.display.step(done, f"{epoch}/{self.run.recipe.epochs}", text)

    def _forward(self, images: torch.Tensor) -> torch.Tensor:
        """The outputs of the network as it stands, on the CPU."""
        self.module.eval()
        inputs = self.material.scaling(self.placement.images(images))
        with torch.inference_mode(), self.placement.autocast():
            output: torch.Tensor = self.module(inputs)
        return output.float().cpu()

    def _report(self) -> Run:
        run = replace(self.run, rows=tuple(self.rows))
        if run.rows:
            write_report(run, self.task.metric, self.task.pictures(self._forward, self.material.test))
            self.display.say(outcome(run, self.task.metric))
        return run


def _interrupted(folder: Path, epochs: int) -> Faults:
    message = f"stopped; {epochs} epoch{'s' * (epochs != 1)} of the run are kept in `{folder}`"
    return fault("interrupted", message, exit_code=INTERRUPTED, help=f"go on with `--resume {folder}`")
