"""A trained network put to use: measured on test data, asked what images show.

A run's folder is enough: its spec makes the network again, its latest sound checkpoint the weights, its facts
the scaling and the names of the classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from netdsl.diagnostics import Diagnostic, Faults, fault
from netdsl.training.batches import Inputs
from netdsl.training.catalog.tasks import FITTING, is_known
from netdsl.training.checkpoint import Position
from netdsl.training.data.find import data_root, find_data
from netdsl.training.data.pictures import read_picture
from netdsl.training.forward import moved, outputs_of
from netdsl.training.material import image_shape
from netdsl.training.measuring import measure
from netdsl.training.network import Rebuild
from netdsl.training.tasks import make_naming_task, make_task
from netdsl.training.tasks.task import NamingTask, read_by
from netdsl.training.trained import Say, Trained, load_trained
from netdsl.training.transforms import Fitted, sizing


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a trained network does on test data."""

    data: str
    images: int
    """Samples that were measured on."""
    samples: str
    """What a sample is, in the plural: `images`."""
    position: Position
    """How far the weights had come that were measured."""
    figures: Mapping[str, float]
    """`loss` and the task's own, such as `accuracy`."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a trained network sees in an image."""

    image: Path
    classes: tuple[tuple[str, float], ...]
    """Classes with their probabilities, the likeliest first."""


def evaluate(
    folder: str | Path,
    rebuild: Rebuild,
    *,
    data: str | None = None,
    device: str | None = None,
    root: str | Path | None = None,
    say: Say = print,
) -> Evaluation:
    """Measures a run's network on the test part of a data set.

    Args:
        folder: the run's folder.
        rebuild: makes the network from the spec in it.
        data: the data set; the run's own unless given.
        device: as for `train`.
        root: the folder that data sets are kept in.
        say: told what a person should know.

    Raises:
        Faults: the run (2, 5), the data (3) or the device (4) is at fault. The number is the exit code.
    """
    trained = load_trained(folder, rebuild, device, say)
    run = trained.run
    task = make_task(run.recipe)
    known = FITTING[run.recipe.task.word].data
    if data is not None and not is_known(data, known):
        message = f"`{data}` has no place in the task `{run.recipe.task.word}`"
        raise fault("word-of-other-task", message, help=f"it knows {', '.join(known)}")
    found = find_data((data or run.facts.data,), data_root(root), say, labelled=task.is_labelled).data
    if found.name == run.facts.data and found.fingerprint != run.facts.fingerprint:
        say(f"note: {found.name} has changed since the training")
    batches = task.test(trained.network, run.recipe, found, say)
    figures = measure(trained.module, task, trained.placement, run.scaling(), batches)
    return Evaluation(found.name, len(batches), task.samples, trained.position, figures)


def predict(
    folder: str | Path,
    rebuild: Rebuild,
    images: Sequence[str | Path],
    *,
    top: int = 3,
    device: str | None = None,
    say: Say = print,
) -> tuple[Prediction, ...]:
    """What a run's network sees in image files.

    Args:
        folder: the run's folder.
        rebuild: makes the network from the spec in it.
        images: the files.
        top: how many classes to name for each.
        device: as for `train`.
        say: told what a person should know.

    Raises:
        Faults: the run (2, 5), an image (3) or the device (4) is at fault. The number is the exit code.
    """
    trained = load_trained(folder, rebuild, device, say)
    task = make_naming_task(trained.run.recipe)
    shape = image_shape(trained.network)
    size = Fitted(sizing(trained.run.recipe.prepare, shape), shape, "prepare")
    damaged: list[Diagnostic] = []
    sized: list[torch.Tensor] = []
    for path in images:
        try:
            sized.append(size(read_picture(Path(path))))
        except Faults as faults:
            damaged += faults.diagnostics
    if damaged:
        raise Faults(damaged, exit_code=3)
    scaling = trained.run.scaling()
    inputs = (moved(image[None], trained.placement, scaling) for image in sized)
    return tuple(
        _prediction(trained, task, Path(path), one, top) for path, one in zip(images, inputs, strict=True)
    )


def _prediction(trained: Trained, task: NamingTask, path: Path, inputs: Inputs, top: int) -> Prediction:
    facts = trained.run.facts
    with torch.inference_mode():
        outputs = outputs_of(trained.module, inputs, trained.placement)
    probabilities = task.probabilities(read_by(task, outputs))[0].cpu()
    best = probabilities.topk(min(top, len(facts.classes)))
    named = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return Prediction(path, tuple((facts.classes[number], share) for number, share in named))
