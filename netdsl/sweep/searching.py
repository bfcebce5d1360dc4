"""Sweeps that search: what to train next follows from what came of all before, on this machine and others.

A combination that is chosen twice is trained once; one that is wrong is passed over, with its diagnostic.
What is known lies in the search's storage; `study.json` and `trials.jsonl` are written from it, so that the
report is that of any sweep.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from netdsl.diagnostics import Faults, did_you_mean, fault
from netdsl.sweep.choosing import Chooser
from netdsl.sweep.factors import SPEC
from netdsl.sweep.machine import Machine, devices_of, parallel, threads_each
from netdsl.sweep.memory import Memory, Tried
from netdsl.sweep.plan import trial_of
from netdsl.sweep.processes import Workers
from netdsl.sweep.requests import RESULTS, Sender, find_used, keep_spec, outcome_of, told
from netdsl.sweep.runner import INTERRUPTED, folder_name
from netdsl.sweep.search_study import counted, outcomes_of, study_of
from netdsl.sweep.space import COSTS, Sought, Space, make_space
from netdsl.sweep.study import (
    LOGS,
    STUDY,
    Outcome,
    Planned,
    Searched,
    Study,
    Used,
    check_folder,
    locked,
    read_study,
    write_outcomes,
    write_study,
)
from netdsl.sweep.study_file import Asked
from netdsl.sweep.variants import Variant
from netdsl.training.progress import Display
from netdsl.training.tasks import make_task

Sent = tuple[dict[str, Any], Planned, Tried]
"""A request, the trial that it is for, and the combination that the trial is of."""


def search(
    asked: Asked, sought: Sought, machine: Machine, out: Path | None = None, display: Display | None = None
) -> Path:
    """Trains the combinations that a search chooses, until there are as many as are asked for.

    Args:
        asked: the specs, the factors, what the study is about.
        sought: how many combinations, by which objective, and where machines meet.
        machine: where and how trials run.
        out: the study's folder; below `sweeps/` unless given, by a name that follows from what is asked.
        display: where to say what happens.

    Returns:
        The study's folder.

    Raises:
        Faults: nothing that is chosen can be trained (1 or 2), the objective or the storage is wrong (2),
            data are missing (3), the folder is taken (2), or Ctrl-C stopped it (130).
    """
    display = display or Display()
    space = make_space(asked.wish, sought)
    folder = out or Path("sweeps") / folder_name(asked, {n: str(i) for n, i in sought.intervals.items()})
    check_folder(folder)
    with locked(folder) as lock:
        leader = _Leader(asked, sought, machine, space, folder, display)
        try:
            leader.train(lock)
        except KeyboardInterrupt:
            count = sum(one.state == "ended" for one in leader.memory.tried())
            message = f"stopped; {count} of {sought.count} combinations have ended in `{folder}`"
            help = "the same command goes on"
            raise fault("interrupted", message, exit_code=INTERRUPTED, help=help) from None
    return folder


class _Leader:
    """Chooses, hands out, and writes down."""

    def __init__(
        self, asked: Asked, sought: Sought, machine: Machine, space: Space, folder: Path, display: Display
    ) -> None:
        """Opens the memory and writes the study.

        Raises:
            Faults: the specs cannot be trained as they are asked, or the storage cannot be used.
        """
        self._asked, self._sought, self._machine = asked, sought, machine
        self._space, self._folder, self._display = space, folder, display
        self._earlier = self._read_earlier()
        self._used = {used.names: used for used in self._earlier.data} if self._earlier else {}
        firsts = self._first_variants()
        metric = make_task(firsts[0].recipe).metric
        self._objective = _checked(sought.objective or (metric,), metric)
        for first in firsts:
            self._data_of(first)
        directions = ["minimize" if name in COSTS else "maximize" for name in self._objective]
        self.memory = Memory(sought.storage, folder, self._name(firsts), directions)
        self._owner = self._own_name()
        wish = asked.wish
        self._threads = (
            self._earlier.threads if self._earlier else threads_each(machine, sought.count * wish.repeats)
        )
        self._chooser = Chooser(
            self.memory,
            space,
            self._owner,
            asked.wish.repeats,
            lambda variant: self._data_of(variant).used,
            display,
        )
        spaces = {name: space.spelled(name) for name in (*space.lists, *space.intervals)}
        self._how = Searched(
            count=sought.count, objective=self._objective, space=spaces, refused=(), owner=self._owner
        )
        self._failed: dict[int, list[Outcome]] = {}

    def _read_earlier(self) -> Study | None:
        try:
            return read_study(self._folder) if (self._folder / STUDY).exists() else None
        except Faults as faults:
            self._display.warn(f"written anew: {faults.diagnostics[0].message}")
            return None

    def _first_variants(self) -> list[Variant]:
        """The specs as they are but for what is fixed: of what task they are, and on which data.

        Raises:
            Faults: one cannot be trained with what is fixed.
        """
        others = dict.fromkeys(name for name in (*self._space.lists, *self._space.intervals) if name != SPEC)
        make = self._space.workshop.make
        return [make({**self._space.fixed, SPEC: spec, **others}) for spec in self._asked.wish.specs]

    def _data_of(self, variant: Variant) -> Used:
        names = variant.recipe.data
        if names not in self._used:
            self._used[names] = find_used(names, self._machine, self._display)
        return self._used[names]

    def _name(self, firsts: Sequence[Variant]) -> str:
        """A digest of all that decides what comes of the search, but for its length."""
        said = [
            [first.key for first in firsts],
            dict(self._asked.wish.factors),
            {name: str(interval) for name, interval in self._space.intervals.items()},
            self._objective,
            self._asked.wish.repeats,
            sorted(used.used for used in self._used.values()),
        ]
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
        return f"netdsl {digest[:16]}"

    def _own_name(self) -> str:
        """What this folder is called among those that share a storage."""
        if self._sought.storage is None:
            return ""
        known = self._earlier.searched if self._earlier else None
        return known.owner if known and known.owner else os.urandom(8).hex()

    def train(self, lock: int) -> None:
        """Trains what is chosen, to the end.

        Raises:
            Faults: nothing that was chosen can be trained.
        """
        self._write()
        wish = self._asked.wish
        specs = {spec: keep_spec(self._folder, spec, wish.plugins) for spec in wish.specs}
        self._sender = Sender(self._folder, specs, wish.plugins, self._machine.root)
        self._announce()
        own = self._space.own()
        if own is not None:
            self.memory.begin_with(self._space, own)
        devices = devices_of(self._machine.device)
        jobs = self._machine.jobs or parallel(devices)
        queue = deque(self._left_over())
        at_work: dict[str, tuple[Planned, Tried]] = {}
        with Workers(jobs, devices, self._threads, lock, self._folder / LOGS) as workers:
            while True:
                while len(at_work) < jobs and (queue or self._choose(queue, side_by_side=jobs > 1)):
                    request, planned, one = queue.popleft()
                    at_work[planned.id] = (planned, one)
                    workers.send(request)
                if not at_work:
                    break
                request, answer = workers.next_answer()
                self._end(*at_work.pop(request["id"]), answer)
        if self._chooser.refused and not counted(self.memory.tried()):
            raise Faults(list(self._chooser.refused.values()))

    def _left_over(self) -> Iterator[Sent]:
        """The trials of this folder's combinations that have not ended."""
        for one in self.memory.tried():
            if one.state == "training" and one.owner == self._owner:
                yield from self._requests(one)

    def _choose(self, queue: deque[Sent], *, side_by_side: bool) -> bool:
        """Lets a combination be chosen that is new, and queues its trials; whether there is one."""
        one = self._chooser.next(self._sought.count, parallel=side_by_side)
        if one is not None:
            queue.extend(self._requests(one))
        return one is not None

    def _requests(self, one: Tried) -> Iterator[Sent]:
        """The trials of a combination that have not ended."""
        variant = self._chooser.variant(one)
        data = self._data_of(variant).used
        done = {outcome.id for outcome in self._latest(one).outcomes}
        for repeat in range(self._asked.wish.repeats):
            planned = Planned(**vars(trial_of(variant, 0, repeat, data)))
            if planned.id not in done:
                yield self._sender.request(planned, variant, data), planned, one

    def _latest(self, one: Tried) -> Tried:
        return next(other for other in self.memory.tried() if other.number == one.number)

    def _end(self, planned: Planned, one: Tried, answer: Mapping[str, Any]) -> None:
        """Writes down what came of a trial; with the last of a combination's, tells the memory."""
        outcome = outcome_of(planned, one.values, answer)
        if outcome.status == "failed" and outcome.code not in RESULTS:
            self._failed.setdefault(one.number, []).append(outcome)  # is tried again by the next call
        else:
            one = self._latest(one)
            one = replace(one, outcomes=(*one.outcomes, outcome))
            if len(one.outcomes) == len(one.ids):
                self.memory.tell(one.number, self._figures(one))
                one = replace(one, state="ended")
            self.memory.note(one)
        ended = self._write()
        self._display.say(told(outcome, ended, self._sought.count * self._asked.wish.repeats))

    def _figures(self, one: Tried) -> list[float] | None:
        """How good a combination is, a figure for each objective; None where all of its trials failed."""
        reached = [outcome.value for outcome in one.outcomes if outcome.status == "finished"]
        if not reached or one.row is None:
            return None
        costs = {"params": float(one.row.params), "macs": float(one.row.macs)}
        return [costs[name] if name in costs else fmean(reached) for name in self._objective]

    def _write(self) -> int:
        """Writes the study and its outcomes as the memory has them; how many trials have ended."""
        tried = self.memory.tried()
        used = tuple(self._used.values())
        study = study_of(self._asked, self._space, tried, self._how, used, self._threads)
        write_study(self._folder, study)
        write_outcomes(self._folder, outcomes_of(tried, self._failed))
        return sum(len(one.outcomes) for one in counted(tried))

    def _announce(self) -> None:
        """Says what is searched on which data, a fallback so that nobody misses it."""
        say, warn = self._display.say, self._display.warn
        tried = self.memory.tried()
        among = "" if self._space.size is None else f" of {self._space.size}"
        say(f"a search of {self._sought.count} combinations{among}, by {', '.join(self._objective)}")
        for used in self._used.values():
            for reason in used.passed_over:
                warn(reason)
            if used.passed_over:
                warn(f"INSTEAD, THE FALLBACK IS USED: {used.used}")
            else:
                say(f"on {used.used}")
        elsewhere = sum(one.state == "training" and one.owner != self._owner for one in tried)
        ended = sum(one.state == "ended" for one in tried)
        if ended or elsewhere:
            say(
                f"{ended} have ended before" + f"; {elsewhere} are at work in other folders" * bool(elsewhere)
            )
        say(f"into {self._folder}")


def _checked(objective: tuple[str, ...], metric: str) -> tuple[str, ...]:
    """The objective, if it names what there is.

    Raises:
        Faults: it does not; exit code 2.
    """
    known = (metric, *COSTS)
    for name in objective:
        if name not in known:
            help = did_you_mean(name, known) or f"it can name {', '.join(known)}"
            raise fault("option-value", f"`--objective` names no figure by `{name}`", help=help)
    return tuple(dict.fromkeys(objective))
