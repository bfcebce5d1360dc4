"""A process that trains one trial after another: requests come as lines of JSON, and so do the answers.

The process ends as soon as the one that leads the sweep is gone, whatever it is at: its input ends. A run's
folder can be left at any moment, and is taken up where it was left.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, TextIO

from netdsl.diagnostics import Faults
from netdsl.sweep.study import cause_of
from netdsl.training.run_folder import FACTS, REPORT_DATA, Run, read_run
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


def _perform_logged(request: Request) -> Answer:
    """The same, with all that is said in a file; a fault of netdsl's own fails the trial, not the sweep."""
    path = Path(request["log"])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as log, redirect_stdout(log):
        try:
            answer = perform(request)
        except Exception as error:  # noqa: BLE001 - the other trials go on
            traceback.print_exc(file=log)
            answer = {"status": "failed", "code": "", "reason": f"a bug in netdsl: {error!r}, see `{path}`"}
        if answer["status"] == "failed":
            print(f"failed: {answer['reason']}")
    return answer


def main(requests: TextIO, answers: TextIO) -> None:
    """Answers requests to their end."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()

    def listen() -> None:
        for line in requests:
            waiting.put(line)
        os._exit(0)  # nobody waits for an answer any more

    threading.Thread(target=listen, daemon=True).start()
    while True:
        answer = _perform_logged(json.loads(waiting.get()))
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.stdin, sys.stdout)
