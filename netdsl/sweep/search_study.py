"""A search's memory → the study and the outcomes that reports are made of, as those of any sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from netdsl.sweep.factors import SPEC
from netdsl.sweep.memory import Tried
from netdsl.sweep.space import Space
from netdsl.sweep.study import FORMAT, Outcome, Planned, Searched, Study, Used
from netdsl.sweep.study_file import Asked
from netdsl.sweep.values import as_number
from netdsl.version import VERSION


def counted(tried: Sequence[Tried]) -> list[Tried]:
    """The combinations that are trained, or were, in order."""
    return [one for one in tried if one.counts and one.row is not None]


def study_of(
    asked: Asked, space: Space, tried: Sequence[Tried], how: Searched, data: Sequence[Used], threads: int
) -> Study:
    """The study as far as it got.

    Args:
        asked: the specs, the factors, what it is about.
        space: what was chosen from.
        tried: what was chosen.
        how: by which objective.
        data: the data sets that are used.
        threads: of each trial.
    """
    names = ", ".join(Path(spec).stem for spec in asked.wish.specs)
    varied = [*space.lists, *space.intervals]
    trained = counted(tried)
    rows = [one.row for one in trained if one.row is not None]
    own = space.own()
    reasons = dict.fromkeys(one.reason for one in tried if one.state == "refused")
    return Study(
        format=FORMAT,
        netdsl=VERSION,
        name=asked.name or f"{names}: {', '.join(name for name in varied if name != SPEC)}",
        about=asked.about,
        specs=asked.wish.specs,
        factors={name: _in_order({row.values[name] for row in rows}) for name in varied},
        fixed=space.fixed,
        one_at_a_time=False,
        repeats=asked.wish.repeats,
        baseline=next((number for number, row in enumerate(rows) if row.values == own), 0),
        combinations=tuple(rows),
        trials=tuple(
            Planned(id=id, combination=number, repeat=repeat, seed=one.seed + repeat)
            for number, one in enumerate(trained)
            for repeat, id in enumerate(one.ids)
        ),
        data=tuple(data),
        threads=threads,
        published=asked.published,
        searched=replace(how, refused=tuple(reasons)),
    )


def outcomes_of(tried: Sequence[Tried], failed: Mapping[int, Sequence[Outcome]]) -> list[Outcome]:
    """What came of the trials that ended.

    Args:
        tried: what was chosen.
        failed: by a combination's number, trials that are to be tried again.
    """
    return [
        replace(outcome, combination=number)
        for number, one in enumerate(counted(tried))
        for outcome in (*one.outcomes, *failed.get(one.number, ()))
    ]


def _in_order(values: set[str]) -> tuple[str, ...]:
    """Numbers by their size, then words by the alphabet."""
    return tuple(sorted(values, key=lambda value: (as_number(value) is None, as_number(value) or 0.0, value)))
