"""The nine images of a data set that a feature map answers strongest to, cut to what it answers to.

C channels, H height, W width of the network's input.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F

from netdsl.diagnostics import fault
from netdsl.insight.capture import captured
from netdsl.insight.deconvnet import project
from netdsl.insight.explanation import Explanation, Question, as_array, check_map
from netdsl.training.data.dataset import DataSet, Images
from netdsl.training.data.find import data_root, find_data

NINE = 9
AT_ONCE = 64
"""Images in a batch."""
LINE = 1
"""Pixels of the input left around what a projection reaches."""


def top9(question: Question, *, map: int | None = None, images: int = 1000) -> Explanation:
    """The nine strongest answers of a map, one for an image, each with its projection (Zeiler & Fergus 2013,
    figure 2). A patch is the box that the projection reaches, enlarged to the size of the largest.

    Args:
        map: the feature map's number; the one that answers strongest to the picture unless given.
        images: how many of the network's test data are looked at.

    Raises:
        Faults: the layer has no such map (2), or the data are missing (3).
    """
    number = _strongest_map(question) if map is None else map
    held = _test_images(question)
    count = min(images, len(held))
    strengths = torch.cat(list(_strengths(question, held, count, number)))
    best = strengths.topk(min(NINE, count))
    pairs = [_patch(question, held[index], number) for index in best.indices.tolist()]
    side = max(max(patch.shape[1:]) for patch, _ in pairs)
    patches, projections = (
        torch.stack([_square(one, side) for one in part]) for part in zip(*pairs, strict=True)
    )
    extra = {
        "patches": as_array(patches),
        "images": as_array(best.indices),
        "strengths": as_array(best.values),
    }
    note = f"map {number}, of {count:,} images"
    return Explanation("top9", "tiles", as_array(projections), str(question.place), note, extra)


def _strongest_map(question: Question) -> int:
    with torch.no_grad(), captured(question.subject.module, question.place) as found:
        question.subject.module(question.picture.input)
    return int(found.maps[0].amax(dim=(1, 2)).argmax())


def _test_images(question: Question) -> Images:
    """The images of the network's data that it was not trained on."""
    found = find_data(question.subject.data, data_root(None), print, fetch=False).data
    if not isinstance(found, DataSet):
        message = f"`{question.subject.data[0]}` is no set of images"
        raise fault("missing-data", message, exit_code=3, help="use `features`, which needs no data set")
    return found.test.images


def _strengths(question: Question, held: Images, count: int, number: int) -> Iterator[torch.Tensor]:
    """The strongest activation of the map in each of the first images, `(batch,)` at a time."""
    subject = question.subject
    for first in range(0, count, AT_ONCE):
        sized = torch.stack(
            [subject.size(held[index]) for index in range(first, min(first + AT_ONCE, count))]
        )
        with torch.no_grad(), captured(subject.module, question.place) as found:
            subject.module(subject.scaling(subject.placement.images(sized)))
        check_map(number, found.maps.shape[1], question.place.path)
        yield found.maps[:, number].amax(dim=(1, 2)).cpu()


def _patch(question: Question, pixels: torch.Tensor, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What the map's strongest activation answers to, from 0 to 1, and its projection: both `(C, h, w)`."""
    picture = question.subject.picture_of(pixels, "")
    projection, _ = project(question.subject, picture.input, question.place, number, "strongest")
    reached = projection[0].abs().amax(dim=0) > 0
    rows, columns = (_span(reached.any(dim=axis)) for axis in (1, 0))
    sized = question.subject.size(pixels).float() / 255
    return sized[:, rows, columns], projection[0, :, rows, columns].cpu()


def _span(reached: torch.Tensor) -> slice:
    """From the first place that is reached to the last; everything where none is."""
    places = reached.nonzero().flatten().tolist() or [0, len(reached) - 1]
    return slice(max(0, places[0] - LINE), places[-1] + 1 + LINE)


def _square(patch: torch.Tensor, side: int) -> torch.Tensor:
    return F.interpolate(patch[None], (side, side), mode="nearest")[0]
