"""Files of weights: safetensors, and what `torch.save` writes of a state dict.

A pickle can run any code when it is read. torch's reader with `weights_only` builds tensors and containers of
them and refuses everything else; there is no way around it here.
"""

from __future__ import annotations

import hashlib
import io
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from netdsl.diagnostics import Faults, fault
from netdsl.training.initial.given import StoredFile

SAFE = ".safetensors"
PICKLED = (".pth", ".pt", ".bin")
SUFFIXES = (SAFE, *PICKLED)
"""The files that are read, by the ends of their names."""

_FORBIDDEN = re.compile(r"GLOBAL (\S+)")
"""How torch names what a pickle wants to call, in the message of its refusal."""


def read_weights_file(path: Path, digest: str | None = None) -> StoredFile:
    """The tensors of a file.

    Args:
        path: the file; its suffix says what it is.
        digest: what its SHA-256 has to begin with.

    Raises:
        Faults: it is not there (3), or it is not whole or holds more than tensors (5).
    """
    content = _content(path)
    sha256 = hashlib.sha256(content).hexdigest()
    if digest is not None and not sha256.startswith(digest):
        message = f"`{path}` is not the file that was published: its SHA-256 begins with {sha256[:8]}, "
        raise _damaged(message + f"not with {digest}", "delete it, and it is fetched anew")
    if path.suffix == SAFE:
        return StoredFile(path, sha256, _safe_tensors(path, content), is_ordered=False)
    return StoredFile(path, sha256, _pickled_tensors(path, content), is_ordered=True)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        help = "name a file, or a run's folder"
        message = f"`{path}` cannot be read: {(error.strerror or str(error)).lower()}"
        raise fault("missing-weights", message, exit_code=3, help=help) from None


def _safe_tensors(path: Path, content: bytes) -> Mapping[str, torch.Tensor]:
    try:
        return safetensors.torch.load(content)
    except (SafetensorError, KeyError, ValueError) as error:
        raise _damaged(f"`{path}` is no whole safetensors file: {_first_line(error)}") from None


def _pickled_tensors(path: Path, content: bytes) -> Mapping[str, torch.Tensor]:
    _check_sums(path, content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of protocols; what cannot be read is told below
            found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 - bytes that are no pickle can end in any exception
        if called := _FORBIDDEN.search(str(error)):
            raise _unsafe(path, called.group(1)) from None
        raise _damaged(f"`{path}` is no file that `torch.save` wrote, or it is not whole") from None
    return _state_dict(path, found)


def _check_sums(path: Path, content: bytes) -> None:
    """torch writes a check sum of each part, but does not look at it when it reads.

    Raises:
        Faults: one does not agree.
    """
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return  # as torch wrote before 1.6: without sums
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            changed = parts.testzip()
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
        raise _damaged(f"`{path}` is not whole: {_first_line(error)}") from None
    if changed is not None:
        raise _damaged(f"`{path}` has changed since it was written: the check sum of `{changed}` is wrong")


def _state_dict(path: Path, found: Any) -> Mapping[str, torch.Tensor]:
    """The state dict in what was saved: itself, or the one entry of a checkpoint that is one.

    Raises:
        Faults: there is none, or there are several.
    """
    if _is_state_dict(found):
        return _tensors(found)
    entries = found.items() if isinstance(found, Mapping) else ()
    inside = {str(name): value for name, value in entries if _is_state_dict(value)}
    if not inside:
        message = f"`{path}` holds no state dict, but {_shown(found)}"
        raise _damaged(message, "save one with `torch.save(model.state_dict(), path)`")
    if len(inside) > 1:
        names = ", ".join(f"`{name}`" for name in inside)
        message = f"`{path}` holds several state dicts: {names}"
        help = "save the one you mean alone: `torch.save(checkpoint[NAME], path)`"
        raise fault("ambiguous-weights", message, exit_code=5, help=help)
    return _tensors(next(iter(inside.values())))


def _is_state_dict(value: Any) -> bool:
    """Whether it maps names to tensors; state dicts may hold a module's extra state besides."""
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        return False
    return any(torch.is_tensor(entry) for entry in value.values()) and all(
        torch.is_tensor(entry) or name.endswith("_extra_state") for name, entry in value.items()
    )


def _tensors(state: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in state.items() if torch.is_tensor(value)}


def _shown(value: Any) -> str:
    if not isinstance(value, Mapping):
        return f"a {type(value).__name__}"
    return f"a dictionary of {', '.join(f'`{name}`' for name in list(value)[:5]) or 'nothing'}"


def _unsafe(path: Path, called: str) -> Faults:
    help = "if you trust it, save its weights anew: `torch.save(model.state_dict(), path)`"
    message = f"`{path}` holds more than tensors: reading it would call `{called}`"
    return fault("unsafe-weights", message, exit_code=5, help=help)


def _damaged(message: str, help: str = "fetch or save it anew") -> Faults:
    return fault("damaged-weights", message, exit_code=5, help=help)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
