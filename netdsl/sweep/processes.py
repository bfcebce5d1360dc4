"""Worker processes and who gives them work: requests go out, answers come back as they are ready."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

Request = dict[str, Any]
Answer = dict[str, Any]

ERRORS = "workers.txt"
"""What workers say that no trial's log holds, such as why one was ended."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Workers:
    """So many processes that live as long as the context; each is started when it gets its first request."""

    def __init__(self, jobs: int, devices: Sequence[str], threads: int, lock: int, logs: Path) -> None:
        """Starts nothing yet.

        Args:
            jobs: how many processes.
            devices: those that they are spread over.
            threads: of each process.
            lock: a file descriptor that each holds to its end.
            logs: the folder for what they say.
        """
        self._threads = [
            threading.Thread(target=self._serve, args=(devices[number % len(devices)],), daemon=True)
            for number in range(jobs)
        ]
        self._environment = os.environ | dict.fromkeys(THREADS, str(threads))
        self._lock, self._logs = lock, logs
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[Request, Answer]] = queue.SimpleQueue()
        self._processes: list[subprocess.Popen[str]] = []
        self._ends = False

    def __enter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the processes, whatever they are at."""
        self._ends = True
        for _thread in self._threads:
            self._requests.put(None)
        for thread in self._threads:
            while thread.is_alive():  # a process may just have been started
                for process in self._processes:
                    process.kill()
                thread.join(0.05)
        for process in self._processes:
            process.kill()
            process.communicate()

    def perform(self, requests: Sequence[Request]) -> Iterator[tuple[Request, Answer]]:
        """The requests with their answers, as they come."""
        for request in requests:
            self.send(request)
        for _ in requests:
            yield self.next_answer()

    def send(self, request: Request) -> None:
        """Hands a request to whoever is free next."""
        self._requests.put(request)

    def next_answer(self) -> tuple[Request, Answer]:
        """The next request that is answered, with its answer; waits for it."""
        return self._answers.get()

    def _serve(self, device: str) -> None:
        """Hands requests to a process, one at a time, and starts another where one has died."""
        process: subprocess.Popen[str] | None = None
        while not self._ends:
            request = self._requests.get()
            if request is None:
                return
            if process is None:
                process = self._start()
            answer = self._ask(process, request | {"device": device})
            if answer is None:
                answer = {"status": "failed", "code": "", "reason": _ended(process.wait(), self._logs)}
                process = None
            self._answers.put((request, answer))

    def _start(self) -> subprocess.Popen[str]:
        with (self._logs / ERRORS).open("ab") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "netdsl.sweep.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=self._environment,
                pass_fds=(self._lock,),
                process_group=0,  # Ctrl-C is for the process that leads
            )
        self._processes.append(process)
        return process

    def _ask(self, process: subprocess.Popen[str], request: Request) -> Answer | None:
        """The answer to a request; None if the process dies over it."""
        assert process.stdin is not None, "opened with pipes"
        assert process.stdout is not None, "opened with pipes"
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            return None
        return json.loads(line) if line.endswith("\n") else None


def _ended(code: int, logs: Path) -> str:
    """Why a trial has no answer."""
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    memory = "; most often the machine ran short of memory" if code == -9 else ""
    return f"its process ended with {how}{memory}: see `{logs / ERRORS}`"
