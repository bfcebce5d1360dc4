"""Weak localisation: the box around what a map points at, though nobody ever showed the network a box.

Boxes are `(left, top, right, bottom)` in cells or pixels, the right and bottom ends not included.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from netdsl.insight.colours import on_image
from netdsl.insight.explanation import Explanation
from netdsl.insight.subject import Picture

Box = tuple[float, float, float, float]
SHARE = 0.2
"""Of a map's maximum, above which a region is looked at (Zhou et al. 2016, section 3.2)."""


def box_of(values: npt.NDArray[np.floating], threshold: float = SHARE) -> Box:
    """The box around a map's largest region above a share of its maximum (Zhou et al. 2016, section 3.2).

    Args:
        values: `(height, width)`.
        threshold: the share of the maximum; the paper's is 0.2.

    >>> box_of(np.array([[0.0, 0.0, 0.0], [0.0, 0.9, 1.0], [0.1, 0.0, 0.0]]))
    (1.0, 1.0, 3.0, 2.0)
    """
    above = looked_at(values, threshold)
    if not above.any():
        return (0.0, 0.0, 0.0, 0.0)
    regions = _regions(above)
    numbers, counts = np.unique(regions[above], return_counts=True)
    return box_around(regions == numbers[counts.argmax()])


def looked_at(values: npt.NDArray[np.floating], threshold: float) -> npt.NDArray[np.bool_]:
    """Where a map `(height, width)` is above a share of its maximum; nowhere, where nothing is above 0."""
    above: npt.NDArray[np.bool_] = values > threshold * values.max(initial=0.0)
    return above


def box_around(cells: npt.NDArray[np.bool_]) -> Box:
    """The smallest box that holds all cells that are true, of which there is at least one."""
    down, across = np.nonzero(cells)
    return (float(across.min()), float(down.min()), float(across.max() + 1), float(down.max() + 1))


def speaks_for(explanation: Explanation, picture: Picture) -> npt.NDArray[np.floating]:
    """What a map says for the class at the image's own pixels, `(H, W)`; 0 where the network did not look."""
    laid: npt.NDArray[np.floating] = np.nan_to_num(on_image(explanation.values, picture)).clip(min=0)
    return laid


def box_on_image(explanation: Explanation, picture: Picture, threshold: float = SHARE) -> Box:
    """The box of what a map says for the class, in the image's own pixels."""
    return box_of(speaks_for(explanation, picture), threshold)


def _regions(above: npt.NDArray[np.bool_]) -> npt.NDArray[np.int_]:
    """A number for each region of cells that touch along an edge; 0 where there is none."""
    numbers = np.where(above, np.arange(1, above.size + 1).reshape(above.shape), 0)
    while True:
        padded = np.pad(numbers, 1)
        beside = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
        spread = np.where(above, np.maximum.reduce([numbers, *beside]), 0)
        if np.array_equal(spread, numbers):
            return numbers
        numbers = spread


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes (Everingham et al. 2010, equation 3).

    >>> overlap((0, 0, 2, 2), (1, 0, 3, 2)), overlap((0, 0, 1, 1), (2, 2, 3, 3))
    (0.3333333333333333, 0.0)
    """
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    total = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - shared
    return shared / total if total else 0.0
