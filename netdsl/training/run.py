"""A run as its folder tells it: what was trained, how, on what, and what came of it.

It is read without torch, so that runs are listed as quickly as files are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from netdsl.diagnostics import fault
from netdsl.training.choices import Recipe
from netdsl.training.initial.record import recorded_source

if TYPE_CHECKING:
    from netdsl.training.transforms import Scaling

SPEC, MODEL_SOURCE, RECIPE, FACTS, METRICS = (
    "spec.yaml",
    "model.py",
    "recipe.json",
    "run.json",
    "metrics.jsonl",
)
CHECKPOINTS, CURVES, REPORT_TEXT, REPORT_DATA = "checkpoints", "curves.png", "report.md", "report.json"
REPORT_PAGE, FAILURE = "report.html", "failure.json"
RUNS = "runs"
"""Where runs go unless told otherwise."""

Row = Mapping[str, float]
"""The figures of an epoch."""


def best_epoch(rows: Sequence[Row]) -> int:
    """The epoch with the lowest loss on the validation data, the first of equals; 0 before there is one.

    The loss, since it still tells epochs apart where the figures of a few images are equal (Prechelt 1998,
    Early stopping — but when?).
    """
    best = min(rows, key=lambda row: row["validation_loss"], default={"epoch": 0})
    return int(best["epoch"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a run besides its recipe; `run.json`."""

    network: str
    settings: Mapping[str, str]
    input: tuple[int, ...]
    output: tuple[int, ...]
    parameters: int
    frozen: int = 0
    """Parameters that keep their values."""
    macs: int
    data: str
    """The data set that was used."""
    passed_over: tuple[str, ...]
    """Why the data sets named before it were not."""
    fingerprint: str
    classes: tuple[str, ...]
    samples: str
    """What a sample is, in the plural: `images`, `patches`, …."""
    metric: str
    """The task's main figure."""
    train_samples: int
    test_samples: int
    validation_samples: int = 0
    """Kept of the training data to decide by."""
    remarks: tuple[str, ...]
    """What has to be known of the data to judge the figures."""
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    whitening: str | None = None
    """The SHA-256 of the file that images are whitened by."""
    seed: int
    device: str
    precision: str
    processes: int = 1
    """That trained it when it began."""
    engine: str | None = None
    """What each of several had of the network: `ddp` or `fsdp`."""
    versions: Mapping[str, str]
    command: tuple[str, ...]
    started: str


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A run, finished or under way."""

    folder: Path
    recipe: Recipe
    facts: Facts
    rows: tuple[Row, ...]
    """The figures of each epoch."""

    @property
    def metrics(self) -> Row:
        """The figures of the epoch that counts: the best on the validation data where there are some, else
        the last."""
        if not self.rows:
            return {}
        return self.rows[-1 if self.recipe.validate is None else best_epoch(self.rows) - 1]

    def scaling(self) -> Scaling:
        """What images go through on their way to the network, read from the folder where it is large.

        Raises:
            Faults: what is kept there is not what the run began with; exit code 5.
        """
        from netdsl.training.transforms import Scaling, whiten_of
        from netdsl.training.whitening import read_whitening

        facts, is_whitened = self.facts, whiten_of(self.recipe.prepare) is not None
        whitening = read_whitening(self.folder, facts.whitening) if is_whitened else None
        return Scaling(facts.mean, facts.std, whitening)


def read_run(folder: str | Path) -> Run:
    """A run from its folder.

    Raises:
        Faults: it is none, or damaged; exit code 2 or 5.
    """
    folder = Path(folder)
    if not (folder / FACTS).is_file():
        message = f"`{folder}` is no run's folder: it has no `{FACTS}`"
        raise fault("missing-run", message, help="give the folder that `netdsl train` named at its end")
    try:
        recipe = Recipe.from_json((folder / RECIPE).read_text("utf-8"), f"`{folder / RECIPE}`")
        facts = TypeAdapter(Facts).validate_json((folder / FACTS).read_bytes())
        lines = (folder / METRICS).read_text("utf-8").splitlines() if (folder / METRICS).is_file() else []
        rows = tuple(json.loads(line) for line in lines)
    except ValidationError as error:
        found = error.errors()[0]
        why = ": ".join(filter(None, [".".join(map(str, found["loc"])), found["msg"].lower()]))
        message = f"`{folder / FACTS}` is not what this netdsl writes ({why})"
        help = "an older netdsl made the run, or something changed the file: train it anew"
        raise fault("damaged-run", message, exit_code=5, help=help) from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise fault("damaged-run", f"the run `{folder}` cannot be read: {error}", exit_code=5) from None
    return Run(folder, recipe, facts, rows)


def is_over(rows: Sequence[Row], recipe: Recipe) -> bool:
    """Whether a training has come to its end: all epochs, or as many as `stop_early` says behind the best."""
    if recipe.stop_early is not None and len(rows) - best_epoch(rows) >= recipe.stop_early:
        return True
    return len(rows) >= recipe.epochs


def recipe_lines(run: Run) -> list[tuple[str, object]]:
    """Every choice of a run as a spec would say it: what was asked for, and what defaults were taken."""
    used: dict[str, object] = {"data": run.facts.data}
    source = recorded_source(run.folder)
    if source is not None:
        used["init"] = source
    return [(key, used.get(key) or spelled(key, value)) for key, value in vars(run.recipe).items()]


def spelled(key: str, value: object) -> str:
    """A value of a recipe as text."""
    if isinstance(value, tuple):
        return (", " if key in ("data", "freeze") else " -> ").join(map(str, value)) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={factor:g}" for name, factor in value.items()) or "none"
    if value is None:
        return "auto" if key == "workers" else "as torch begins" if key == "init" else "none"
    return str(value)
