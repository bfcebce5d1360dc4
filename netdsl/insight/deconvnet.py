"""Deconvnet: what in the image made a feature map answer, projected back to the pixels.

C channels, H height, W width of the layer.
"""

from __future__ import annotations

import torch

from netdsl.insight.capture import captured
from netdsl.insight.explanation import Explanation, Question, as_array, check_map
from netdsl.insight.landmarks import Place
from netdsl.insight.projection import projected, rectified
from netdsl.insight.subject import Subject


def deconvnet(question: Question, *, map: int | None = None, keep: str = "strongest") -> Explanation:
    """The projection of a feature map's activation (Zeiler & Fergus 2013, section 2.1).

    All else in the layer is set to zero; what is left goes back through recorded switches, rectifiers and
    transposed filters. Where windows overlap and share a switch, what they bring is added.

    Args:
        map: the feature map's number; the one with the strongest activation unless given.
        keep: `strongest` activation of the map alone, or `all` of the map.

    Raises:
        Faults: the layer has no such map; exit code 2.
    """
    image = question.picture.input
    pixels, number = project(question.subject, image, question.place, map, keep)
    note = f"map {number}"
    return Explanation("deconvnet", "colour", as_array(pixels[0]), str(question.place), note)


def project(
    subject: Subject, image: torch.Tensor, place: Place, map: int | None, keep: str
) -> tuple[torch.Tensor, int]:
    """The projection of a map of one image, of the image's shape `(1, …)`, and the map's number."""
    image = image.detach().clone().requires_grad_()
    with rectified(subject.module, "deconvnet"), captured(subject.module, place, cut=False) as found:
        subject.module(image)
    maps = found.maps
    check_map(map, maps.shape[1], place.path)
    number = int(maps[0].amax(dim=(1, 2)).argmax()) if map is None else map
    return projected(maps, seed_of(maps, number, keep), image), number


def seed_of(maps: torch.Tensor, number: int, keep: str) -> torch.Tensor:
    """Maps `(1, C, H, W)` with all but one map's activations, or its strongest alone, set to zero."""
    seed = torch.zeros_like(maps)
    chosen = maps[0, number].detach()
    if keep == "all":
        seed[0, number] = chosen
    else:
        place = divmod(int(chosen.argmax()), chosen.shape[1])
        seed[(0, number, *place)] = chosen[place]
    return seed
