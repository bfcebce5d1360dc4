"""The words of recipes as a page of the documentation, made from the catalogue that judges them."""

from __future__ import annotations

from collections.abc import Mapping

from netdsl.layers.layer import spell
from netdsl.training.catalog.data import DATASETS
from netdsl.training.catalog.entry import Entry
from netdsl.training.catalog.images import AUGMENTATIONS, OWN_MEAN, OWN_STD, PREPARATIONS
from netdsl.training.catalog.learning import INITIALIZATIONS, LOSSES, OPTIMIZERS, SCHEDULES
from netdsl.training.catalog.tasks import TASKS
from netdsl.training.choices import CHOICES, KEYS, NUMBERS, OPEN, Recipe

SECTIONS: Mapping[str, tuple[str, Mapping[str, Entry]]] = {
    "task": ("What is learned; left out, what the first of the data is for.", TASKS),
    "prepare": ("What is done to every image, in order.", PREPARATIONS),
    "augment": (
        "What is done to training images at random, in order, before they are normalized.",
        AUGMENTATIONS,
    ),
    "optimizer": ("Torch's own, by torch's arguments and defaults.", OPTIMIZERS),
    "schedule": ("How the learning rate goes over the epochs.", SCHEDULES),
    "loss": ("What is made small.", LOSSES),
    "init": ("How weights begin; left out, as torch begins them.", INITIALIZATIONS),
}
"""The keys of a recipe that take words, with what they say."""

_INTRODUCTION = """\
# Words of recipes

What can stand in a spec's `train` section, and in `netdsl train`'s options of the same names;
[training](training.md) says how they go together. This page is written by `make docs` from the catalogue that
judges recipes.
"""


def page() -> str:
    """The page, one section for each key that takes words."""
    parts = [_INTRODUCTION, "## data\n", _table({f"`{name}`": about for name, about in DATASETS.items()})]
    parts.append(
        "A folder of class folders is `folder:PATH`, one with a hyperspectral scene `scene:PATH`, one with "
        "the features of pictures and texts `features:PATH`.\n"
    )
    for key, (about, entries) in SECTIONS.items():
        parts += [f"## {key}\n", f"{about}\n", _table({_spelled(w, e): e.about for w, e in entries.items()})]
    about = "The keys that take a number or one of a few words, with what they are unless given.\n"
    parts += ["## Numbers and choices\n", about, _table(_plain_keys())]
    return "\n".join(parts)


def _plain_keys() -> dict[str, str]:
    rows = {}
    for key in (key for key in KEYS if key in NUMBERS or key in CHOICES):
        argument = NUMBERS.get(key) or CHOICES[key]
        unless = getattr(Recipe(), key)
        rows[f"`{key}: {OPEN[key] if unless is None else unless}`"] = f"{argument.about}: {argument.expects}"
    return rows


def _spelled(word: str, entry: Entry) -> str:
    """A word with its arguments and their defaults, as one would write it."""
    arguments = []
    for name, argument in entry.arguments.items():
        default = argument.default
        if argument.required:
            arguments.append(name)
        else:
            arguments.append(f"{name}={default if default in (OWN_MEAN, OWN_STD) else spell(default)}")
    return f"`{word}({', '.join(arguments)})`" if arguments else f"`{word}`"


def _table(rows: Mapping[str, str]) -> str:
    lines = ["| word | meaning |", "|---|---|", *(f"| {word} | {about} |" for word, about in rows.items())]
    return "\n".join(lines) + "\n"
