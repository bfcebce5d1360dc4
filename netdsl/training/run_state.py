"""How far a run has come: under way, finished, stopped, or failed, and by what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from netdsl.diagnostics import Faults
from netdsl.training.durable import write_beside
from netdsl.training.lock import is_locked
from netdsl.training.run import FACTS, FAILURE, Run, is_over

Word = Literal["running", "finished", "stopped", "failed"]
STOPPED = "interrupted"
"""The code of a fault that is none: a person or a machine asked for the end."""


@dataclass(frozen=True, slots=True)
class State:
    """How far a run has come."""

    word: Word
    reason: str | None = None
    """What it failed by."""


def state_of(run: Run) -> State:
    """How far a run has come, by its folder."""
    if is_locked(run.folder):
        return State("running")
    if is_over(run.rows, run.recipe):
        return State("finished")
    try:
        return State("failed", str(json.loads((run.folder / FAILURE).read_bytes())["message"]))
    except (OSError, ValueError, KeyError, TypeError):
        return State("stopped")


@contextmanager
def noted_failure(folder: Path) -> Iterator[None]:
    """Writes down what ends a training before its time, unless it was stopped; an earlier note goes."""
    with suppress(OSError):
        (folder / FAILURE).unlink(missing_ok=True)
    try:
        yield
    except Exception as error:
        from netdsl.training.parallel.ranks import lost_another  # who trains has loaded torch already

        code, message = "bug", f"{type(error).__name__}: {error}"
        if isinstance(error, Faults):
            first = error.diagnostics[0]
            code, message = first.code, first.message
        elif lost_another(error):
            code, message = "process-ended", "another of the processes that trained it ended"
        if code != STOPPED and (folder / FACTS).is_file():
            with suppress(OSError):  # the disk may be what failed
                write_beside(folder / FAILURE, json.dumps({"code": code, "message": message}).encode())
        raise
