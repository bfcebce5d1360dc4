"""A run's folder → its network with the weights that count, for whoever measures, asks or explains it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from netdsl.diagnostics import fault
from netdsl.training.checkpoint import Checkpoint, Position, latest_checkpoint, read_checkpoint
from netdsl.training.device import Placement, place
from netdsl.training.network import Rebuild, TrainableNetwork
from netdsl.training.run import CHECKPOINTS, SPEC, Run, best_epoch, read_run
from netdsl.training.tensors import load_module

Say = Callable[[str], None]
"""Told what a person should know."""


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A run's network."""

    run: Run
    network: TrainableNetwork
    module: nn.Module
    """With the weights that count, in eval mode."""
    placement: Placement
    position: Position
    """How far the weights have come."""


def load_trained(
    folder: str | Path, rebuild: Rebuild, device: str | None, say: Say, *, precision: str | None = None
) -> Trained:
    """The network of a run's folder.

    Args:
        folder: the run's folder.
        rebuild: makes the network from the spec in it.
        device: as for `train`.
        say: told of damaged checkpoints.
        precision: as a recipe says it; the run's own unless given.

    Raises:
        Faults: the run (2, 5), its spec (1) or the device (2, 4) is at fault. The number is the exit code.
    """
    run = read_run(folder)
    placement = place(device, precision or run.recipe.precision)
    checkpoint = used_checkpoint(run, say)
    network = rebuild(run.folder / SPEC, run.facts.settings)
    module = network.build()
    load_module(module, checkpoint.model, run.folder / CHECKPOINTS)
    return Trained(run, network, placement.module(module).eval(), placement, checkpoint.position)


def used_checkpoint(run: Run, say: Say) -> Checkpoint:
    """The checkpoint whose weights count: of the epoch that is best on the validation data, where there are
    some, else the latest.

    Args:
        run: the run.
        say: told of damaged checkpoints.

    Raises:
        Faults: there is none, or none is sound; exit code 5.
    """
    checkpoints = run.folder / CHECKPOINTS
    if run.recipe.validate is not None and run.rows:
        best = read_checkpoint(checkpoints, Position(best_epoch(run.rows)))
        if isinstance(best, Checkpoint):
            return best
        say(f"passed over: {best}")
    latest = latest_checkpoint(checkpoints)
    for reason in latest.damaged:
        say(f"passed over: {reason}")
    if latest.checkpoint is None:
        message = f"the run `{run.folder}` has no checkpoint: it was stopped before the first"
        raise fault("missing-checkpoint", message, exit_code=5, help="train it: `--resume` begins anew")
    return latest.checkpoint
