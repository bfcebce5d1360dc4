"""Files that outlive a kill, a full disk and a power cut: written beside, brought to the disk, renamed."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write_through(path: Path, content: bytes) -> None:
    """Writes a file so that it is on the disk, not on its way there."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_beside(path: Path, content: bytes) -> None:
    """Replaces a file whole: a reader, or a kill, meets the old content or the new."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        write_through(partial, content)
        partial.replace(path)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def sync_folder(path: Path) -> None:
    """Brings a folder's entries to the disk; a system that opens no folders does without."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
