"""Ctrl-C, SIGTERM and SIGUSR1 ask a training to stop: it ends its step and writes a checkpoint.

While there is nothing to be kept yet, they stop it at once; so does a second Ctrl-C.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, final

from netdsl.diagnostics import Faults, fault

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name))
AGAIN_AFTER = 0.5
"""Seconds before another Ctrl-C is a second one: a terminal and a launcher may both pass on the first."""


class Stop(KeyboardInterrupt):
    """A signal asked for the end of a training."""

    def __init__(self, number: int, *, at_once: bool) -> None:
        super().__init__()
        self.number = number
        self.at_once = at_once
        """Whether it came in the midst of something, so that there is nothing to be kept but what is."""

    def told(self, kept: str) -> Faults:
        """What a person is told, with what is kept; the exit code is the shells' own, 128 and the number."""
        name = "Ctrl-C" if self.number == signal.SIGINT else signal.Signals(self.number).name
        how = " at once" if self.at_once else ""
        return fault("interrupted", f"stopped{how} by {name}", exit_code=128 + self.number, help=kept)


@final
class StopSignals:
    """The signals that came while it was in use."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._first: int | None = None
        self._came_at = 0.0
        self._waits = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Signals come here while the context lasts; only a process' main thread can have that."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before: dict[int, Any] = {number: signal.signal(number, self._come) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """While the context lasts, the first signal waits to be asked for."""
        self._waits = True
        try:
            yield
        finally:
            self._waits = False

    @property
    def waiting(self) -> Stop | None:
        """The signal that waits, if there is one."""
        return None if self._first is None else Stop(self._first, at_once=False)

    def check(self) -> None:
        """Raises the signal that waits.

        Raises:
            Stop: there is one.
        """
        if self.waiting is not None:
            raise self.waiting

    def _come(self, number: int, _: FrameType | None) -> None:
        if os.getpid() != self._process:
            _leave_to_parent(number)
            return
        now = time.monotonic()
        is_first = self._first is None
        if is_first:
            self._first, self._came_at = number, now
        if not self._waits or (
            not is_first and number == signal.SIGINT and now - self._came_at > AGAIN_AFTER
        ):
            raise Stop(number, at_once=True)


def _leave_to_parent(number: int) -> None:
    """In a process that was forked from the training's: its parent ends it, by SIGTERM if need be."""
    if number == signal.SIGTERM:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
