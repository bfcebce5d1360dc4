"""Where trials run: how many at a time, on which devices, each with how many threads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netdsl.diagnostics import Faults
from netdsl.training.device import place


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where and how trials run."""

    jobs: int | None = None
    """Trials at a time; None for one per core, or one per GPU."""
    device: str | None = None
    root: Path | None = None
    """The folder that data sets are kept in."""


def devices_of(wanted: str | None) -> tuple[str, ...]:
    """The devices that trials are spread over: the one that is asked for, every GPU, or the processor."""
    if wanted is not None:
        place(wanted, "fp32")
        return (wanted,)
    best = place(None, "fp32").device.type
    if best != "cuda":
        return (best,)
    found = ["cuda:0"]
    while True:
        try:
            place(f"cuda:{len(found)}", "fp32")
        except Faults:
            return tuple(found)
        found.append(f"cuda:{len(found)}")


def parallel(devices: Sequence[str]) -> int:
    """Trials at a time, unless it is said."""
    return len(devices) if devices[0] != "cpu" else cores()


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_each(machine: Machine, trials: int) -> int:
    """Threads of each trial, so that together they have as many as there are cores."""
    jobs = machine.jobs or min(cores(), trials)
    return max(1, cores() // jobs)
