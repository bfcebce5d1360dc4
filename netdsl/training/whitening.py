"""Whitening: the values of an image freed of their correlation, by figures of the training images.

    x → W (x − μ)                    μ, C: mean and covariance of the training images, C = U Λ Uᵀ
    zca   W = U (Λ + ε)^−½ Uᵀ        of all whitening matrices the one that changes images least: values stay
                                     in their places (Bell & Sejnowski 1997; Krizhevsky 2009, appendix A)
    pca   W = (Λ + ε)^−½ Uᵀ          principal components, the largest variance first, which have no places
                                     (Hyvärinen et al. 2001, Independent Component Analysis, section 6.4)

It is fitted once, when a run begins, and kept in the run's folder: whoever goes on with the run, or uses it,
reads it there.

D values of an image, channel by channel and row by row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, final

import torch
from safetensors.torch import load, save
from torch.nn import functional

from netdsl.diagnostics import Faults, fault
from netdsl.training.durable import write_beside

Kind = Literal["zca", "pca"]

WHITENING = "whitening.safetensors"
"""The file in a run's folder: `mean`, `(D,)`, and `matrix`, `(D, D)`."""
MOST_VALUES = 4096
"""The most that an image may have: the matrix has their square, and what it is made of takes their cube."""
MOST_IMAGES = 50_000
"""That it is fitted to, spread evenly over the training images; CIFAR's are as many."""
AT_ONCE = 1024
"""Images that are added to the covariance in one go."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """What takes the correlation off images, whose values are floats and normalised already."""

    mean: torch.Tensor
    """μ, `(D,)`."""
    matrix: torch.Tensor
    """W, `(D, D)`: a row for each value that comes out."""
    _placed: dict[torch.device, tuple[torch.Tensor, torch.Tensor]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Both on a device, brought there once."""

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Images `(batch, channels, height, width)`, whitened; in fp32, and with a gradient."""
        if images.device not in self._placed:
            self._placed[images.device] = (self.mean.to(images.device), self.matrix.to(images.device))
        mean, matrix = self._placed[images.device]
        whitened = functional.linear(images.flatten(1) - mean, matrix)
        return torch.empty_like(images).copy_(whitened.view(images.shape))  # laid out as they came

    def to_bytes(self) -> bytes:
        """The file's content."""
        return save({"mean": self.mean, "matrix": self.matrix})

    @property
    def digest(self) -> str:
        """The SHA-256 of the file."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def fit_whitening(
    images: torch.Tensor,
    scale: Callable[[torch.Tensor], torch.Tensor],
    kind: Kind,
    epsilon: float,
) -> Whitening:
    """The whitening of images `(images, channels, height, width)`, which are bytes.

    The covariance is summed in double precision, part by part, over one less than the images. Each direction
    points to where its largest value is positive, so that nothing is left to chance.

    Args:
        images: the training images.
        scale: makes normalised floats of them.
        kind: what comes out.
        epsilon: added to the variance of each direction. It keeps finite what few images leave at 0.
    """
    parts = torch.split(images, AT_ONCE)
    sums = [scale(part).flatten(1).double().sum(dim=0) for part in parts]
    mean = torch.stack(sums).sum(dim=0) / len(images)
    covariance = torch.zeros(len(mean), len(mean), dtype=torch.float64)
    for part in parts:
        centred = scale(part).flatten(1).double() - mean
        covariance.addmm_(centred.T, centred)
    variances, directions = torch.linalg.eigh(covariance / max(len(images) - 1, 1))
    variances, directions = variances.flip(0).clamp(min=0), directions.flip(1)
    largest = directions.gather(0, directions.abs().argmax(dim=0, keepdim=True))
    directions = directions * torch.where(largest < 0, -1.0, 1.0)
    shrunk = directions / (variances + epsilon).sqrt()
    matrix = shrunk @ directions.T if kind == "zca" else shrunk.T
    return Whitening(mean.float(), matrix.float().contiguous())


def write_whitening(folder: Path, whitening: Whitening) -> None:
    """Writes a whitening into a run's folder.

    Raises:
        OSError: it cannot be written.
    """
    write_beside(folder / WHITENING, whitening.to_bytes())


def read_whitening(folder: Path, digest: str | None) -> Whitening:
    """The whitening of a run's folder. What is verified is what is used: the file is read once.

    Args:
        folder: the run's folder.
        digest: its SHA-256 as the run noted it.

    Raises:
        Faults: it is not the one that the run began with, or is gone; exit code 5.
    """
    path = folder / WHITENING
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _damaged(f"`{path}` cannot be read: {(error.strerror or str(error)).lower()}") from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise _damaged(f"`{path}` has changed since the run began")
    tensors = load(content)
    return Whitening(tensors["mean"], tensors["matrix"])


def _damaged(message: str) -> Faults:
    help = "restore it from a copy, or train anew: other figures would give other results"
    return fault("damaged-run", message, exit_code=5, help=help)
