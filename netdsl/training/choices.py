"""Every choice of a run as a value: what a recipe says, with its defaults filled in.

Goes into the run's folder as JSON, and is read back through the checks of the catalogue.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from netdsl.diagnostics import fault
from netdsl.layers.arguments import Argument, BadArgument, Choice, Integer, Real
from netdsl.layers.layer import spell
from netdsl.records import value_record
from netdsl.training.catalog.data import PATHS
from netdsl.training.catalog.entry import Entry
from netdsl.training.catalog.images import AUGMENTATIONS, OWN_MEAN, OWN_STD, PREPARATIONS
from netdsl.training.catalog.learning import INITIALIZATIONS, LOSSES, OPTIMIZERS, SCHEDULES
from netdsl.training.catalog.tasks import FITTING, OWN_TASK, TASKS


@value_record()
class Use:
    """A word of the catalogue with all its arguments, defaults included."""

    word: str
    arguments: Mapping[str, Any]

    def __str__(self) -> str:
        """The use as one would write it."""
        arguments = ", ".join(f"{name}={_spelled(value)}" for name, value in self.arguments.items())
        return f"{self.word}({arguments})" if arguments else self.word


def _spelled(value: Any) -> str:
    return value if value in (OWN_MEAN, OWN_STD) else spell(value)


def _default(word: str, entries: Mapping[str, Entry], **given: Any) -> Use:
    return Use(word, {name: a.default for name, a in entries[word].arguments.items()} | given)


_NORMALIZE = _default("normalize", PREPARATIONS)
_ADAMW = _default("adamw", OPTIMIZERS)
_COSINE = _default("cosine", SCHEDULES, warmup=1)
_CROSS_ENTROPY = _default("cross_entropy", LOSSES)
_CLASSIFY = _default("classify", TASKS)


@value_record()
class Recipe:
    """Every choice of a run. The defaults are those of a spec that says nothing."""

    task: Use = _CLASSIFY
    """What is learned."""
    data: tuple[str, ...] = ("digits",)
    """Data sets; the first that is present or can be fetched is used."""
    prepare: tuple[Use, ...] = (_NORMALIZE,)
    """What is done to every image, in order."""
    augment: tuple[Use, ...] = ()
    """What is done to training images, in order, after the sizes of `prepare` and before its `normalize`."""
    validate: float | None = None
    """The share of the training data that is measured after every epoch and not learned from."""
    batch: int = 64
    """Images per step."""
    accumulate: int = 1
    """Pieces that a batch is computed in, one after the other."""
    epochs: int = 10
    stop_early: int | None = None
    """Epochs without a better validation figure after which the training ends."""
    optimizer: Use = _ADAMW
    clip: float | None = None
    """The largest norm of the gradient."""
    schedule: Use = _COSINE
    ema: float | None = None
    """The decay of the weights' exponential moving average, which is what is measured."""
    loss: Use = _CROSS_ENTROPY
    init: Use | None = None
    """How weights begin; None as torch begins them."""
    freeze: tuple[str, ...] = ()
    """Stages and parts that keep their weights, by their paths."""
    rates: Mapping[str, float] = {}
    """Stages and parts with what the learning rate of each is multiplied by."""
    decay: str = "all"
    """What weight decay acts on: `all`, or `weights`, which leaves out biases and normalisations."""
    seed: int = 0
    """What fixes the first weights, the order of the data and all that is random."""
    precision: str = "auto"
    """`bf16` for autocast where the device gains by it, `fp32`, or `auto`."""
    compile: str = "auto"
    """Whether the module is compiled: `true`, `false`, or `auto`, on GPUs."""
    workers: int | None = None
    """Processes that read images which do not fit into memory; None for one per core, up to 8."""
    damaged: str = "refuse"
    """`refuse` images that cannot be read, or `skip` them, which names and counts them."""

    def to_json(self) -> str:
        return json.dumps(vars(self), default=vars, indent=2)

    @staticmethod
    def from_json(text: str, named: str = "a run's recipe") -> Recipe:
        """The recipe of a run's folder. What an older netdsl did not know to write has its default, by which
        a run does what it did.

        Args:
            text: what the file holds.
            named: what it is called where it is at fault.

        Raises:
            Faults: the text is damaged, or says what this netdsl does not know; exit code 5.
        """
        try:
            return Recipe(**{name: _restored(name, value) for name, value in json.loads(text).items()})
        except (ValueError, TypeError, KeyError, AttributeError, BadArgument) as error:
            raise fault("damaged-recipe", f"{named} cannot be read: {error}", exit_code=5) from None


def _kind(name: str) -> str:
    """A data set's name, or what stands before the path of one."""
    return next((path for path in PATHS if name.startswith(path)), name)


def complete(values: Mapping[str, Any]) -> Recipe:
    """The recipe of the keys that are given; what they leave open is the task's own, or the default."""
    data = values.get("data", ())
    task = values.get("task") or _default(
        OWN_TASK.get(_kind(data[0]), "classify") if data else "classify", TASKS
    )
    fitting = FITTING[task.word]
    own: dict[str, Any] = {
        "task": task,
        "data": (fitting.data[0],),
        "prepare": tuple(_default(word, PREPARATIONS) for word in fitting.prepared),
        "loss": _default(fitting.losses[0], LOSSES),
    }
    return Recipe(**(own | dict(values)))


WORDS: Mapping[str, tuple[str, Mapping[str, Entry]]] = {
    "task": ("task", TASKS),
    "prepare": ("transform", PREPARATIONS),
    "augment": ("transform", AUGMENTATIONS),
    "optimizer": ("optimizer", OPTIMIZERS),
    "schedule": ("schedule", SCHEDULES),
    "loss": ("loss", LOSSES),
    "init": ("initialization", INITIALIZATIONS),
}
"""The keys whose values are words with arguments: what a word is called, and the words."""

NUMBERS: Mapping[str, Integer | Real] = {
    "validate": Real(
        "share of the training data that is not learned from but measured", above=0, maximum=0.9
    ),
    "batch": Integer("images per step", minimum=1, maximum=2**20),
    "accumulate": Integer("pieces that a batch is computed in", minimum=1, maximum=2**20),
    "epochs": Integer("epochs", minimum=1, maximum=10**6),
    "stop_early": Integer("epochs without a better validation figure, after which training stops", minimum=1),
    "clip": Real("norm to which a longer gradient is shortened", above=0),
    "ema": Real("decay of the weights' moving average", minimum=0.5, maximum=0.999999),
    "seed": Integer("seed", minimum=0),
    "workers": Integer("processes", minimum=0, maximum=256),
}
"""The keys whose values are numbers."""

CHOICES: Mapping[str, Choice] = {
    "precision": Choice(
        "how the forward pass computes; `auto` is bf16 where a GPU gains by it",
        options=("auto", "fp32", "bf16"),
    ),
    "decay": Choice(
        "what weight decay acts on; `weights` leaves out biases and normalisations",
        options=("all", "weights"),
    ),
    "compile": Choice("whether `torch.compile` is used; `auto` on GPUs", options=("auto", "true", "false")),
    "damaged": Choice("what is done about images that cannot be read", options=("refuse", "skip")),
}
"""The keys whose values are one of a few words."""

OPEN: Mapping[str, str] = {
    "init": "none",
    "validate": "none",
    "stop_early": "none",
    "clip": "none",
    "ema": "none",
    "workers": "auto",
}
"""The keys that may be left open, each with the word that says so."""

KEYS = tuple(vars(Recipe()))
"""The keys of a `train` section."""


def option_of(key: str) -> str:
    """The option of the command line that replaces a key.

    >>> option_of("stop_early")
    '--stop-early'
    """
    return f"--{key.replace('_', '-')}"


def _restored(key: str, value: Any) -> Any:
    """A key's value from JSON, judged as strictly as from a spec."""
    if key not in KEYS:
        raise ValueError(f"it has an unknown key `{key}`")
    if key in ("prepare", "augment"):
        return tuple(_restored_use(key, item) for item in value)
    if value is None and key in OPEN:
        return None
    if key in WORDS:
        return _restored_use(key, value)
    if key in NUMBERS:
        return NUMBERS[key].read(value)
    if key in ("data", "freeze"):
        return tuple(str(name) for name in value)
    if key == "rates":
        return {str(name): float(factor) for name, factor in value.items()}
    return CHOICES[key].read(value)


def _restored_use(key: str, value: Mapping[str, Any]) -> Use:
    word, given = value["word"], dict(value["arguments"])
    what, entries = WORDS[key]
    if word not in entries:
        raise ValueError(f"there is no {what} `{word}`")
    arguments = entries[word].arguments
    unknown = [name for name in given if name not in arguments]
    if unknown:
        raise ValueError(f"`{word}` has no `{unknown[0]}`")
    return Use(
        word, {name: _restored_argument(argument, given, name) for name, argument in arguments.items()}
    )


def _restored_argument(argument: Argument[Any], given: Mapping[str, Any], name: str) -> Any:
    if name not in given:
        if argument.required:
            raise ValueError(f"it lacks `{name}`")
        return argument.default
    value = given[name]
    try:
        return argument.read(tuple(value) if isinstance(value, list) else value)
    except BadArgument as error:
        raise ValueError(f"`{name}` is {error.expected}, not {value}") from None
