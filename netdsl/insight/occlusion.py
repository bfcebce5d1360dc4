"""Occlusion: a grey square goes over the image, and the network is asked again.

C channels, H height, W width of the network's input.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from netdsl.insight.capture import captured
from netdsl.insight.explanation import Explanation, Question, as_array


def occlusion(
    question: Question,
    *,
    size: int | None = None,
    stride: int | None = None,
    grey: int = 128,
    of: str = "probability",
) -> Explanation:
    """What a grey square takes away, for each place of its middle (Zeiler & Fergus 2013, section 4.2).

    Squares stand at the middles of cells of `stride` pixels, and end at the image's border. The map has one
    value for each cell: what there was without the square less what there is with it.

    Args:
        size: the square's side in pixels of the network's input; a quarter of its shorter side unless given.
        stride: by how much it moves; a quarter of its side unless given.
        grey: what it is filled with, of 0 to 255.
        of: the class' `probability`, or the activity of the `feature` map that answers strongest to the
            whole image: the sum of the map.
    """
    image = question.picture.input
    side = size or max(1, min(image.shape[2:]) // 4)
    step = stride or max(1, side // 4)
    rows, columns = (max(1, length // step) for length in image.shape[2:])
    note = f"{of}, square of {side}"
    with torch.no_grad():
        number = _strongest_map(question, image) if of == "feature" else None
        whole = _answers(question, image, number)[0]
        batches = _occluded(question, side, (rows, columns), grey)
        seen = torch.cat([_answers(question, batch, number) for batch in batches]).view(rows, columns)
    place = str(question.place) if of == "feature" else ""
    note += f", map {number}" if number is not None else ""
    return Explanation("occlusion", "heat", as_array(whole - seen), place, note, {"occluded": as_array(seen)})


def _occluded(question: Question, side: int, grid: tuple[int, int], grey: int) -> Iterator[torch.Tensor]:
    """The image with the square at each place of a grid, row by row, in batches."""
    image, subject = question.picture.input, question.subject
    fill = torch.full((1, *image.shape[1:]), grey, dtype=torch.uint8)
    filled = subject.scaling(subject.placement.images(fill))[0]
    spans = [_spans(length, count, side) for length, count in zip(image.shape[2:], grid, strict=True)]
    places = [(down, across) for down in spans[0] for across in spans[1]]
    for first in range(0, len(places), subject.at_once):
        part = places[first : first + subject.at_once]
        batch = subject.placement.images(image.repeat(len(part), 1, 1, 1))
        for one, (down, across) in zip(batch, part, strict=True):
            one[:, down, across] = filled[:, down, across]
        yield batch


def _spans(length: int, count: int, side: int) -> list[slice]:
    """Where squares lie along an axis whose cells they have their middles in."""
    starts = [round((number + 0.5) * length / count - side / 2) for number in range(count)]
    return [slice(max(0, start), min(length, start + side)) for start in starts]


def _strongest_map(question: Question, image: torch.Tensor) -> int:
    return int(_maps(question, image)[0].amax(dim=(1, 2)).argmax())


def _answers(question: Question, images: torch.Tensor, number: int | None) -> torch.Tensor:
    """The class' probability in each image, or the activity of a map: `(batch,)`."""
    if number is None:
        return question.subject.probabilities(images)[:, question.class_number]
    return _maps(question, images)[:, number].sum(dim=(1, 2))


def _maps(question: Question, images: torch.Tensor) -> torch.Tensor:
    with captured(question.subject.module, question.place) as found:
        question.subject.module(images)
    return found.maps
