"""Score-CAM and SS-CAM: a map weighs what the class' score becomes when only the map's places are shown.

No gradients: as many runs of the network as the layer has maps.

C channels of the layer, H height and W width of the image.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from netdsl.insight.cam import combined
from netdsl.insight.capture import captured
from netdsl.insight.explanation import Explanation, Question, as_array

Shown = Callable[[slice], torch.Tensor]


def score_cam(question: Question, *, weights: str = "softmax", relu: bool = True) -> Explanation:
    """Score-CAM (Wang et al. 2020, algorithm 1); the baseline is the image, which the softmax takes away.

    Args:
        weights: `softmax` over the maps of the class' scores; `increase` of the score over that of an input
            of zeros, the paper's increase of confidence as it stands; or the class' `probability`, as the
            authors' program has it.
        relu: whether what speaks against the class is left out, as in the paper.
    """
    image = question.picture.input
    with torch.no_grad():
        maps = _maps(question)
        masks = enlarged(maps, image)
        scores = _scores(question, lambda part: masks[part] * image, len(masks), weights)
        if weights == "increase":
            scores = scores - question.score(torch.zeros_like(image))
        values = combined(maps, scores.softmax(dim=0) if weights == "softmax" else scores, relu)
    return Explanation("scorecam", "heat", as_array(values), str(question.place))


def ss_cam(
    question: Question,
    *,
    samples: int = 10,
    sigma: float = 2.0,
    smooth: str = "maps",
    relu: bool = True,
    seed: int = 0,
) -> Explanation:
    """SS-CAM: Score-CAM's scores are means over noise (Wang et al. 2020, SS-CAM, algorithm 1).

    Args:
        samples: how often noise is drawn.
        sigma: its standard deviation.
        smooth: `maps`, where noise is added to the masks, or `image`, where it is added to the masked image:
            the paper's two kinds.
        relu: whether what speaks against the class is left out, as in the paper.
        seed: fixes the noise.
    """
    image = question.picture.input
    generator = torch.Generator().manual_seed(seed)

    def noisy(part: slice) -> torch.Tensor:
        mask = masks[part]
        shape = mask.shape if smooth == "maps" else (len(mask), *image.shape[1:])
        noise = sigma * torch.randn(shape, generator=generator).to(image)
        return (mask + noise) * image if smooth == "maps" else mask * image + noise

    with torch.no_grad():
        maps = _maps(question)
        masks = enlarged(maps, image)
        drawn = [_scores(question, noisy, len(masks), "softmax") for _ in range(samples)]
        weights = torch.stack(drawn).mean(dim=0).softmax(dim=0)
        values = combined(maps, weights, relu)
    return Explanation("sscam", "heat", as_array(values), str(question.place))


def _maps(question: Question) -> torch.Tensor:
    """The layer's maps, `(1, C, h, w)`."""
    with captured(question.subject.module, question.place) as found:
        question.subject.module(question.picture.input)
    return found.maps


def enlarged(maps: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """The maps `(1, C, h, w)` as masks of the image's size, from 0 to 1: `(C, 1, H, W)`; 0 if one is flat."""
    large = F.interpolate(maps, image.shape[2:], mode="bilinear", align_corners=False)[0][:, None]
    lowest, highest = large.amin(dim=(2, 3), keepdim=True), large.amax(dim=(2, 3), keepdim=True)
    # asked before they were enlarged, which rounds: a flat map would become a mask of nothing but that
    varies = (maps.amax(dim=(2, 3)) > maps.amin(dim=(2, 3)))[0][:, None, None, None] & (highest > lowest)
    return torch.where(varies, (large - lowest) / torch.where(varies, highest - lowest, 1), 0)


def _scores(question: Question, shown: Shown, count: int, weights: str) -> torch.Tensor:
    """What speaks for the class in each of the images that are shown: `(count,)`."""
    subject = question.subject
    ask = subject.probabilities if weights == "probability" else subject.scores
    step = subject.at_once
    parts = [slice(first, min(first + step, count)) for first in range(0, count, step)]
    batches = (subject.placement.images(shown(part)) for part in parts)
    return torch.cat([ask(batch)[:, question.class_number] for batch in batches])
