"""Trials on their way to a worker and back: what it is asked, what it answers, what a person is told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netdsl.compiler import compile_spec
from netdsl.sweep.machine import Machine
from netdsl.sweep.plan import spelled
from netdsl.sweep.study import LOGS, RUNS, SPECS, Outcome, Planned, Used
from netdsl.sweep.variants import Variant, recipe_texts
from netdsl.training.data.find import data_root, find_data
from netdsl.training.durable import write_beside
from netdsl.training.progress import Display
from netdsl.training.session import trainable

RESULTS = ("non-finite-loss",)
"""Faults that a trial would end with again: they are results. Other trials that failed are tried again."""


def find_used(names: tuple[str, ...], machine: Machine, display: Display) -> Used:
    """The data set that is used where a recipe names some."""
    found = find_data(names, data_root(machine.root), display.say)
    return Used(names=names, used=found.data.name, passed_over=found.passed_over)


def keep_spec(folder: Path, spec: str, plugins: Sequence[str]) -> Path:
    """Writes a spec's texts into the study, where trials read them: an edit under way changes no trial."""
    sources = trainable(compile_spec(spec, {}, plugins), {}).sources
    digest = hashlib.sha256(json.dumps(dict(sources), sort_keys=True).encode()).hexdigest()[:8]
    kept = folder / SPECS / f"{Path(spec).stem}-{digest}"
    for name, text in sources.items():
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        write_beside(kept / name, text.encode())
    return kept / next(iter(sources))


@dataclass(frozen=True, slots=True)
class Sender:
    """What all requests of a study have in common."""

    folder: Path
    specs: Mapping[str, Path]
    """Where the study keeps each spec's text."""
    plugins: tuple[str, ...]
    root: Path | None

    def request(self, trial: Planned, variant: Variant, used: str) -> dict[str, Any]:
        """All that a worker needs to know of a trial on the data set that is used."""
        words = recipe_texts(variant.recipe) | {"data": used, "seed": str(trial.seed)}
        return {
            "id": trial.id,
            "spec": str(self.specs[variant.spec]),
            "settings": dict(variant.settings),
            "plugins": list(self.plugins),
            "overrides": words,
            "folder": str(self.folder / RUNS / trial.id),
            "log": str(self.folder / LOGS / f"{trial.id}.txt"),
            "root": None if self.root is None else str(self.root),
        }


def outcome_of(trial: Planned, values: Mapping[str, str], answer: Mapping[str, Any]) -> Outcome:
    """What came of a trial of a combination."""
    return Outcome(
        id=trial.id,
        combination=trial.combination,
        values=values,
        repeat=trial.repeat,
        seed=trial.seed,
        **{"figures": {}, **answer},
    )


def told(outcome: Outcome, done: int, count: int) -> str:
    """A line for a person, of a trial that ended."""
    said = spelled(outcome.values) or "as it is"
    if outcome.status == "failed":
        came = f"failed: {outcome.reason}"
    else:
        came = f"test {outcome.metric} {outcome.value:.4f}, {outcome.seconds:,.0f} s"
    return f"{done:>{len(str(count))}}/{count}  {said}  seed {outcome.seed}: {came}"
