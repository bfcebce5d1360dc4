"""What a method is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from netdsl.diagnostics import fault
from netdsl.insight.landmarks import Place
from netdsl.insight.subject import Picture, Subject

Array = npt.NDArray[np.float32]
Kind = Literal["heat", "colour", "tiles"]


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """Why a network sees a class in an image."""

    subject: Subject
    picture: Picture
    class_number: int
    layer: Place | None
    """Where methods look that look at a layer; None where the network has none to look at."""

    @property
    def place(self) -> Place:
        """The layer to look at.

        Raises:
            Faults: there is none; exit code 2.
        """
        return self.layer or self.subject.place(None)

    def score(self, images: torch.Tensor) -> torch.Tensor:
        """The class' score in each image: `(batch,)`."""
        return self.subject.scores(images)[:, self.class_number]


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """A method's answer."""

    method: str
    kind: Kind
    """`heat`: a map `(H, W)`, more where it matters more; `colour`: a signed picture `(1 or 3, H, W)` of the
    input's size; `tiles`: many small pictures `(count, 1 or 3, H, W)`."""
    values: Array
    place: str = ""
    """The layer that was looked at."""
    note: str = ""
    """A few words for the picture: `map 17`."""
    extra: Mapping[str, Array] = field(default_factory=dict)
    """Further figures, by name."""


def as_array(values: torch.Tensor) -> Array:
    """A tensor's values, on the CPU."""
    array: Array = values.detach().float().cpu().numpy()
    return array


def check_map(number: int | None, count: int, where: str) -> None:
    """Whether a layer has a map of that number.

    Raises:
        Faults: it has not; exit code 2.
    """
    if number is not None and number >= count:
        message = f"`{where}` has {count} maps, numbered from 0: there is no map {number}"
        raise fault("unknown-map", message, exit_code=2, help=f"give a number up to {count - 1}")
