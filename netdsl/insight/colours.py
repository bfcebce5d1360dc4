"""Explanations as pixels: a map laid over its image, a signed picture, many small pictures side by side.

H height, W width of the image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps

from netdsl.insight.explanation import Array, Explanation
from netdsl.insight.subject import Picture

HEAT = "turbo"
OPACITY = 0.5
"""How much of a map there is in an overlay."""
LINE_COLOUR = (70, 110, 160)
SMALLEST_SHOWN = 224
"""Pixels of the shorter side below which an image is shown enlarged in a sheet."""

Pixels = npt.NDArray[np.uint8]


def shown_image(picture: Picture) -> Pixels:
    """The image as it is, `(H, W, 3)`."""
    pixels: Pixels = picture.pixels.numpy().transpose(1, 2, 0)
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def on_image(values: Array, picture: Picture, enlarged: int = 1) -> Array:
    """A map's values at the image's pixels, `(H, W)` times `enlarged`: between cells they are interpolated
    linearly; where the network did not look, as outside of a crop, they are no numbers."""
    height, width = (enlarged * size for size in picture.pixels.shape[1:])
    frame = picture.frame
    down = _between(height, frame.top * enlarged, frame.bottom * enlarged, values.shape[0])
    across = _between(width, frame.left * enlarged, frame.right * enlarged, values.shape[1])
    laid: Array = (down @ values.astype(np.float64) @ across.T).astype(np.float32)
    return laid


def _between(count: int, first: float, last: float, cells: int) -> npt.NDArray[np.float64]:
    """How much each of `cells`, spread from `first` to `last`, weighs at each of `count` pixels."""
    share = (np.arange(count) + 0.5 - first) / (last - first)
    place = np.clip(share * cells - 0.5, 0, cells - 1)
    weights: npt.NDArray[np.float64] = np.clip(1 - np.abs(place[:, None] - np.arange(cells)), 0, 1)
    slack = 1e-3  # sizing rounds
    weights[(share < -slack) | (share > 1 + slack)] = np.nan
    return weights


def overlay(explanation: Explanation, picture: Picture) -> Pixels:
    """A map in colours, half and half with its image: `(H, W, 3)`, of the image's own size."""
    values = on_image(explanation.values, picture)
    lowest, highest = limits(explanation.values)
    colours = colormaps[HEAT]((np.nan_to_num(values, nan=lowest) - lowest) / (highest - lowest))[..., :3]
    opacity = np.where(np.isnan(values), 0, OPACITY)[..., None]
    mixed = opacity * colours + (1 - opacity) * (shown_image(picture) / 255)
    return _bytes(mixed)


def limits(values: Array) -> tuple[float, float]:
    """A map's smallest and largest value, some way apart."""
    lowest, highest = float(values.min()), float(values.max())
    return lowest, highest if highest > lowest else lowest + 1.0


def signed(values: Array, blue_first: bool = False) -> Pixels:
    """A signed picture `(1 or 3, H, W)` about a middle grey, which is 0: `(H, W, 3)`."""
    largest = float(np.abs(values).max()) or 1.0
    pixels = (0.5 + values / (2 * largest)).transpose(1, 2, 0)
    pixels = pixels[..., ::-1] if blue_first else pixels
    pixels = pixels if pixels.shape[2] == 3 else np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2)
    return _bytes(pixels)


def mosaic(explanation: Explanation, blue_first: bool = False) -> Pixels:
    """Small pictures `(count, 1 or 3, H, W)` in rows, with lines between: each in its own range.

    Filters and projections are signed, 0 a middle grey; maps run from black, their smallest value, to white.
    Patches stand to the left of their projections, three in a row.
    """
    values = explanation.values
    if explanation.method == "features":
        return _laid_out([_grey(tile) for tile in values])
    signs = [signed(tile, blue_first) for tile in values]
    if explanation.method == "filters":
        return _laid_out(signs)
    patches = [_coloured(patch, blue_first) for patch in explanation.extra["patches"]]
    return _laid_out([np.hstack(pair) for pair in zip(patches, signs, strict=True)], columns=3)


def _laid_out(tiles: Sequence[Pixels], columns: int | None = None) -> Pixels:
    """Pictures of one size in rows, as square as they come unless the columns are given."""
    height, width, _ = tiles[0].shape
    columns = columns or math.ceil(math.sqrt(len(tiles) * height / width))
    rows = math.ceil(len(tiles) / columns)
    line = max(1, min(height, width) // 8)
    sheet = np.empty((rows * (height + line) - line, columns * (width + line) - line, 3), np.uint8)
    sheet[:] = LINE_COLOUR
    for number, tile in enumerate(tiles):
        top, left = (number // columns) * (height + line), (number % columns) * (width + line)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def _coloured(patch: Array, blue_first: bool) -> Pixels:
    """A piece of an image `(1 or 3, H, W)`, from 0 to 1, as `(H, W, 3)`."""
    pixels = patch.transpose(1, 2, 0)
    pixels = pixels[..., ::-1] if blue_first else pixels
    return _bytes(np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels[..., :3])


def _grey(tile: Array) -> Pixels:
    lowest, highest = limits(tile)
    return _bytes(np.repeat((tile[0, ..., None] - lowest) / (highest - lowest), 3, axis=2))


def _bytes(shares: npt.NDArray[np.floating]) -> Pixels:
    pixels: Pixels = (np.clip(shares, 0, 1) * 255).round().astype(np.uint8)
    return pixels
