"""What a person sees of a training: a live bar on a terminal, a plain line for each epoch elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

REFRESHES_PER_SECOND = 4


def duration(seconds: float) -> str:
    """A span of time in the largest unit that it fills.

    >>> duration(5.2), duration(200), duration(47 * 3600), duration(72 * 3600)
    ('5 s', '3 min', '47 h', '3 d')
    """
    if seconds >= 48 * 3600:
        return f"{seconds / (24 * 3600):.0f} d"
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


class Display:
    """Writes to a stream; a terminal gets a live bar below the lines."""

    def __init__(self, stream: TextIO | None = None, *, silent: bool = False) -> None:
        self._console = Console(file=stream or sys.stdout, highlight=False, soft_wrap=True, quiet=silent)
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._shown_at = 0.0

    def say(self, text: str) -> None:
        """A line of its own."""
        self._console.print(text, markup=False)

    def warn(self, text: str) -> None:
        """A line that must not be overlooked."""
        self._console.print(text, markup=False, style="bold yellow")

    @contextmanager
    def training(self, steps: int) -> Iterator[None]:
        """Shows the progress over the steps of the whole training."""
        if not self._console.is_terminal:
            yield
            return
        columns = ("[bold]{task.description}", "{task.fields[figures]}")
        self._bar = Progress(
            TextColumn(columns[0]),
            BarColumn(bar_width=24),
            TextColumn(columns[1]),
            TimeRemainingColumn(),
            console=self._console,
            refresh_per_second=REFRESHES_PER_SECOND,
            transient=True,
        )
        with self._bar:
            self._task = self._bar.add_task("", total=steps, figures="")
            yield
        self._bar = self._task = None

    def step(self, done: int, epoch: str, figures: Callable[[], str]) -> None:
        """So many steps are done; how it goes is asked for no more often than it is shown."""
        if self._bar is None or self._task is None:
            return
        now = time.monotonic()
        if now - self._shown_at >= 1 / REFRESHES_PER_SECOND:
            self._shown_at = now
            self._bar.update(self._task, completed=done, description=f"epoch {epoch}", figures=figures())

    def epoch(self, row: Mapping[str, float], epochs: int, metric: str, samples: str) -> None:
        """An epoch is done."""
        width = len(str(epochs))
        decides = f"   validation loss {row['validation_loss']:.4f}" if "validation_loss" in row else ""
        self.say(
            f"epoch {int(row['epoch']):>{width}}/{epochs}"
            f"   train loss {row['train_loss']:.4f}  {metric} {row[f'train_{metric}']:.4f}{decides}"
            f"   test loss {row['test_loss']:.4f}  {metric} {row[f'test_{metric}']:.4f}"
            f"   {row['samples_per_second']:,.0f} {samples}/s{self._left(row, epochs)}"
        )

    def _left(self, row: Mapping[str, float], epochs: int) -> str:
        """How long the rest takes at the pace of the last epoch; a live bar says so itself."""
        left = (epochs - row["epoch"]) * row["seconds"]
        return f"   {duration(left)} left" if left and self._bar is None else ""
