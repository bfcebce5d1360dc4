"""What a network has learned to look for, and what it finds: first filters, and maps after any layer.

C channels, H height, W width.
"""

from __future__ import annotations

import torch

from netdsl.diagnostics import fault
from netdsl.insight.capture import captured, part_of
from netdsl.insight.explanation import Explanation, Question, as_array, check_map
from netdsl.insight.landmarks import first_convolution

COLOURS = 3


def filters(question: Question, *, count: int = 64) -> Explanation:
    """The weights of the first convolution: `(filters, 1 or 3, H, W)`; of other channels each on its own.

    Args:
        count: how many are shown, in their order.

    Raises:
        Faults: the network has no convolution of height and width; exit code 2.
    """
    subject = question.subject
    path = first_convolution(subject.network)
    weights = None if path is None else part_of(subject.module, path).get_parameter("weight")
    if path is None or weights is None or weights.ndim != 4:
        message = f"`{subject.name}` has no first convolution of height and width"
        raise fault("layer-not-spatial", message, exit_code=2, help="use `saliency`, which needs no layer")
    tiles = weights if weights.shape[1] in (1, COLOURS) else weights.flatten(0, 1)[:, None]
    return Explanation("filters", "tiles", as_array(tiles[:count]), path, _shown(count, len(tiles)))


def features(question: Question, *, count: int = 36, map: int | None = None) -> Explanation:
    """The maps that come out of a layer, the strongest first: `(count, 1, H, W)`.

    Args:
        count: how many are shown.
        map: one alone, by its number.

    Raises:
        Faults: the layer has no such map; exit code 2.
    """
    with torch.no_grad(), captured(question.subject.module, question.place) as found:
        question.subject.module(question.picture.input)
    maps = found.maps[0]
    check_map(map, len(maps), question.place.path)
    order = maps.amax(dim=(1, 2)).argsort(descending=True, stable=True)[:count]
    order = order if map is None else torch.tensor([map])
    note = f"map {map}" if map is not None else _shown(count, len(maps))
    extra = {"numbers": as_array(order)}
    tiles = as_array(maps[order.to(maps.device)][:, None])
    return Explanation("features", "tiles", tiles, str(question.place), note, extra)


def _shown(count: int, there_are: int) -> str:
    return f"{min(count, there_are)} of {there_are}"
