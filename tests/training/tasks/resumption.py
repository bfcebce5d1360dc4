"""Runs that are stopped under way and go on to the same bits, for every task."""

from __future__ import annotations

from pathlib import Path

import pytest

from netdsl.training.network import TrainableNetwork
from netdsl.training.run import Run
from netdsl.training.runner import train
from tests.training.networks import silent
from tests.training.runs import Stopped, Stopping, digests, figures


def resumes_to_the_same_bits(
    made: TrainableNetwork, whole: Run, folder: Path, root: Path, steps: tuple[int, ...]
) -> None:
    """Stops a run after each number of steps in turn, goes on, and compares with the undisturbed one."""
    for number in steps:
        out = folder / f"stopped-{number}"
        with pytest.raises(Stopped):
            train(made, out=out, root=root, device="cpu", display=Stopping(number))
        run = train(made, resume=out, root=root, device="cpu", display=silent())
        assert figures(run) == figures(whole)
        assert digests(run.folder) == digests(whole.folder)
