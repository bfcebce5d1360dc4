"""Networks, images and methods → explanations: what the command line calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from netdsl.diagnostics import Diagnostic, Faults, fault
from netdsl.insight.cam import cam, gradcam, gradcam_plus_plus, smooth_gradcam_plus_plus
from netdsl.insight.catalog import METHODS, Asked
from netdsl.insight.deconvnet import deconvnet
from netdsl.insight.explanation import Explanation, Question
from netdsl.insight.features import features, filters
from netdsl.insight.landmarks import Place, last_spatial_place
from netdsl.insight.occlusion import occlusion
from netdsl.insight.saliency import guided, saliency
from netdsl.insight.score_cam import score_cam, ss_cam
from netdsl.insight.strongest import top9
from netdsl.insight.subject import Picture, Subject

FUNCTIONS: Mapping[str, Callable[..., Explanation]] = {
    "cam": cam,
    "gradcam": gradcam,
    "gradcam++": gradcam_plus_plus,
    "smoothgradcam++": smooth_gradcam_plus_plus,
    "scorecam": score_cam,
    "sscam": ss_cam,
    "saliency": saliency,
    "guided": guided,
    "deconvnet": deconvnet,
    "occlusion": occlusion,
    "filters": filters,
    "features": features,
    "top9": top9,
}
"""What answers, by the method's word in the catalogue."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A class with its probability."""

    name: str
    probability: float

    def __str__(self) -> str:
        return f"{self.name} {self.probability:.1%}"


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a network has to say of an image."""

    subject: Subject
    picture: Picture
    predicted: Seen
    chosen: Seen
    """The class that is explained."""
    explanations: tuple[Explanation, ...]


def explain(
    subjects: Sequence[Subject],
    images: Sequence[Path],
    methods: Sequence[Asked],
    *,
    layer: str | None = None,
    class_name: str | None = None,
) -> tuple[Answer, ...]:
    """What networks see in images, by each method: an answer for every image and network, image by image.

    Args:
        subjects: the networks.
        images: the images' files.
        methods: how to explain.
        layer: the layer that methods look at; each network's last before its classes unless given.
        class_name: the class to explain, by name or number; the predicted one unless given.

    Raises:
        Faults: an image (3), the layer, the class or a method (2) does not suit.
    """
    if layer is not None and not any(METHODS[method.word].looks_at_layer for method in methods):
        words = ", ".join(f"`{method.word}`" for method in methods)
        message = f"`--layer {layer}` says nothing to {words}"
        raise fault("command-line", message, help="leave it out, or add a method such as `gradcam`")
    places = [_place(subject, layer) for subject in subjects]
    rows = [_pictures(subject, images) for subject in subjects]
    return tuple(
        _answer(subject, pictures[number], place, methods, class_name)
        for number in range(len(images))
        for subject, place, pictures in zip(subjects, places, rows, strict=True)
    )


def _place(subject: Subject, layer: str | None) -> Place | None:
    if layer is None:
        return last_spatial_place(subject.network)
    return subject.place(layer)


def _pictures(subject: Subject, images: Sequence[Path]) -> list[Picture]:
    """The images as a network takes them; what is wrong with any of them is told at once."""
    return list(_read(subject, images))


def _read(subject: Subject, images: Sequence[Path]) -> Iterator[Picture]:
    damaged: list[Diagnostic] = []
    for path in images:
        try:
            yield subject.picture(path)
        except Faults as faults:
            if faults.exit_code != 3:
                raise
            damaged += faults.diagnostics
    if damaged:
        raise Faults(damaged, exit_code=3)


def _answer(
    subject: Subject,
    picture: Picture,
    place: Place | None,
    methods: Sequence[Asked],
    class_name: str | None,
) -> Answer:
    with torch.no_grad():
        probabilities = subject.probabilities(picture.input)[0]
    best = int(probabilities.argmax())
    chosen = best if class_name is None else subject.class_number(class_name)
    question = Question(subject, picture, chosen, place)
    predicted, asked_for = (
        Seen(subject.classes[number], float(probabilities[number])) for number in (best, chosen)
    )
    explanations = tuple(FUNCTIONS[method.word](question, **method.options) for method in methods)
    return Answer(subject, picture, predicted, asked_for, explanations)
