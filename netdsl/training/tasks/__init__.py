"""Tasks: what a network is trained for, with the data it takes, the loss, the figures and the pictures."""

from collections.abc import Callable, Mapping

from netdsl.training.choices import Recipe
from netdsl.training.tasks.binary import Binary
from netdsl.training.tasks.classify import Classify
from netdsl.training.tasks.denoise import Denoise
from netdsl.training.tasks.hyperspectral import Hyperspectral
from netdsl.training.tasks.task import Task as Task

TASKS: Mapping[str, Callable[[Recipe], Task]] = {
    "classify": Classify,
    "binary": Binary,
    "denoise": Denoise,
    "hyperspectral": Hyperspectral,
}


def make_task(recipe: Recipe) -> Task:
    """What a recipe trains for."""
    return TASKS[recipe.task.word](recipe)
