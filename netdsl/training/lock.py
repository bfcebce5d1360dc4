"""One process at a time trains in a run's folder.

The system holds the lock for the process and lets go of it when the process ends, however it ends; so a kill
leaves none behind. Processes that a training starts, such as those that read images, do not hold it.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from netdsl.diagnostics import fault

LOCK = ".lock"
PATIENCE = 1.0
"""Seconds to wait for a process that was just killed, or that only asks."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The folder for this process alone.

    Raises:
        Faults: another one trains there; exit code 2.
        OSError: the folder cannot be written.
    """
    path = folder / LOCK
    until = time.monotonic() + PATIENCE
    file = FileIO(path, "a+")
    while not (_taken(file) and _is(file, path)):
        if time.monotonic() > until:
            with file:
                file.seek(0)
                who = file.read().decode(errors="replace").strip()
            message = f"another process trains in `{folder}`: {who or 'one that has just begun'}"
            raise fault("run-folder-locked", message, help="wait for it, stop it, or begin a run of its own")
        time.sleep(0.05)
        file.close()
        file = FileIO(path, "a+")
    with file:
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}".encode())
        yield


def is_locked(folder: Path) -> bool:
    """Whether another process trains in a folder."""
    try:
        with FileIO(folder / LOCK, "r+") as file:
            return not _taken(file)
    except OSError:
        return False


def _taken(file: FileIO) -> bool:
    """Takes the lock if it is free."""
    if os.name == "nt":  # which has no such locks: there, nothing keeps two runs apart
        return True
    import fcntl

    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is(file: FileIO, path: Path) -> bool:
    """Whether a file is the one of that name: who had it may have taken it away, and someone made another."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
