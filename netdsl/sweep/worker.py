"""A process that trains one trial after another: requests come as lines of JSON, and so do the answers.

The process ends as soon as the one that leads the sweep is gone, whatever it is at: its input ends. A run's
folder can be left at any moment, and is taken up where it was left.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, TextIO

Request = Mapping[str, Any]
Answer = dict[str, Any]


def _perform_logged(request: Request) -> Answer:
    """The same, with all that is said in a file; a fault of netdsl's own fails the trial, not the sweep."""
    path = Path(request["log"])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as log, redirect_stdout(log):
        try:
            from netdsl.sweep.performing import perform  # loads torch, while somebody listens already

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
