"""Checkpoints: folders of safetensors and JSON with a manifest of digests, written beside and renamed.

    checkpoints/epoch-0003/{model.safetensors, optimizer.safetensors, state.json, manifest.json}

A folder of that name is complete or it is not there; whether it is sound, its manifest tells. Which is the
latest is found out, never noted, so that no note can be wrong. Nothing here is a pickle.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import nn
from torch.optim import Optimizer

from netdsl.diagnostics import fault

MANIFEST, STATE = "manifest.json", "state.json"
MODEL, OPTIMIZER = "model.safetensors", "optimizer.safetensors"
_NAME = re.compile(r"epoch-(\d{4,})\Z")
KEPT = 2
"""The latest checkpoints that stay, besides the best."""

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A checkpoint whose manifest verified, read."""

    epoch: int
    model: Tensors
    optimizer: Tensors
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Latest:
    """What a folder of checkpoints holds."""

    checkpoint: Checkpoint | None
    """The highest that is sound; None where there is none at all."""
    damaged: tuple[str, ...]
    """Higher ones that are not, each with the reason."""


def save_checkpoint(
    folder: Path, epoch: int, model: Tensors, optimizer: Tensors, state: Mapping[str, Any]
) -> Path:
    """Writes a checkpoint; at any moment before the end, a kill leaves the folder as it was.

    Raises:
        Faults: it cannot be written; exit code 5.
    """
    final = folder / f"epoch-{epoch:04d}"
    partial = folder / f".{final.name}.partial"
    contents = {
        MODEL: save(_plain(model)),
        OPTIMIZER: save(_plain(optimizer)),
        STATE: json.dumps(state, indent=1).encode(),
    }
    contents[MANIFEST] = _manifest(contents)
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for name, content in contents.items():
            write_through(partial / name, content)
        sync_folder(partial)
        if final.exists():  # written by a run that this one resumed before it
            shutil.rmtree(final)
        partial.rename(final)
        sync_folder(folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        message = f"the checkpoint `{final}` cannot be written: {error.strerror or error}"
        help = "the checkpoints before it are as they were; `--resume` goes on from the latest"
        raise fault("checkpoint-unwritable", message, exit_code=5, help=help) from None
    return final


def latest_checkpoint(folder: Path) -> Latest:
    """The highest sound checkpoint of a folder.

    Raises:
        Faults: there are checkpoints, and none is sound; exit code 5.
    """
    damaged: list[str] = []
    for epoch in sorted(checkpoint_epochs(folder), reverse=True):
        checkpoint = read_checkpoint(folder, epoch)
        if isinstance(checkpoint, Checkpoint):
            return Latest(checkpoint, tuple(damaged))
        damaged.append(checkpoint)
    if damaged:
        help = "restore one from a copy, or train anew"
        raise fault("damaged-checkpoint", "; ".join(damaged), exit_code=5, help=help)
    return Latest(None, ())


def checkpoint_epochs(folder: Path) -> list[int]:
    """The epochs whose checkpoints are in a folder, sound or not."""
    if not folder.is_dir():
        return []
    matches = (_NAME.match(path.name) for path in folder.iterdir() if path.is_dir())
    return sorted(int(match.group(1)) for match in matches if match)


def read_checkpoint(folder: Path, epoch: int) -> Checkpoint | str:
    """A checkpoint, or what is wrong with it. What is verified is what is used: each file is read once."""
    path = folder / f"epoch-{epoch:04d}"
    try:
        contents = {name: (path / name).read_bytes() for name in (MODEL, OPTIMIZER, STATE)}
        manifest = (path / MANIFEST).read_bytes()
    except OSError as error:
        return f"`{path}` is not complete: {error.strerror}"
    if manifest != _manifest(contents):
        changed = [name for name, content in contents.items() if _digest(content) not in manifest]
        return f"`{path / (changed or [MANIFEST])[0]}` has changed since it was written"
    return Checkpoint(epoch, load(contents[MODEL]), load(contents[OPTIMIZER]), json.loads(contents[STATE]))


def _manifest(contents: Mapping[str, bytes]) -> bytes:
    """The digest of each file, in a form that has one spelling only: a flipped bit anywhere shows."""
    digests = {name: _digest(content).decode() for name, content in contents.items()}
    return json.dumps(digests, indent=1).encode()


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def prune_checkpoints(folder: Path, best: int) -> None:
    """Removes all but the latest and the best."""
    epochs = checkpoint_epochs(folder)
    for epoch in set(epochs[:-KEPT]) - {best}:
        shutil.rmtree(folder / f"epoch-{epoch:04d}", ignore_errors=True)


def write_through(path: Path, content: bytes) -> None:
    """Writes a file so that it is on the disk, not on its way there."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_beside(path: Path, content: bytes) -> None:
    """Replaces a file whole: a reader, or a kill, meets the old content or the new."""
    partial = path.with_name(f".{path.name}.partial")
    write_through(partial, content)
    partial.replace(path)


def sync_folder(path: Path) -> None:
    """Brings a folder's entries to the disk; a system that opens no folders does without."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _plain(tensors: Tensors) -> Tensors:
    return {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}


# Modules and optimizers as named tensors


def module_tensors(module: nn.Module) -> Tensors:
    """A module's parameters and buffers by name; what several names share appears once."""
    kept = module.state_dict().keys()
    named = [*module.named_parameters(), *module.named_buffers()]
    return {name: tensor for name, tensor in named if name in kept}


def load_module(module: nn.Module, tensors: Tensors, where: Path) -> None:
    """Sets a module's parameters and buffers.

    Raises:
        Faults: they are not this module's; exit code 5.
    """
    own = module_tensors(module)
    problem = _difference({n: t.shape for n, t in own.items()}, {n: t.shape for n, t in tensors.items()})
    if problem is not None:
        help = "the spec has changed since, or the checkpoint belongs to another run"
        message = f"the checkpoint in `{where}` does not fit the network: {problem}"
        raise fault("checkpoint-mismatch", message, exit_code=5, help=help)
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(tensors[name])


def _difference(own: Mapping[str, torch.Size], given: Mapping[str, torch.Size]) -> str | None:
    for name, shape in own.items():
        if name not in given:
            return f"it has no `{name}`"
        if given[name] != shape:
            return f"`{name}` is {tuple(given[name])}, not {tuple(shape)}"
    surplus = [name for name in given if name not in own]
    return f"it has `{surplus[0]}`, which the network has not" if surplus else None


def optimizer_tensors(optimizer: Optimizer, module: nn.Module) -> Tensors:
    """An optimizer's memory: `parameter/what`, such as `conv1.weight/momentum_buffer`."""
    tensors: Tensors = {}
    for name, parameter in module.named_parameters():
        for what, value in optimizer.state.get(parameter, {}).items():
            if value is not None:  # SGD without momentum keeps a place for none
                tensors[f"{name}/{what}"] = torch.as_tensor(value)
    return tensors


def load_optimizer(optimizer: Optimizer, module: nn.Module, tensors: Tensors, where: Path) -> None:
    """Sets an optimizer's memory, each tensor laid out as its parameter is, so that steps have the same bits.

    Raises:
        Faults: it is not that of this module's parameters; exit code 5.
    """
    parameters = dict(module.named_parameters())
    for key, tensor in tensors.items():
        name, _, what = key.rpartition("/")
        parameter = parameters.get(name)
        if parameter is None or tensor.shape not in (parameter.shape, torch.Size()):
            message = f"the optimizer's memory in `{where}` does not fit the network at `{name}`"
            raise fault("checkpoint-mismatch", message, exit_code=5, help="the spec has changed since")
        if tensor.shape == parameter.shape and what != "step":
            laid_out = torch.empty_like(parameter, dtype=tensor.dtype)
            optimizer.state[parameter][what] = laid_out.detach().copy_(tensor)
        else:
            optimizer.state[parameter][what] = tensor.clone()
