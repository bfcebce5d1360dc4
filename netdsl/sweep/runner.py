"""Trains the trials of a study in parallel processes, and writes down what came of each as it ends.

One process leads: it alone writes `study.json` and `trials.jsonl`. A sweep can be killed at any moment; the
same command goes on, and nothing is trained or counted twice.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netdsl.compiler import compile_spec
from netdsl.diagnostics import Faults, fault
from netdsl.sweep.factors import SPEC
from netdsl.sweep.plan import Plan, make_plan, spelled, trials_of
from netdsl.sweep.processes import Workers
from netdsl.sweep.study import (
    FORMAT,
    LOGS,
    RUNS,
    SPECS,
    STUDY,
    Outcome,
    Planned,
    Row,
    Study,
    Used,
    check_folder,
    locked,
    read_outcomes,
    read_study,
    write_outcomes,
    write_study,
)
from netdsl.sweep.study_file import Asked
from netdsl.sweep.variants import recipe_texts
from netdsl.training.data.find import data_root, find_data
from netdsl.training.device import place
from netdsl.training.durable import write_beside
from netdsl.training.progress import Display
from netdsl.training.run_folder import REPORT_DATA
from netdsl.training.session import trainable
from netdsl.version import VERSION

INTERRUPTED = 130
"""The exit code of a process that Ctrl-C stopped."""
RESULTS = ("non-finite-loss",)
"""Faults that a trial would end with again: they are results. Other trials that failed are tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where and how trials run."""

    jobs: int | None = None
    """Trials at a time; None for one per core, or one per GPU."""
    device: str | None = None
    root: Path | None = None


def sweep(asked: Asked, machine: Machine, out: Path | None = None, display: Display | None = None) -> Path:
    """Trains all trials that are asked for and are not finished yet.

    Args:
        asked: the specs, the factors, what the study is about.
        machine: where and how trials run.
        out: the study's folder; below `sweeps/` unless given, by a name that follows from what is asked.
        display: where to say what happens.

    Returns:
        The study's folder.

    Raises:
        Faults: a combination is wrong (1 or 2), data are missing (3), the folder is taken (2), all trials
            failed (4), or Ctrl-C stopped it (130). The number is the exit code.
    """
    display = display or Display()
    plan = make_plan(asked.wish)
    folder = out or Path("sweeps") / _folder_name(asked)
    check_folder(folder)
    with locked(folder) as lock:
        study, ended = _begin(folder, asked, plan, machine, display)
        write_study(folder, study)
        write_outcomes(folder, _in_order(study, ended))
        specs = {spec: _keep_spec(folder, spec, plan.wish.plugins) for spec in plan.wish.specs}
        waiting = [
            _request(folder, plan, study, planned, specs, machine)
            for planned in study.trials
            if planned.id not in ended
        ]
        _announce(folder, plan, study, len(waiting), display)
        devices = _devices(machine.device)
        jobs = min(machine.jobs or _parallel(devices), max(1, len(waiting)))
        try:
            with Workers(jobs, devices, study.threads, lock, folder / LOGS) as workers:
                for request, answer in workers.perform(waiting):
                    outcome = _outcome(study, request["id"], answer)
                    ended[outcome.id] = outcome
                    write_outcomes(folder, _in_order(study, ended))
                    display.say(_told(outcome, len(ended), len(study.trials)))
        except KeyboardInterrupt:
            message = f"stopped; {len(ended)} of {len(study.trials)} trials have ended in `{folder}`"
            help = "the same command goes on"
            raise fault("interrupted", message, exit_code=INTERRUPTED, help=help) from None
    return folder


def _folder_name(asked: Asked) -> str:
    if asked.name:
        return asked.name
    wish = asked.wish
    said = json.dumps([wish.specs, dict(wish.factors), wish.one_at_a_time])
    names = "+".join(Path(spec).stem for spec in wish.specs)
    return f"{names}-{hashlib.sha256(said.encode()).hexdigest()[:8]}"


def _begin(
    folder: Path, asked: Asked, plan: Plan, machine: Machine, display: Display
) -> tuple[Study, dict[str, Outcome]]:
    """The study, and the trials of it that have ended already."""
    earlier = None
    outcomes: tuple[Outcome, ...] = ()
    try:
        earlier = read_study(folder) if (folder / STUDY).exists() else None
        outcomes = read_outcomes(folder)
    except Faults as faults:
        display.warn(f"written anew: {faults.diagnostics[0].message}")
    known = {used.names: used for used in earlier.data} if earlier else {}
    names = {combination.variant.recipe.data for combination in plan.combinations}
    data = tuple(known.get(one) or _find(one, machine, display) for one in sorted(names))
    study = _study(asked, plan, data, earlier.threads if earlier else _threads(plan, machine))
    ids = {planned.id for planned in study.trials}
    return study, {one.id: one for one in outcomes if one.id in ids and _stands(folder, one)}


def _find(names: tuple[str, ...], machine: Machine, display: Display) -> Used:
    found = find_data(names, data_root(machine.root), display.say)
    return Used(names=names, used=found.data.name, passed_over=found.passed_over)


def _stands(folder: Path, outcome: Outcome) -> bool:
    """Whether what was written down of a trial still holds."""
    if outcome.status == "failed":
        return outcome.code in RESULTS
    return (folder / RUNS / outcome.id / REPORT_DATA).is_file()


def _study(asked: Asked, plan: Plan, data: tuple[Used, ...], threads: int) -> Study:
    wish = plan.wish
    rows = tuple(
        Row(
            values=one.values,
            params=one.variant.params,
            macs=one.variant.macs,
            optimizer=str(one.variant.recipe.optimizer),
        )
        for one in plan.combinations
    )
    trials = trials_of(plan, {used.names: used.used for used in data})
    names = ", ".join(Path(spec).stem for spec in wish.specs)
    varied = ", ".join(name for name in plan.factors if name != SPEC)
    return Study(
        format=FORMAT,
        netdsl=VERSION,
        name=asked.name or (f"{names}: {varied}" if varied else names),
        about=asked.about,
        specs=wish.specs,
        factors=plan.factors,
        fixed=plan.fixed,
        one_at_a_time=wish.one_at_a_time,
        repeats=wish.repeats,
        baseline=plan.baseline,
        combinations=rows,
        trials=tuple(Planned(**vars(trial)) for trial in trials),
        data=data,
        threads=threads,
        published=asked.published,
    )


def _in_order(study: Study, ended: Mapping[str, Outcome]) -> list[Outcome]:
    return [ended[planned.id] for planned in study.trials if planned.id in ended]


def _keep_spec(folder: Path, spec: str, plugins: Sequence[str]) -> Path:
    """Writes a spec's texts into the study, where trials read them: an edit under way changes no trial."""
    sources = trainable(compile_spec(spec, {}, plugins), {}).sources
    digest = hashlib.sha256(json.dumps(dict(sources), sort_keys=True).encode()).hexdigest()[:8]
    kept = folder / SPECS / f"{Path(spec).stem}-{digest}"
    for name, text in sources.items():
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        write_beside(kept / name, text.encode())
    return kept / next(iter(sources))


def _request(
    folder: Path, plan: Plan, study: Study, planned: Planned, specs: Mapping[str, Path], machine: Machine
) -> dict[str, Any]:
    """All that a worker needs to know of a trial."""
    variant = plan.combinations[planned.combination].variant
    used = {one.names: one.used for one in study.data}[variant.recipe.data]
    words = recipe_texts(variant.recipe) | {"data": used, "seed": str(planned.seed)}
    return {
        "id": planned.id,
        "spec": str(specs[variant.spec]),
        "settings": dict(variant.settings),
        "plugins": list(plan.wish.plugins),
        "overrides": words,
        "folder": str(folder / RUNS / planned.id),
        "log": str(folder / LOGS / f"{planned.id}.txt"),
        "root": None if machine.root is None else str(machine.root),
    }


def _outcome(study: Study, id: str, answer: Mapping[str, Any]) -> Outcome:
    planned = next(planned for planned in study.trials if planned.id == id)
    values = study.combinations[planned.combination].values
    answer = {"figures": {}, **answer}
    return Outcome(
        id=id,
        combination=planned.combination,
        values=values,
        repeat=planned.repeat,
        seed=planned.seed,
        **answer,
    )


def _announce(folder: Path, plan: Plan, study: Study, waiting: int, display: Display) -> None:
    """Says what is done on which data, a fallback so that nobody misses it."""
    combinations, trials = len(study.combinations), len(study.trials)
    display.say(f"{study.name}: {combinations} combinations × {study.repeats} = {trials} trials")
    if plan.same:
        display.say(f"{plan.same} combinations say the same as another, and are counted once")
    for diagnostic in plan.refused:
        display.warn(f"left out: {diagnostic.message} ({diagnostic.notes[-1]})")
    for used in study.data:
        for reason in used.passed_over:
            display.warn(reason)
        if used.passed_over:
            display.warn(f"INSTEAD, THE FALLBACK IS USED: {used.used}")
        else:
            display.say(f"on {used.used}")
    if waiting < trials:
        display.say(f"{trials - waiting} have ended before; {waiting} to go")
    display.say(f"into {folder}")


def _told(outcome: Outcome, done: int, count: int) -> str:
    said = spelled(outcome.values) or "as it is"
    if outcome.status == "failed":
        came = f"failed: {outcome.reason}"
    else:
        came = f"test {outcome.metric} {outcome.value:.4f}, {outcome.seconds:,.0f} s"
    return f"{done:>{len(str(count))}}/{count}  {said}  seed {outcome.seed}: {came}"


def _devices(wanted: str | None) -> tuple[str, ...]:
    """The devices that trials are spread over: the one that is asked for, every GPU, or the processor."""
    if wanted is not None:
        place(wanted, "fp32")
        return (wanted,)
    best = place(None, "fp32").device.type
    if best != "cuda":
        return (best,)
    found = ["cuda:0"]
    while True:
        try:
            place(f"cuda:{len(found)}", "fp32")
        except Faults:
            return tuple(found)
        found.append(f"cuda:{len(found)}")


def _parallel(devices: Sequence[str]) -> int:
    return len(devices) if devices[0] != "cpu" else _cores()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _threads(plan: Plan, machine: Machine) -> int:
    """Threads of each trial, so that together they have as many as there are cores."""
    jobs = machine.jobs or min(_cores(), plan.trials)
    return max(1, _cores() // jobs)
