"""The loop: a module, step by step and epoch by epoch, its figures and its checkpoints.

Everything an epoch does follows from the module and the optimizer as they stand, the recipe and the epoch's
number; so a resumed run has the bits of an undisturbed one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, final

import torch
from torch import nn
from torch.optim import Optimizer

from netdsl.diagnostics import Faults, fault
from netdsl.training.batches import Batches
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
from netdsl.training.tasks import Task
from netdsl.training.transforms import Scaling

READ_EVERY = 20
"""Steps after which a GPU is asked for the losses so far; asking at each step would make it wait."""
INTERRUPTED = 130
"""The exit code of a process that Ctrl-C stopped."""


@dataclass(slots=True)
class Totals:
    """Sums over the batches of an epoch."""

    images: int = 0
    loss: float = 0.0
    counts: dict[str, float] = field(default_factory=dict)

    def add(self, images: int, loss: float, counts: Mapping[str, float]) -> None:
        """Adds a batch; `loss` is its mean."""
        self.images += images
        self.loss += loss * images
        for name, count in counts.items():
            self.counts[name] = self.counts.get(name, 0.0) + count

    def figures(self) -> dict[str, float]:
        """The means over all images."""
        return {"loss": self.loss / self.images} | {n: c / self.images for n, c in self.counts.items()}


def measure(
    module: nn.Module, task: Task, placement: Placement, scale: Scaling, batches: Batches
) -> dict[str, float]:
    """The figures of a module on data it was not trained on."""
    module.eval()
    totals = Totals()
    with torch.inference_mode():
        for images, labels in batches.epoch(0):
            target = labels.to(placement.device)
            with placement.autocast():
                output = module(scale(placement.images(images)))
            loss = float(task.loss(output.float(), target))
            counts = {name: float(count) for name, count in task.count(output, target).items()}
            totals.add(len(labels), loss, counts)
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
        row["images_per_second"] = round(len(self.material.train.split) / seconds, 1)
        row["seconds"] = round(time.perf_counter() - started, 2)
        self.rows.append(row)
        self._write(epoch)
        self.display.epoch(row, self.run.recipe.epochs, self.task.metric)

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
        totals = Totals()
        unread: list[tuple[int, torch.Tensor, Mapping[str, torch.Tensor]]] = []
        read_every = 1 if self.placement.device.type == "cpu" else READ_EVERY
        started = time.perf_counter()
        for number, (images, labels) in enumerate(self.material.train.epoch(epoch)):
            loss, counts = self._step(epoch, number, images, labels)
            unread.append((len(labels), loss, counts))
            if len(unread) == read_every or number == self.steps - 1:
                self._read(unread, totals, epoch, number)
                self._show(totals, epoch, number, totals.images / (time.perf_counter() - started))
        return totals.figures()

    def _step(
        self, epoch: int, number: int, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, Mapping[str, torch.Tensor]]:
        """One step of the optimizer; the batch's loss and counts, still on the device."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate((epoch - 1) * self.steps + number)
        reseed_step(self.run.recipe.seed, epoch, number, self.placement.device)
        target = labels.to(self.placement.device, non_blocking=True)
        with self.placement.autocast():
            outputs = self.module(self.material.scaling(self.placement.images(images)))
        output, loss = self._loss(outputs, target)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach(), self.task.count(output.detach(), target)

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
        unread: list[tuple[int, torch.Tensor, Mapping[str, torch.Tensor]]],
        totals: Totals,
        epoch: int,
        number: int,
    ) -> None:
        """Moves figures from the device into the totals.

        Raises:
            Faults: a loss is not finite; exit code 4.
        """
        for images, loss_tensor, counts in unread:
            loss = float(loss_tensor)
            if not math.isfinite(loss):
                step = f"step {number + 1} of epoch {epoch}"
                kept = (
                    f"`{self.checkpoints}` keeps epoch {len(self.rows)}" if self.rows else "nothing was kept"
                )
                message = f"the loss is {loss} by {step}; {kept}"
                help = "lower the learning rate, lengthen the warmup, or look for faulty images"
                raise fault("non-finite-loss", message, exit_code=4, help=help)
            totals.add(images, loss, {name: float(count) for name, count in counts.items()})
        unread.clear()

    def _show(self, totals: Totals, epoch: int, number: int, rate: float) -> None:
        figures = totals.figures()
        metric = self.task.metric
        text = f"loss {figures['loss']:.3f}  {metric} {figures[metric]:.3f}  {rate:,.0f} images/s"
        done = (epoch - 1) * self.steps + number + 1
        self.display.step(done, f"{epoch}/{self.run.recipe.epochs}", text)

    def _report(self) -> Run:
        run = replace(self.run, rows=tuple(self.rows))
        if run.rows:
            write_report(run, self.task.metric)
            self.display.say(outcome(run, self.task.metric))
        return run


def _interrupted(folder: Path, epochs: int) -> Faults:
    message = f"stopped; {epochs} epoch{'s' * (epochs != 1)} of the run are kept in `{folder}`"
    return fault("interrupted", message, exit_code=INTERRUPTED, help=f"go on with `--resume {folder}`")
