"""A process among those that a launcher has started: which device it takes, and the group it joins."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from netdsl.diagnostics import did_you_mean, fault
from netdsl.training.parallel.launch import ENGINES, Launch, read_launch
from netdsl.training.parallel.ranks import ALONE, Ranks, joined


@contextmanager
def started(device: str | None, engine: str | None) -> Iterator[tuple[Ranks, str | None]]:
    """The processes of a training, and this one's device as `--device` says it.

    Args:
        device: the one asked for.
        engine: what the processes are to have of the network; None leaves it open.

    Raises:
        Faults: the launcher's environment or the command line is at fault (2), or processes are not there or
            have failed (4).
    """
    if engine is not None and engine not in ENGINES:
        help = did_you_mean(engine, ENGINES) or f"there are {', '.join(ENGINES)}"
        raise fault("unknown-engine", f"`{engine}` is no way for processes to share a training", help=help)
    launch = read_launch(os.environ)
    if launch is None:
        if engine is not None:
            help = "start several: `torchrun --nproc-per-node 2 -m netdsl train …`"
            message = f"`{engine}` is for several processes, and this one is alone"
            raise fault("engine-of-one", message, help=help)
        yield ALONE, device
        return
    own = device_of(launch, device)
    with joined(launch, torch.device(own)) as ranks:
        yield ranks, own


def device_of(launch: Launch, wanted: str | None) -> str:
    """The device of one of several processes: the GPU of its number on its machine, or the processor.

    Raises:
        Faults: there are not as many GPUs as processes on this machine (4), or one is named for all (2).
    """
    if wanted not in (None, "cpu", "cuda"):
        message = f"`--device {wanted}` would be the device of every process"
        raise fault("device-of-all", message, help="leave it out: each process takes the GPU of its number")
    if wanted == "cpu" or not (wanted == "cuda" or torch.cuda.is_available()):
        return "cpu"
    gpus = torch.cuda.device_count()
    if gpus < launch.local_ranks:
        message = f"there are {launch.local_ranks} processes on this machine, and {gpus} GPUs"
        help = (
            f"start {gpus}, one for each GPU" if gpus else "leave `--device` out, and all use the processor"
        )
        raise fault("too-few-gpus", message, exit_code=4, help=help)
    return f"cuda:{launch.local_rank}"
