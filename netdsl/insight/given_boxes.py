"""Weak localisation measured: boxes from maps beside boxes that somebody drew, from a file of lines such as

    image,left,top,right,bottom
    cat.jpg,40,12,310,260

An image may have several lines; pixels are counted from the left and the top, the right and bottom ends not
included.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from netdsl.diagnostics import Faults, fault
from netdsl.insight.explain import Answer
from netdsl.insight.localization import Box, box_on_image, overlap

COLUMNS = ("image", "left", "top", "right", "bottom")
ENOUGH = 0.5
"""The overlap from which on an object counts as found (Russakovsky et al. 2014, section 4.2)."""

Boxes = Mapping[str, Sequence[Box]]
"""The boxes of each image, by the name of its file."""


@dataclass(frozen=True, slots=True)
class Located:
    """A map's box beside the one that was drawn, for an image, a network and a method."""

    image: str
    network: str
    method: str
    box: Box
    overlap: float
    """Intersection over union with the nearest of the image's boxes."""


@dataclass(frozen=True, slots=True)
class Score:
    """How well a method's boxes lie, over all images."""

    network: str
    method: str
    images: int
    mean: float
    """Of the overlaps."""
    found: float
    """The share of images whose overlap is enough."""


def read_boxes(path: Path) -> Boxes:
    """The boxes of a file.

    Raises:
        Faults: it cannot be read, or a line is no box; exit code 3.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise _wrong(f"`{path}` cannot be read: {reason.lower()}") from None
    lines = csv.reader(io.StringIO(text))
    if tuple(cell.strip() for cell in next(lines, [])) != COLUMNS:
        raise _wrong(f"`{path}` does not begin with `{','.join(COLUMNS)}`")
    found: dict[str, list[Box]] = {}
    for line in lines:
        if not line:
            continue
        box = _box(line)
        if box is None:
            raise _wrong(f"`{path}`, line {lines.line_num}: `{','.join(line)}` is no box of an image")
        found.setdefault(line[0].strip(), []).append(box)
    return found


def _box(line: Sequence[str]) -> Box | None:
    try:
        left, top, right, bottom = map(float, line[1:])
    except ValueError:
        return None
    sides = (left, top, right, bottom)
    return sides if all(map(math.isfinite, sides)) and left < right and top < bottom else None


def _wrong(message: str) -> Faults:
    help = "write `image,left,top,right,bottom`, and a line such as `cat.jpg,40,12,310,260` for each box"
    return fault("boxes-form", message, exit_code=3, help=help)


def located(answers: Sequence[Answer], boxes: Boxes, threshold: float) -> tuple[Located, ...]:
    """For each answer and map, the box around what it points at, beside the image's own.

    Args:
        answers: what networks see in images.
        boxes: those that somebody drew.
        threshold: the share of a map's maximum above which it counts.

    Raises:
        Faults: an image has no box (3), or no method gives a map (2).
    """
    without = dict.fromkeys(answer.picture.name for answer in answers if answer.picture.name not in boxes)
    if without:
        names = ", ".join(f"`{name}`" for name in without)
        raise fault("boxes-form", f"there is no box for {names}", exit_code=3, help="add a line for each")
    found = []
    for answer in answers:
        for explanation in answer.explanations:
            if explanation.kind == "heat":
                box = box_on_image(explanation, answer.picture, threshold)
                shared = max(overlap(box, given) for given in boxes[answer.picture.name])
                name = answer.picture.name
                found.append(Located(name, answer.subject.name, explanation.method, box, shared))
    if not found:
        message = "none of the methods gives a map that a box can be drawn around"
        raise fault("command-line", message, help="take one such as `gradcam` or `cam`")
    return tuple(found)


def scores(found: Sequence[Located]) -> tuple[Score, ...]:
    """The figures of each network and method."""
    groups: dict[tuple[str, str], list[float]] = {}
    for one in found:
        groups.setdefault((one.network, one.method), []).append(one.overlap)
    return tuple(
        Score(*names, len(shared), fmean(shared), fmean(value >= ENOUGH for value in shared))
        for names, shared in groups.items()
    )
