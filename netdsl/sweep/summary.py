"""Trials → figures: means and deviations over repeats, changes against the baseline, who is on the front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from netdsl.diagnostics import fault
from netdsl.sweep.study import Outcome, Study, read_outcomes, read_study
from netdsl.sweep.values import same_value


@dataclass(frozen=True, slots=True)
class Cell:
    """A combination with what its trials came to."""

    number: int
    values: Mapping[str, str]
    params: int
    macs: int
    outcomes: tuple[Outcome, ...]
    """Those that finished, in the order of their seeds."""
    failures: tuple[Outcome, ...]
    missing: int
    """Trials that have not ended."""
    published: float | None

    @property
    def reached(self) -> tuple[float, ...]:
        """What each repeat reached on the test data."""
        return tuple(outcome.value for outcome in self.outcomes)

    @property
    def mean(self) -> float | None:
        """The mean over the repeats that finished."""
        return fmean(self.reached) if self.reached else None

    @property
    def deviation(self) -> float | None:
        """The standard deviation of a sample, with n-1; None of a single value."""
        return stdev(self.reached) if len(self.reached) > 1 else None

    @property
    def seconds(self) -> float | None:
        """How long a trial took."""
        return fmean(outcome.seconds for outcome in self.outcomes) if self.outcomes else None


@dataclass(frozen=True, slots=True)
class Summary:
    """A study with all its cells."""

    study: Study
    cells: tuple[Cell, ...]

    @property
    def metric(self) -> str:
        """The figure that trials are compared by."""
        named = [outcome.metric for cell in self.cells for outcome in cell.outcomes]
        return named[0] if named else "accuracy"

    @property
    def baseline(self) -> Cell:
        return self.cells[self.study.baseline]

    @property
    def best(self) -> Cell | None:
        """The cell with the highest mean; of equal ones the first."""
        reached = [cell for cell in self.cells if cell.mean is not None]
        return max(reached, key=lambda cell: cell.mean or 0.0) if reached else None

    @property
    def title(self) -> str:
        """What was swept, and on which data, a fallback included."""
        names = ", ".join(dict.fromkeys(used.used for used in self.study.data))
        instead = [name for used in self.study.data if used.passed_over for name in used.names[:1]]
        wanted = f", in the place of {', '.join(dict.fromkeys(instead))}" if instead else ""
        smaller = ", in its smaller form" * self.study.is_smaller
        return f"{self.study.name} on {names}{wanted}{smaller}"

    def change(self, cell: Cell) -> float | None:
        """How much better a cell is than the baseline."""
        if cell is self.baseline or cell.mean is None or self.baseline.mean is None:
            return None
        return cell.mean - self.baseline.mean

    def along(self, factor: str) -> list[tuple[str, list[Cell]]]:
        """The cells by a factor's values; of one factor at a time, those that change it alone."""
        return [(value, self._with(factor, value)) for value in self.study.factors[factor]]

    def _with(self, factor: str, value: str) -> list[Cell]:
        found = [cell for cell in self.cells if cell.values[factor] == value]
        if not self.study.one_at_a_time:
            return found
        own = self.baseline.values
        return [cell for cell in found if all(v == own[n] for n, v in cell.values.items() if n != factor)]


def read_summary(folder: Path) -> Summary:
    """A study's figures, from its folder's `study.json` and `trials.jsonl`.

    Raises:
        Faults: the folder is no study's, or damaged, or has nothing to train yet; exit code 2 or 5.
    """
    study = read_study(folder)
    if not study.combinations:
        message = f"the search in `{folder}` has trained nothing yet"
        raise fault("missing-study", message, help="let it go on: the command that began it")
    return summarize(study, read_outcomes(folder))


def summarize(study: Study, outcomes: Sequence[Outcome]) -> Summary:
    """The figures of a study; outcomes of trials that are none of its own are left out."""
    by_id = {outcome.id: outcome for outcome in outcomes}
    cells = []
    for number, row in enumerate(study.combinations):
        planned = [trial.id for trial in study.trials if trial.combination == number]
        ended = [by_id[id] for id in planned if id in by_id]
        cells.append(
            Cell(
                number,
                row.values,
                row.params,
                row.macs,
                tuple(one for one in ended if one.status == "finished"),
                tuple(one for one in ended if one.status == "failed"),
                len(planned) - len(ended),
                published_of(study, row.values),
            )
        )
    return Summary(study, tuple(cells))


def published_of(study: Study, values: Mapping[str, str]) -> float | None:
    """What was published of a combination that differs from the baseline in one factor, or in none."""
    if study.published is None:
        return None
    own = study.combinations[study.baseline].values
    changed = [name for name in values if values[name] != own[name]]
    if len(changed) > 1:
        return None
    for factor in changed or list(values):
        for value, figure in study.published.figures.get(factor, {}).items():
            if same_value(value, values[factor]):
                return figure
    return None


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The Pareto front of (cost, value) pairs: no other point is as good in both and better in one.

    >>> front([(1, 0.5), (2, 0.9), (3, 0.8), (2, 0.9)])
    [0, 1, 3]
    """
    order = sorted(range(len(points)), key=lambda number: (points[number][0], -points[number][1]))
    found: list[int] = []
    for number in order:
        cost, value = points[number]
        if not found or value > points[found[-1]][1] or (cost, value) == points[found[-1]]:
            found.append(number)
    return sorted(found)
