"""The mistakes of which a classifier is surest, with their pictures.

N images of a batch, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure

SHOWN = 12
"""The most that are shown."""
COLUMNS = 4
LONGEST_NAME = 14
"""Characters of a class' name above a picture."""


class Mistake(NamedTuple):
    """An image that was taken for another class."""

    share: float
    """How likely that class was found."""
    image: torch.Tensor
    """As the data give it, `(C, H, W)`."""
    label: int
    seen: int


@dataclass(slots=True)
class Worst:
    """The surest mistakes among all batches that went by."""

    found: list[Mistake] = field(default_factory=list)

    def add(self, images: torch.Tensor, labels: torch.Tensor, probabilities: torch.Tensor) -> None:
        """Looks at a batch.

        Args:
            images: as the data give them, `(N, C, H, W)`.
            labels: `(N)`.
            probabilities: of each class, `(N, K)`.
        """
        shares, seen = probabilities.max(dim=1)
        wrong = (seen != labels).nonzero()[:, 0]
        surest = wrong[shares[wrong].argsort(descending=True)][:SHOWN]
        for place in surest.tolist():
            image = images[place].cpu().clone()
            self.found.append(Mistake(float(shares[place]), image, int(labels[place]), int(seen[place])))
        self.found = sorted(self.found, key=lambda mistake: -mistake.share)[:SHOWN]

    def draw(self, names: Sequence[str]) -> Figure:
        """The mistakes, the surest first, each with the class that it is and the one that was seen."""
        rows = -(-len(self.found) // COLUMNS)
        drawn = Figure(figsize=(1.7 * COLUMNS, 2.2 * rows), layout="constrained")
        grid = drawn.subplots(rows, COLUMNS, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for axes, mistake in zip(grid.flat, self.found, strict=False):
            axes.imshow(_shown(mistake.image), cmap="gray", vmin=0, vmax=1)
            is_name, seen = (_cut(names[number]) for number in (mistake.label, mistake.seen))
            axes.set_title(f"is {is_name}\nseen {seen}, {100 * mistake.share:.0f} %", fontsize=9)
        return drawn


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _shown(image: torch.Tensor) -> np.ndarray:
    """An image as it is drawn, `(H, W)` or `(H, W, 3)`, from 0 to 1: of other channels the first."""
    values = image.float() / 255 if image.dtype == torch.uint8 else image.float().clamp(0, 1)
    shown: np.ndarray = (values.permute(1, 2, 0) if len(image) == 3 else values[0]).numpy()
    return shown
