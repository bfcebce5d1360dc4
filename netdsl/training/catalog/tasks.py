"""The tasks that a recipe may name, with their arguments, and what of a recipe goes with each."""

from __future__ import annotations

from collections.abc import Mapping

from netdsl.layers.arguments import Choice, Integer, Integers, Real
from netdsl.records import record
from netdsl.training.catalog.data import CLASSES, FEATURES, FOLDER, PATHS, SCENE
from netdsl.training.catalog.entry import Entry, Pair, Strength
from netdsl.training.catalog.images import AUGMENTATIONS, MIXING, PREPARATIONS

TASKS: Mapping[str, Entry] = {
    "classify": Entry("each image belongs to one of several classes; the network has an output for each", {}),
    "binary": Entry(
        "each image belongs to one of two classes; the network has one output, the logit of the second",
        {"threshold": Real("the probability from which the second class is seen", 0.5, minimum=0, maximum=1)},
    ),
    "denoise": Entry(
        "pictures are freed of white Gaussian noise, and of what scaling and JPEG do if those are named, one "
        "of them for each patch; the network gives a picture of its input's size",
        {
            "sigma": Strength("the noise in grey levels, or from and to: drawn anew for each patch", 25),
            "test_sigma": Real("the noise of the tests; as in training unless given", None, minimum=0),
            "scales": Integers("factors by which patches are made smaller and larger again", None, minimum=2),
            "quality": Pair(
                "JPEG's, from and to: drawn for each patch; tests have 10, 20, 30 and 40",
                None,
                minimum=1,
                maximum=100,
            ),
            "stride": Integer("pixels from patch to patch; side by side unless given", None),
        },
    ),
    "hyperspectral": Entry(
        "each pixel of a scene of many bands is told by the window around it; the network has an output for "
        "each class",
        {
            "split": Choice(
                "which pixels to learn from: any, or whole blocks", "random", options=("random", "blocks")
            ),
            "train": Real("share of each class to learn from", 0.3, minimum=0.001, maximum=0.999),
            "block": Integer("pixels of a block's side; two windows' unless given", None),
        },
    ),
    "retrieve": Entry(
        "pictures are found by texts and texts by pictures, of whose features the network makes codes of one "
        "space; its output is the text's, its heads are `image`, `image_class` and `text_class`",
        {},
    ),
}
"""What can be learned. A recipe that does not say learns what its data are for."""

LABELLED = (*CLASSES, FOLDER)
"""Data sets of images with classes."""


@record
class Fitting:
    """What of a recipe has a meaning for a task; the first of data and losses is the default."""

    data: tuple[str, ...]
    losses: tuple[str, ...]
    prepare: tuple[str, ...] = tuple(word for word in PREPARATIONS if word != "pca")
    augment: tuple[str, ...] = tuple(word for word in AUGMENTATIONS if word not in MIXING)
    prepared: tuple[str, ...] = ("normalize",)
    """The preparations of a recipe that names none."""
    can_validate: bool = True
    """Whether a share of the training data can be kept for validation."""
    can_cut: bool = True
    """Whether a batch can be cut, into pieces or among processes: whether its loss is a mean over samples."""


FITTING: Mapping[str, Fitting] = {
    "classify": Fitting(LABELLED, ("cross_entropy", "lenet1998"), augment=tuple(AUGMENTATIONS)),
    "binary": Fitting(("ichallenge_pm", *LABELLED), ("binary_cross_entropy",)),
    "denoise": Fitting(
        ("photographs", *LABELLED),
        ("dncnn2016", "mse"),
        ("resize", "grayscale", "rgb", "bgr"),
        ("hflip", "vflip", "rotate90"),
        prepared=(),
    ),
    "hyperspectral": Fitting(
        ("synthetic_scene", "indian_pines", "pavia_university", "salinas", SCENE),
        ("cross_entropy",),
        ("pca",),
        ("hflip", "vflip", "rotate90"),
        prepared=("pca",),
        can_validate=False,
    ),
    "retrieve": Fitting(
        ("synthetic_pairs", FEATURES), ("dscmr2019",), (), (), prepared=(), can_validate=False, can_cut=False
    ),
}
"""What goes with each task."""

OWN_TASK: Mapping[str, str] = {"ichallenge_pm": "binary", "photographs": "denoise"} | {
    name: task for task in ("hyperspectral", "retrieve") for name in FITTING[task].data
}
"""The task of data that are not to classify."""


def is_known(word: str, known: tuple[str, ...]) -> bool:
    """Whether a word, or the kind of data that stands before a path, is among those known."""
    return word in known or any(word.startswith(path) for path in PATHS if path in known)
