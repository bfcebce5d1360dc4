"""Checkpoints: folders of safetensors and JSON with a manifest of digests, written beside and renamed.

    checkpoints/epoch-0003+00120/{model.safetensors, optimizer.safetensors, …, state.json, manifest.json}

A folder of that name is complete or it is not there; whether it is sound, its manifest tells. Which is the
latest is found out, never noted, so that no note can be wrong. Nothing here is a pickle.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from safetensors.torch import load, save

from netdsl.diagnostics import fault
from netdsl.training.durable import sync_folder, write_through
from netdsl.training.tensors import Tensors

MANIFEST, STATE = "manifest.json", "state.json"
MODEL, OPTIMIZER, NOTES = "model.safetensors", "optimizer.safetensors", "notes.safetensors"
AVERAGE = "average.safetensors"
"""The moving average of the model, where the recipe asks for one."""
_POSITION = re.compile(r"epoch-(\d{4,})(?:\+(\d{5,}))?\Z")
_FILE = re.compile(r"[a-z]+\.(safetensors|json)\Z")
_PARTIAL = ".partial"

EVERY_SECONDS = 300
"""The time from checkpoint to checkpoint within an epoch, unless told otherwise."""
KEEP = 2
"""The latest checkpoints that stay, unless told otherwise."""


class Position(NamedTuple):
    """How far a training has come. Positions, and their folders' names, sort as training goes."""

    epochs: int
    """Whole ones, with their tests."""
    steps: int = 0
    """Of the next epoch."""

    @property
    def folder(self) -> str:
        """The name of the checkpoint's folder.

        >>> Position(3).folder, Position(3, 120).folder
        ('epoch-0003', 'epoch-0003+00120')
        """
        return f"epoch-{self.epochs:04d}" + (f"+{self.steps:05d}" if self.steps else "")

    def __str__(self) -> str:
        steps = f"step {self.steps:,} of epoch {self.epochs + 1}"
        return steps if self.steps else f"epoch {self.epochs}"


@dataclass(frozen=True, slots=True)
class Keeping:
    """What a run's folder keeps: when checkpoints are written, which stay, and what is written beside."""

    every_seconds: float = EVERY_SECONDS
    """How often within an epoch; at its end always."""
    last: int = KEEP
    """How many of the latest stay, besides the best."""
    tensorboard: bool = False
    """Whether files for TensorBoard are written."""


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A checkpoint whose manifest verified, read."""

    position: Position
    tensors: Mapping[str, Tensors]
    """By the names of their files."""
    state: Mapping[str, Any]

    @property
    def used(self) -> str:
        """The file of the weights that are measured and used: of the average, where there is one."""
        return AVERAGE if AVERAGE in self.tensors else MODEL

    @property
    def model(self) -> Tensors:
        """The weights that are used."""
        return self.tensors[self.used]


@dataclass(frozen=True, slots=True, eq=False)
class Latest:
    """What a folder of checkpoints holds."""

    checkpoint: Checkpoint | None
    """The highest that is sound; None where there is none at all."""
    damaged: tuple[str, ...]
    """Higher ones that are not, each with the reason."""


def save_checkpoint(
    folder: Path, position: Position, tensors: Mapping[str, Tensors], state: Mapping[str, Any]
) -> Path:
    """Writes a checkpoint; at any moment before the end, a kill leaves the folder as it was.

    Args:
        folder: that of the checkpoints. It must be there: one that has vanished is not made again.
        position: how far the training has come.
        tensors: by the names of their files.
        state: all else.

    Raises:
        Faults: it cannot be written; exit code 5.
    """
    final = folder / position.folder
    partial = folder / f".{final.name}{_PARTIAL}"
    contents = {name: save(_plain(part)) for name, part in tensors.items()}
    contents[STATE] = json.dumps(state, indent=1).encode()
    contents[MANIFEST] = _manifest(contents)
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        for name, content in contents.items():
            write_through(partial / name, content)
        sync_folder(partial)
        if final.exists():  # a damaged one: a sound one is gone on from, and not written again
            shutil.rmtree(final)
        partial.rename(final)
        sync_folder(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        message = f"the checkpoint `{final}` cannot be written: {(error.strerror or str(error)).lower()}"
        help = "make room, or mount the disk again: the checkpoints before it are as they were"
        raise fault("checkpoint-unwritable", message, exit_code=5, help=help) from None
    return final


def latest_checkpoint(folder: Path) -> Latest:
    """The highest sound checkpoint of a folder.

    Raises:
        Faults: there are checkpoints, and none is sound; exit code 5.
    """
    damaged: list[str] = []
    for position in reversed(positions(folder)):
        checkpoint = read_checkpoint(folder, position)
        if isinstance(checkpoint, Checkpoint):
            return Latest(checkpoint, tuple(damaged))
        damaged.append(checkpoint)
    if damaged:
        help = "restore one from a copy, or train anew"
        raise fault("damaged-checkpoint", "; ".join(damaged), exit_code=5, help=help)
    return Latest(None, ())


def positions(folder: Path) -> list[Position]:
    """Those whose checkpoints are in a folder, sound or not, the lowest first."""
    if not folder.is_dir():
        return []
    matches = (_POSITION.match(path.name) for path in folder.iterdir() if path.is_dir())
    return sorted(Position(int(match[1]), int(match[2] or 0)) for match in matches if match)


def read_checkpoint(folder: Path, position: Position) -> Checkpoint | str:
    """A checkpoint, or what is wrong with it. What is verified is what is used: each file is read once."""
    path = folder / position.folder
    try:
        manifest = (path / MANIFEST).read_bytes()
        contents = {name: (path / name).read_bytes() for name in _listed(manifest)}
    except OSError as error:
        return f"`{path}` is not complete: {error.strerror}"
    if manifest != _manifest(contents) or not contents.keys() >= {MODEL, STATE}:
        changed = [name for name, content in contents.items() if _digest(content) not in manifest]
        return f"`{path / (changed or [MANIFEST])[0]}` has changed since it was written"
    tensors = {name: load(content) for name, content in contents.items() if name != STATE}
    return Checkpoint(position, tensors, json.loads(contents[STATE]))


def _listed(manifest: bytes) -> list[str]:
    """The files that a manifest names; none where it is damaged."""
    try:
        names = json.loads(manifest)
    except ValueError:
        return []
    return [name for name in names if _FILE.match(name)] if isinstance(names, dict) else []


def _manifest(contents: Mapping[str, bytes]) -> bytes:
    """The digest of each file, in a form that has one spelling only: a flipped bit anywhere shows."""
    digests = {name: _digest(content).decode() for name, content in contents.items()}
    return json.dumps(digests, indent=1).encode()


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def prune_checkpoints(folder: Path, last: int, best: int) -> None:
    """Removes what is no longer needed.

    Args:
        folder: that of the checkpoints.
        last: how many of the latest stay, of those at the ends of epochs and of those within the next.
        best: the epoch whose checkpoint stays whatever its age.
    """
    found = positions(folder)
    ends = [position for position in found if not position.steps]
    within = [position for position in found if position.steps and (not ends or position > ends[-1])]
    for position in {*found} - {*ends[-last:], *within[-last:], Position(best)}:
        shutil.rmtree(folder / position.folder, ignore_errors=True)


def remove_partial_checkpoints(folder: Path) -> None:
    """Removes what saves that were killed have left."""
    for path in folder.glob(f".epoch-*{_PARTIAL}"):
        shutil.rmtree(path, ignore_errors=True)


def _plain(tensors: Tensors) -> Tensors:
    return {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}
