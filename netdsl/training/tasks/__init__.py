"""Tasks: what a network is trained for, with the data it takes, the loss, the figures and the pictures."""

from collections.abc import Callable, Mapping

from netdsl.diagnostics import fault
from netdsl.training.choices import Recipe
from netdsl.training.tasks.binary import Binary
from netdsl.training.tasks.classify import Classify
from netdsl.training.tasks.denoise import Denoise
from netdsl.training.tasks.hyperspectral import Hyperspectral
from netdsl.training.tasks.retrieve import Retrieve
from netdsl.training.tasks.task import NamingTask
from netdsl.training.tasks.task import Task as Task

NAMING_TASKS: Mapping[str, Callable[[Recipe], NamingTask]] = {"classify": Classify, "binary": Binary}
TASKS: Mapping[str, Callable[[Recipe], Task]] = {
    **NAMING_TASKS,
    "denoise": Denoise,
    "hyperspectral": Hyperspectral,
    "retrieve": Retrieve,
}


def make_task(recipe: Recipe) -> Task:
    """What a recipe trains for."""
    return TASKS[recipe.task.word](recipe)


def make_naming_task(recipe: Recipe) -> NamingTask:
    """What a recipe trains for, where that is to name the classes of pictures.

    Raises:
        Faults: it is something else; exit code 2.
    """
    word = recipe.task.word
    if word not in NAMING_TASKS:
        message = f"a network of the task `{word}` names no classes of pictures"
        help = "`netdsl eval` measures it, and its pictures are in the run's folder"
        raise fault("no-classes", message, help=help)
    return NAMING_TASKS[word](recipe)
