"""Runs side by side: where each stands, what they differ in, and their curves over each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netdsl.diagnostics import Faults, fault
from netdsl.training.run import FACTS, SPEC, Run, read_run, recipe_lines
from netdsl.training.run_state import State, state_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = tuple(
    f"tab:{name}" for name in ("blue", "orange", "green", "red", "purple", "brown", "pink", "olive")
)


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """A run with what a list tells of it."""

    name: str
    """The run's folder, as short as it tells runs apart."""
    run: Run
    state: State

    @property
    def metric(self) -> str:
        """The task's main figure."""
        return self.run.facts.metric

    @property
    def last(self) -> float | None:
        """The test figure of the epoch that counts."""
        return self.run.metrics.get(f"test_{self.metric}")

    @property
    def best(self) -> float | None:
        """The best test figure of any epoch."""
        return max((row[f"test_{self.metric}"] for row in self.run.rows), default=None)

    @property
    def seconds(self) -> float:
        """What its training took so far."""
        return sum(row["seconds"] for row in self.run.rows)

    def as_data(self) -> dict[str, Any]:
        facts = self.run.facts
        return {
            "folder": str(self.run.folder),
            "network": facts.network,
            "data": facts.data,
            "state": self.state.word,
            "reason": self.state.reason,
            "epochs_done": len(self.run.rows),
            "epochs": self.run.recipe.epochs,
            "metric": self.metric,
            "last": self.last,
            "best": self.best,
            "params": facts.parameters,
            "macs": facts.macs,
            "seconds": round(self.seconds, 2),
            "started": facts.started,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What folders hold."""

    runs: tuple[Listed, ...]
    """In the order of the folders."""
    damaged: tuple[str, ...]
    """What cannot be read, each with the reason."""


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run."""
    return (folder / FACTS).is_file()


def find_runs(folders: Sequence[Path]) -> Found:
    """The runs that folders are or hold, however deep.

    Raises:
        Faults: a folder is not there, or no run is found; exit code 2.
    """
    paths: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            raise fault(
                "missing-run", f"there is no folder `{folder}`", help="name a run, or what holds runs"
            )
        inside = [folder] if is_run(folder) else sorted(path.parent for path in folder.rglob(FACTS))
        paths += [path for path in inside if path not in paths]
    if not paths:
        where = ", ".join(f"`{folder}`" for folder in folders)
        help = "name a run, or a folder that holds runs"
        raise fault("missing-run", f"no run's folder is in {where}", help=help)
    found, damaged = [], []
    for path in paths:
        try:
            run = read_run(path)
            found.append(Listed(str(path), run, state_of(run)))
        except Faults as faults:
            damaged.append(faults.diagnostics[0].message)
    return Found(tuple(found), tuple(damaged))


Values = tuple[str, ...]
"""What each of several runs has, in their order."""


def differences(runs: Sequence[Listed]) -> dict[str, dict[str, Values]]:
    """What runs differ in: their specs, recipes and surroundings, by what it is called."""
    facts = [listed.run.facts for listed in runs]
    texts = [_spec_text(listed.run) for listed in runs]
    spec: dict[str, Values] = {
        "network": tuple(one.network for one in facts),
        "text": tuple(f"as in {runs[texts.index(text)].name}" for text in texts),
    }
    for name in dict.fromkeys(name for one in facts for name in one.settings):
        spec[name] = tuple(one.settings.get(name, "as written") for one in facts)
    recipes = [dict(recipe_lines(listed.run)) for listed in runs]
    recipe = {key: tuple(str(lines[key]) for lines in recipes) for key in recipes[0]}
    around: dict[str, Values] = {
        "data's fingerprint": tuple(one.fingerprint[:12] for one in facts),
        "device": tuple(one.device for one in facts),
        "precision": tuple(one.precision for one in facts),
    }
    for name in dict.fromkeys(name for one in facts for name in one.versions):
        around[name] = tuple(one.versions.get(name, "unknown") for one in facts)
    sections = {"spec": spec, "recipe": recipe, "environment": around}
    return {title: _unlike(values) for title, values in sections.items()}


def _unlike(values: Mapping[str, Values]) -> dict[str, Values]:
    return {name: each for name, each in values.items() if len(set(each)) > 1}


def _spec_text(run: Run) -> str:
    path = run.folder / SPEC
    return path.read_text("utf-8") if path.is_file() else ""


def figures(runs: Sequence[Listed]) -> dict[str, tuple[float | None, ...]]:
    """The figures of each run: its size, its time, and what it has reached."""
    found: dict[str, tuple[float | None, ...]] = {
        "epochs": tuple(len(listed.run.rows) for listed in runs),
        "parameters": tuple(listed.run.facts.parameters for listed in runs),
        "MACs": tuple(listed.run.facts.macs for listed in runs),
        "seconds": tuple(round(listed.seconds) for listed in runs),
    }
    names = dict.fromkeys(name for one in runs for name in one.run.metrics if name.startswith("test_"))
    for name in names:
        found[name.replace("_", " ", 1)] = tuple(one.run.metrics.get(name) for one in runs)
    metrics = dict.fromkeys(one.metric for one in runs)
    found[f"best {' or '.join(metrics)}"] = tuple(one.best for one in runs)
    return found


def draw_runs(runs: Sequence[Listed]) -> Figure:
    """The curves of several runs over each other: test figures as lines, those of training dotted."""
    from matplotlib.figure import Figure  # slow to load, and seldom asked for
    from matplotlib.ticker import MaxNLocator

    metric = next((listed.metric for listed in runs if listed.run.rows), "loss")
    drawn = Figure(figsize=(11, 4.2), layout="constrained")
    for axes, name in zip(drawn.subplots(1, 2), ("loss", metric), strict=True):
        for number, listed in enumerate(runs):
            colour = COLOURS[number % len(COLOURS)]
            for part, style in (("train", ":"), ("test", "-")):
                points = [
                    (row["epoch"], row[f"{part}_{name}"])
                    for row in listed.run.rows
                    if f"{part}_{name}" in row
                ]
                if points:
                    label = listed.name if part == "test" else None
                    axes.plot(*zip(*points, strict=True), style, marker=".", color=colour, label=label)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_ylabel(name)
        axes.grid(alpha=0.3)
    drawn.axes[0].legend(fontsize=8, title="test; training dotted", title_fontsize=8)
    return drawn
