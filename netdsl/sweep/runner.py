"""Trains the trials of a study in parallel processes, and writes down what came of each as it ends.

One process leads: it alone writes `study.json` and `trials.jsonl`. A sweep can be killed at any moment; the
same command goes on, and nothing is trained or counted twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from netdsl.diagnostics import Faults, fault
from netdsl.sweep.factors import SPEC
from netdsl.sweep.machine import Machine, devices_of, parallel, threads_each
from netdsl.sweep.plan import Plan, make_plan, trials_of
from netdsl.sweep.processes import Workers
from netdsl.sweep.requests import RESULTS, Sender, find_used, keep_spec, outcome_of, told
from netdsl.sweep.study import (
    FORMAT,
    LOGS,
    RUNS,
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
from netdsl.training.progress import Display
from netdsl.training.run import REPORT_DATA
from netdsl.version import VERSION

INTERRUPTED = 130
"""The exit code of a process that Ctrl-C stopped."""


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
    folder = out or Path("sweeps") / folder_name(asked)
    check_folder(folder)
    with locked(folder) as lock:
        plan, study, ended = _begin(folder, asked, plan, machine, display)
        write_study(folder, study)
        write_outcomes(folder, _in_order(study, ended))
        specs = {spec: keep_spec(folder, spec, plan.wish.plugins) for spec in plan.wish.specs}
        sender = Sender(folder, specs, plan.wish.plugins, machine.root)
        waiting = {planned.id: planned for planned in study.trials if planned.id not in ended}
        used = {one.names: one.used for one in study.data}
        variants = [combination.variant for combination in plan.combinations]
        requests = [
            sender.request(planned, variant, used[variant.recipe.data])
            for planned in waiting.values()
            for variant in (variants[planned.combination],)
        ]
        _announce(folder, plan, study, len(waiting), display)
        devices = devices_of(machine.device)
        jobs = min(machine.jobs or parallel(devices), max(1, len(waiting)))
        try:
            with Workers(jobs, devices, study.threads, lock, folder / LOGS) as workers:
                for request, answer in workers.perform(requests):
                    planned = waiting[request["id"]]
                    outcome = outcome_of(planned, study.combinations[planned.combination].values, answer)
                    ended[outcome.id] = outcome
                    write_outcomes(folder, _in_order(study, ended))
                    display.say(told(outcome, len(ended), len(study.trials)))
        except KeyboardInterrupt:
            message = f"stopped; {len(ended)} of {len(study.trials)} trials have ended in `{folder}`"
            help = "the same command goes on"
            raise fault("interrupted", message, exit_code=INTERRUPTED, help=help) from None
    return folder


def folder_name(asked: Asked, others: Mapping[str, str] | None = None) -> str:
    """The name of a study's folder: its own, or one that follows from the specs and the factors.

    Args:
        asked: the study.
        others: further factors, that are no lists of values.
    """
    if asked.name:
        return asked.name
    wish = asked.wish
    said = json.dumps([wish.specs, dict(wish.factors), wish.one_at_a_time, *([others] if others else [])])
    names = "+".join(Path(spec).stem for spec in wish.specs)
    return f"{names}-{hashlib.sha256(said.encode()).hexdigest()[:8]}"


def _begin(
    folder: Path, asked: Asked, plan: Plan, machine: Machine, display: Display
) -> tuple[Plan, Study, dict[str, Outcome]]:
    """What is trained, by the data that are there, and the trials of it that have ended already."""
    earlier = None
    outcomes: tuple[Outcome, ...] = ()
    try:
        earlier = read_study(folder) if (folder / STUDY).exists() else None
        outcomes = read_outcomes(folder)
    except Faults as faults:
        display.warn(f"written anew: {faults.diagnostics[0].message}")
    known = {used.names: used for used in earlier.data} if earlier else {}

    def used_by(plan: Plan) -> tuple[Used, ...]:
        names = sorted({combination.variant.recipe.data for combination in plan.combinations})
        known.update({one: find_used(one, machine, display) for one in names if one not in known})
        return tuple(known[one] for one in names)

    data = used_by(plan)
    if asked.fallback is not None and any(used.passed_over for used in data):
        plan = make_plan(asked.fallback)
        data = used_by(plan)
    study = _study(asked, plan, data, earlier.threads if earlier else threads_each(machine, plan.trials))
    ids = {planned.id for planned in study.trials}
    return plan, study, {one.id: one for one in outcomes if one.id in ids and _stands(folder, one)}


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
        is_smaller=plan.wish is asked.fallback,
    )


def _in_order(study: Study, ended: Mapping[str, Outcome]) -> list[Outcome]:
    return [ended[planned.id] for planned in study.trials if planned.id in ended]


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
