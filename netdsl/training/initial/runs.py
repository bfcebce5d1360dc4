"""The weights of a run: those that count, in the network that its spec makes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from netdsl.training.initial.given import Given, Say
from netdsl.training.network import Rebuild
from netdsl.training.run import CHECKPOINTS, SPEC, read_run
from netdsl.training.tensors import load_module
from netdsl.training.trained import used_checkpoint


def run_weights(folder: Path, rebuild: Rebuild, say: Say) -> Given:
    """A run's network with the weights that count, its training heads included.

    Raises:
        Faults: the folder is no run (2), or damaged, or without a checkpoint (5).
    """
    run = read_run(folder)
    checkpoint = used_checkpoint(run, say)
    module = rebuild(folder / SPEC, run.facts.settings).build()
    load_module(module, checkpoint.model, folder / CHECKPOINTS)
    path = folder / CHECKPOINTS / checkpoint.position.folder / checkpoint.used
    return Given(module, True, path, hashlib.sha256(path.read_bytes()).hexdigest())
