"""What a worker does with a request: it trains a trial, goes on with it, or finds it finished."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netdsl.diagnostics import Faults
from netdsl.sweep.study import cause_of
from netdsl.training.run import FACTS, REPORT_DATA, Run, read_run
from netdsl.training.session import train_spec
from netdsl.training.tasks import make_task

BEGUN_ANEW = ("damaged-run", "damaged-recipe", "damaged-checkpoint", "missing-checkpoint")
"""Faults of a trial's folder with which it cannot be resumed."""

Request = Mapping[str, Any]
Answer = dict[str, Any]


def perform(request: Request) -> Answer:
    """Trains a trial, or goes on with it, or finds it finished."""
    folder = Path(request["folder"])
    try:
        return _answer(_finished(folder) or _train(request, folder))
    except Faults as faults:
        code, reason = cause_of(faults)
        return {"status": "failed", "code": code, "reason": reason}


def _finished(folder: Path) -> Run | None:
    """The run of a folder, where it came to its end: the report is the last that a run writes."""
    try:
        if not json.loads((folder / REPORT_DATA).read_bytes())["finished"]:
            return None
        run = read_run(folder)
    except (OSError, ValueError, KeyError, TypeError, Faults):
        return None
    return run if len(run.rows) >= run.recipe.epochs else None


def _train(request: Request, folder: Path) -> Run:
    common = {name: request[name] for name in ("settings", "plugins", "device", "root")}
    if (folder / FACTS).is_file():
        try:
            return train_spec(request["spec"], resume=folder, **common)
        except Faults as faults:
            if cause_of(faults)[0] not in BEGUN_ANEW:
                raise
    shutil.rmtree(folder, ignore_errors=True)  # killed before the run began, or damaged
    return train_spec(request["spec"], out=folder, overrides=request["overrides"], **common)


def _answer(run: Run) -> Answer:
    return {
        "status": "finished",
        "metric": make_task(run.recipe).metric,
        "figures": dict(run.metrics),
        "epochs": len(run.rows),
        "seconds": round(sum(row["seconds"] for row in run.rows), 2),
        "data": run.facts.data,
        "device": run.facts.device,
    }
