"""Weights that were read, with where they came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from netdsl.training.weights import Tensors

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class StoredFile:
    """A file of weights, read."""

    path: Path
    sha256: str
    tensors: Mapping[str, torch.Tensor]
    is_ordered: bool
    """Whether the tensors come in the order in which they were saved; safetensors files are sorted."""


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """Weights of some network, ready to be mapped onto another."""

    weights: nn.Module | Tensors
    is_ordered: bool
    path: Path
    """The file that they were read from."""
    sha256: str
    note: str | None = None
    """What a person who uses them should know."""


def as_given(file: StoredFile) -> Given:
    """A file's tensors as they are, of a network that is not known."""
    return Given(file.tensors, file.is_ordered, file.path, file.sha256)
