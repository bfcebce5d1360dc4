"""The weights of a run: its latest sound checkpoint, in the network that its spec makes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from netdsl.diagnostics import fault
from netdsl.training.checkpoint import MODEL, latest_checkpoint
from netdsl.training.initial.given import Given, Say
from netdsl.training.network import Rebuild
from netdsl.training.run_folder import CHECKPOINTS, SPEC, read_run
from netdsl.training.tensors import load_module


def run_weights(folder: Path, rebuild: Rebuild, say: Say) -> Given:
    """A run's network with its latest weights, its training heads included.

    Raises:
        Faults: the folder is no run (2), or damaged, or without a checkpoint (5).
    """
    run = read_run(folder)
    latest = latest_checkpoint(folder / CHECKPOINTS)
    for reason in latest.damaged:
        say(f"passed over: {reason}")
    if latest.checkpoint is None:
        message = f"the run `{folder}` has no checkpoint: it was stopped before the first"
        raise fault("missing-checkpoint", message, exit_code=5, help="train it: `--resume` begins anew")
    module = rebuild(folder / SPEC, run.facts.settings).build()
    load_module(module, latest.checkpoint.model, folder / CHECKPOINTS)
    path = folder / CHECKPOINTS / latest.checkpoint.position.folder / MODEL
    return Given(module, True, path, hashlib.sha256(path.read_bytes()).hexdigest())
