"""A published file of weights → the place where its library keeps it, and from there."""

from __future__ import annotations

import contextlib
import http.client
import os
import urllib.request
from pathlib import Path
from urllib.parse import urlparse

import torch
from torch.hub import HASH_REGEX

from netdsl.diagnostics import fault
from netdsl.training.initial.files import read_weights_file
from netdsl.training.initial.given import Say, StoredFile

STALL_SECONDS = 30
"""How long a server may take to answer, and a transfer may stand still."""
PART = 2**20
"""Bytes that are read at a time."""


def published_file(address: str, say: Say, *, names_digest: bool = True) -> StoredFile:
    """The tensors of a file that torch's hub keeps, fetched unless it is there.

    Args:
        address: where it is published.
        say: told what takes long.
        names_digest: whether its name ends with the beginning of its SHA-256, as in `-f37072fd.pth`.

    Raises:
        Faults: it is not there and cannot be fetched (3), or not what was published (5).
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(address).path).name
    if not path.exists():
        say(f"fetching {address} into {path.parent}")
        try:
            _fetch(address, path)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            message = f"`{path.name}` is not in `{path.parent}`, and cannot be fetched: {reason}"
            help = f"connect to the network, or put `{path.name}` there, from {address}"
            raise fault("missing-weights", message, exit_code=3, help=help) from None
    named = HASH_REGEX.search(path.name) if names_digest else None
    return read_weights_file(path, named.group(1) if named else None)


def _fetch(address: str, path: Path) -> None:
    """Fetches a file beside its place and moves it there once it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    request = urllib.request.Request(address, headers={"User-Agent": "netdsl"})  # noqa: S310 - of a catalogue
    try:
        with urllib.request.urlopen(request, timeout=STALL_SECONDS) as answer, partial.open("wb") as file:  # noqa: S310
            while part := answer.read(PART):
                file.write(part)
            expected = answer.headers.get("Content-Length")
            if expected is not None and file.tell() != int(expected):
                message = f"the transfer broke off after {file.tell():,} of {int(expected):,} bytes"
                raise OSError(message)
        partial.replace(path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
