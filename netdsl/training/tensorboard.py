"""A run's figures as TensorBoard shows them: `netdsl train --tensorboard`, then `tensorboard --logdir runs`.

Everything stands at the step that it belongs to, counted over the whole training, so that what a run wrote
after its last checkpoint gives way when it is resumed.
"""

from __future__ import annotations

from typing import Any, final

from netdsl.diagnostics import fault
from netdsl.training.run import Row, Run, recipe_lines

FOLDER = "tensorboard"
"""Where its files are, in the run's folder."""


def writer_class() -> Any:
    """torch's writer of TensorBoard's files.

    Raises:
        Faults: TensorBoard is not installed; exit code 3.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter  # loaded only by who wants it
    except ImportError:
        help = "`pip install 'netdsl[tensorboard]'`, or leave `--tensorboard` out"
        raise fault("missing-library", "TensorBoard is not installed", exit_code=3, help=help) from None
    return SummaryWriter


@final
class Events:
    """What TensorBoard is told of a training."""

    def __init__(self, run: Run, done: int, steps_per_epoch: int) -> None:
        """
        Args:
            run: the run, whose folder the files lie in.
            done: the steps that the training has behind it; what was written of later ones gives way.
            steps_per_epoch: batches in an epoch.
        """
        self._run = run
        self._steps_per_epoch = steps_per_epoch
        self._writer = writer_class()(str(run.folder / FOLDER), purge_step=done + 1)

    def step(self, number: int, loss: float, rate: float) -> None:
        """A step, counted from 1 over the whole training, has had this loss at this learning rate."""
        self._writer.add_scalar("step/loss", loss, number)
        self._writer.add_scalar("step/learning_rate", rate, number)

    def epoch(self, row: Row) -> None:
        """An epoch has ended with these figures: `loss/train` beside `loss/test`."""
        at = int(row["epoch"]) * self._steps_per_epoch
        for name, value in row.items():
            part, _, figure = name.partition("_")
            if part in ("train", "validation", "test"):
                self._writer.add_scalar(f"{figure}/{part}", value, at)
            elif name != "epoch":
                self._writer.add_scalar(f"epoch/{name}", value, at)
        self._writer.flush()

    def close(self, rows: tuple[Row, ...]) -> None:
        """The training has come to an end: the recipe, with what it has reached."""
        if rows:
            choices = {key: str(value) for key, value in recipe_lines(self._run)}
            reached = {f"last/{name}": value for name, value in rows[-1].items() if name.startswith("test_")}
            self._writer.add_hparams(choices, reached, run_name=".")
        self._writer.close()
