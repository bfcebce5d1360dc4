"""The loop: a training's state, step by step and epoch by epoch, with its figures and its checkpoints.

(step* → figures on test data → row → checkpoint)* → report, with checkpoints between steps from time to time
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, final

import torch
from torch import nn

from netdsl.diagnostics import Faults
from netdsl.training.averaging import MovingAverage
from netdsl.training.batches import Inputs, Share, Supply, batch_sizes
from netdsl.training.checkpoint import (
    Checkpoint,
    Position,
    latest_checkpoint,
    prune_checkpoints,
    remove_partial_checkpoints,
)
from netdsl.training.compiling import compile_module
from netdsl.training.engine import make_engine
from netdsl.training.failures import as_fault
from netdsl.training.forward import moved, outputs_of
from netdsl.training.initial.beginning import Beginning
from netdsl.training.material import Material
from netdsl.training.measuring import measure
from netdsl.training.non_finite import NonFinite
from netdsl.training.optimization import initialize, learning_rate, make_optimizer
from netdsl.training.parallel.ranks import lost_another
from netdsl.training.parameters import freeze, train_but_for
from netdsl.training.report import outcome, write_report
from netdsl.training.run import CHECKPOINTS, Row, Run, best_epoch, is_over
from netdsl.training.run_folder import kept, unwritable, write_rows
from netdsl.training.seeds import WEIGHTS, derived
from netdsl.training.setting import Setting
from netdsl.training.signals import Stop
from netdsl.training.state import State
from netdsl.training.step import Step
from netdsl.training.tasks.task import Task, read_by
from netdsl.training.tensorboard import Events
from netdsl.training.tensors import load_module, module_tensors, whole


@final
class Training:
    """A run under way: its state, and what brings it on."""

    def __init__(
        self, setting: Setting, run: Run, task: Task, material: Material, beginning: Beginning | None
    ) -> None:
        self.network, self.placement, self.display = setting.network, setting.placement, setting.display
        self.keeping, self.signals, self.ranks = setting.keeping, setting.signals, setting.ranks
        self.run, self.task, self.material = run, task, material
        recipe, placement, ranks = run.recipe, setting.placement, setting.ranks
        torch.manual_seed(derived(WEIGHTS, recipe.seed))
        module = self.network.build()
        if recipe.init is not None:
            initialize(recipe.init, module)
        if beginning is not None:
            beginning.give(module)
        module = placement.module(module)
        freeze(module, recipe.freeze)
        compile_module(module, recipe.compile, placement.device, self.display.warn)
        engine = make_engine(module, setting.engine, ranks, placement.device)
        average = None if recipe.ema is None else MovingAverage(module, recipe.ema)
        optimizer = make_optimizer(
            recipe.optimizer, module, recipe.rates, recipe.decay, is_sharded=engine.is_sharded
        )
        self.state = State(task, engine, optimizer, average)
        self.steps = len(material.train.starts)
        """Of an epoch."""
        share = Share(ranks.rank, ranks.ranks, recipe.batch, recipe.accumulate)
        self.train = material.train.shared(share)
        self.step = Step(
            state=self.state,
            task=task,
            placement=placement,
            scaling=material.scaling,
            rate=learning_rate(recipe.schedule, recipe.optimizer.arguments["lr"], recipe.epochs, self.steps),
            sizes=batch_sizes(material.train),
            share=share,
            clip=recipe.clip,
            seed=recipe.seed,
            head_weights=self.network.head_weights,
            looks_first=placement.read_every == 1,
        )
        self._saved: Position | None = None
        """Where the latest checkpoint is that was written or taken up."""
        self._saved_at = time.monotonic()
        self._events: Events | None = None

    @property
    def checkpoints(self) -> Path:
        return self.run.folder / CHECKPOINTS

    def run_to_end(self) -> Run:
        """Trains what is missing, and reports.

        Raises:
            Faults: something is not as it should be, or a signal came. What was whole by then is kept.
        """
        self._go_on()
        if self.keeping.tensorboard and self.ranks.is_first:
            self._tell_events()
        with self.signals.awaited():
            try:
                with self.display.training(self.run.recipe.epochs * self.steps):
                    while not self.is_over:
                        self._epoch_or_back()
            except Stop as stop:
                if not stop.at_once:
                    self.save()
                    self._report()
                raise stop.told(kept(self.run.folder)) from None
            except Exception as error:
                told = self._failed(error)
                if told is error:
                    raise
                raise told from error
            return self._report()

    @property
    def is_over(self) -> bool:
        return is_over(self.state.rows, self.run.recipe)

    def _go_on(self) -> None:
        """Takes up the latest sound checkpoint, if there is one."""
        if self.ranks.is_first:
            remove_partial_checkpoints(self.checkpoints)
        checkpoint = self._latest()
        if checkpoint is not None:
            self._restore(checkpoint)
            after = checkpoint.position
            if after > Position(0):  # there are the weights that the run begins with
                said = "finished already, at" if self.is_over else "going on after"
                self.display.say(f"{said} {after}")
        elif not self.step.looks_first:
            self.save()  # to go back to
        self._write_rows()

    def _tell_events(self) -> None:
        """Lets TensorBoard's files know of every step whose loss is read, and of every epoch."""
        state, before = self.state, len(self.state.rows) * self.steps
        events = self._events = Events(self.run, before + state.steps, self.steps)

        def watch(number: int, loss: float) -> None:
            step = len(state.rows) * self.steps + number
            events.step(step, loss, self.step.rate(step - 1))

        state.watch = watch

    def _restore(self, checkpoint: Checkpoint) -> None:
        self.state.restore(checkpoint, self.checkpoints)
        self._saved = checkpoint.position

    def _latest(self) -> Checkpoint | None:
        latest = latest_checkpoint(self.checkpoints)
        for reason in latest.damaged:
            self.display.warn(f"passed over: {reason}")
        return latest.checkpoint

    def _epoch_or_back(self) -> None:
        """An epoch. Where losses are read late, one that is not finite has changed weights already: then back
        to the latest checkpoint, and on with a look before each change, which finds the layer."""
        try:
            self._epoch()
        except NonFinite as found:
            checkpoint = None if self.step.looks_first else self._latest()
            if checkpoint is None:
                raise
            self.step.looks_first = True
            self._restore(checkpoint)
            self.display.warn(f"{found.diagnostics[0].message}: back to {checkpoint.position}, to find where")

    def _failed(self, error: Exception) -> Exception:
        """Keeps the state if it is whole, and tells where what is kept is. Of several processes, which would
        have to do so together, none does; nor has one that lost another anything to tell."""
        if lost_another(error) and self.ranks.ranks > 1:
            return error
        told = as_fault(error, self.network, self.run.recipe, self.placement, self.task.samples) or error
        if self.state.is_whole and self.ranks.ranks == 1:
            with suppress(Faults, RuntimeError):  # the machine may be what failed
                self.save()
        note = kept(self.run.folder)
        if self.signals.waiting is not None:  # it reached processes that read data as well, which ended
            return self.signals.waiting.told(note)
        if isinstance(told, Faults):
            return told.with_note(note)
        told.add_note(note)
        return told

    def _epoch(self) -> None:
        """Trains what is missing of an epoch, measures, and writes both down."""
        state = self.state
        self._train_epoch()
        started = time.perf_counter()
        row: dict[str, Any] = {"epoch": state.epoch}
        row |= {f"train_{name}": value for name, value in state.totals.figures(self.ranks).items()}
        for part, supply in (("validation", self.material.validation), ("test", self.material.test)):
            if supply is not None:
                row |= {f"{part}_{name}": value for name, value in self._measured(supply).items()}
        row["learning_rate"] = self.step.rate(state.epoch * self.steps - 1)
        row["samples_per_second"] = round(len(self.material.train) / state.seconds, 1)
        row["seconds"] = round(state.seconds + time.perf_counter() - started, 2)
        state.end_epoch(row)
        self.save()
        self._write_rows()
        if self._events is not None:
            self._events.epoch(row)
        self.display.epoch(row, self.run.recipe.epochs, self.task.metric, self.task.samples)

    def _write_rows(self) -> None:
        if self.ranks.is_first:
            write_rows(self.run.folder, self.state.rows)

    def _measured(self, supply: Supply) -> dict[str, float]:
        with self.state.averaged():
            return measure(
                self.state.module,
                self.task,
                self.placement,
                self.material.scaling,
                supply.shared(Share(self.ranks.rank, self.ranks.ranks)),
                after_batch=self._heed,
                ranks=self.ranks,
            )

    def _train_epoch(self) -> None:
        state = self.state
        train_but_for(state.module, self.run.recipe.freeze)
        started = time.perf_counter() - state.seconds
        for batch in self.train.epoch(state.epoch, first=state.steps):
            self.step(batch)
            state.seconds = time.perf_counter() - started
            self._between_steps()

    def _between_steps(self) -> None:
        """Reads and shows how it goes, writes a checkpoint when it is time, and heeds signals."""
        read_every = 1 if self.step.looks_first else self.placement.read_every
        is_time_to_read = len(self.state.unread) >= read_every or self.state.steps == self.steps
        if is_time_to_read:
            self.state.read()
            self._show()
        if is_time_to_read or self.ranks.ranks == 1:  # processes agree no more often than they have to wait
            self._heed(may_save=True)

    def _heed(self, *, may_save: bool = False) -> None:
        """Does at the same step what any of the processes is asked to.

        Raises:
            Stop: a signal came.
        """
        is_due = may_save and time.monotonic() - self._saved_at >= self.keeping.every_seconds
        waiting = self.signals.waiting
        is_due_to_any, number = self.ranks.highest([is_due, waiting.number if waiting else 0])
        if is_due_to_any:
            self.save()
        if number:
            raise Stop(number, at_once=False)

    def save(self) -> None:
        """Writes a checkpoint, unless it is there, and removes those that it makes needless.

        Raises:
            Faults: it cannot be written (5), or a value is not finite (4).
        """
        if self.state.position == self._saved:
            return
        self.state.save(self.checkpoints)
        self._saved = self.state.position
        if self.ranks.is_first:
            prune_checkpoints(self.checkpoints, self.keeping.last, self._best())
        self._saved_at = time.monotonic()

    def _best(self) -> int:
        """The epoch whose checkpoint stays: the one that counts, where there are validation data; else the
        best on the test data, which is kept for the record."""
        if self.material.validation is not None:
            return best_epoch(self.state.rows)
        metric = f"test_{self.task.metric}"
        best: Row = max(self.state.rows, key=lambda row: row[metric], default={"epoch": 0})
        return int(best["epoch"])

    def _show(self) -> None:
        state = self.state
        done = len(state.rows) * self.steps + state.steps

        def figures() -> str:
            speed = state.totals.samples / state.seconds
            return f"{state.totals.lately()}  {speed:,.0f} {self.task.samples}/s"

        self.display.step(done, f"{state.epoch}/{self.run.recipe.epochs}", figures)

    def _report(self) -> Run:
        run = replace(self.run, rows=tuple(self.state.rows))
        if self._events is not None:
            self._events.close(run.rows)
        if not run.rows:
            return run
        with self.state.averaged():
            module = self._whole_module()
            if self.ranks.is_first:
                self._write_report(run, module)
        return run

    def _write_report(self, run: Run, module: nn.Module) -> None:
        def forward(given: Inputs) -> Any:
            """What the task reads of the network, on the CPU."""
            inputs = moved(given, self.placement, self.material.scaling)
            with torch.inference_mode():
                outputs = outputs_of(module, inputs, self.placement)
            return read_by(self.task, {name: output.cpu() for name, output in outputs.items()})

        pictures = self.task.pictures(forward, self.material.test)
        try:
            write_report(run, pictures)
        except OSError as error:
            raise unwritable(run.folder, error, begun=True) from None
        self.display.say(outcome(run))

    def _whole_module(self) -> nn.Module:
        """The module in eval mode; where each process has a share of it, the first has a whole one made."""
        module = self.state.module
        if self.state.engine.is_sharded:
            tensors = {name: whole(tensor) for name, tensor in module_tensors(module).items()}
            if self.ranks.is_first:
                module = self.placement.module(self.network.build())
                load_module(module, tensors, self.checkpoints)
        return module.eval()
