"""A study: a plan, what it is about, and what came of its trials. Kept in a folder, read again for reports.

    sweeps/lenet_d2l-1f0c9a7e/
      study.json  trials.jsonl   the plan; one row per trial that ended
      specs/…                    the specs' texts, as they were when the study began
      trials/ID/  logs/ID.txt    each trial's run, and what it said
      report.html  table.csv  trials.csv  *.png

Both files are replaced whole by the one process that leads the sweep. Which trials are finished, their own
folders tell: a row whose run is not there is not believed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from netdsl.diagnostics import Faults, fault
from netdsl.sweep.study_file import Published
from netdsl.training.durable import write_beside

STUDY, TRIALS, LOCK = "study.json", "trials.jsonl", "lock"
JOURNAL = "search.journal"
"""What a search without another storage remembers."""
RUNS, LOGS, SPECS = "trials", "logs", "specs"
FORMAT = 1
"""Grows when the files' form changes."""
PATIENCE = 10.0
"""Seconds that a sweep waits for the processes of one that was killed to end."""
Status = Literal["finished", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A combination of the plan."""

    values: Mapping[str, str]
    params: int
    macs: int
    optimizer: str
    """With its arguments, as it was used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A trial of the plan."""

    id: str
    combination: int
    repeat: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """The data set that is used where a recipe names some, and why not those named before it."""

    names: tuple[str, ...]
    used: str
    passed_over: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """How a study's combinations were chosen, where a search chose them."""

    count: int
    """Combinations that were asked for."""
    objective: tuple[str, ...]
    space: Mapping[str, str]
    """Each factor that varies, with what it was chosen from."""
    refused: tuple[str, ...]
    """Why combinations that were chosen could not be trained."""
    owner: str
    """This folder's name among those that share a storage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What is swept; `study.json`."""

    format: int
    netdsl: str
    name: str
    about: str
    specs: tuple[str, ...]
    factors: Mapping[str, tuple[str, ...]]
    fixed: Mapping[str, str]
    one_at_a_time: bool
    repeats: int
    baseline: int
    combinations: tuple[Row, ...]
    trials: tuple[Planned, ...]
    data: tuple[Used, ...]
    threads: int
    """Of each trial: figures are the same to the bit only with the same number."""
    published: Published | None = None
    is_smaller: bool = False
    """Whether it has the form that its file gives it for the data that stand in for others."""
    searched: Searched | None = None
    """None where the plan was known from the beginning."""


@dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(ser_json_inf_nan="constants"))
class Outcome:
    """What came of a trial; a line of `trials.jsonl`."""

    id: str
    combination: int
    values: Mapping[str, str]
    repeat: int
    seed: int
    status: Status
    metric: str = ""
    """The figure that tells how good a network is."""
    figures: Mapping[str, float]
    """Those of the last epoch."""
    epochs: int = 0
    seconds: float = 0.0
    data: str = ""
    device: str = ""
    code: str = ""
    """The diagnostic that a failed trial ended with."""
    reason: str = ""

    @property
    def value(self) -> float:
        """What the trial reached on the test data."""
        return self.figures[f"test_{self.metric}"]


_STUDY, _OUTCOME = TypeAdapter(Study), TypeAdapter(Outcome)


@contextmanager
def locked(folder: Path) -> Iterator[int]:
    """The study's folder for this sweep alone; the lock's file descriptor is for its workers to hold as well.

    So a sweep that was killed gives the folder free when the last of its workers has ended: unlike a
    run's lock, which is of one process and not inherited.

    Raises:
        Faults: another sweep works there, or the folder cannot be made; exit code 2.
    """
    import fcntl  # of POSIX alone: reading a report needs no lock

    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK).open("w")
    except OSError as error:
        message = f"the study's folder `{folder}` cannot be written: {(error.strerror or str(error)).lower()}"
        raise fault("run-folder-unwritable", message, help="choose another with `--out DIR`") from None
    with file:
        for last in (*[False] * int(PATIENCE / 0.1), True):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if last:
                    message = f"another sweep is at work in `{folder}`"
                    help = "wait for it, stop it, or choose another folder with `--out DIR`"
                    raise fault("sweep-folder-taken", message, help=help) from None
                time.sleep(0.1)
        yield file.fileno()


def check_folder(folder: Path) -> None:
    """Refuses a folder that holds something else.

    Raises:
        Faults: it does; exit code 2.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / STUDY).exists()):
        names = [] if folder.is_file() else [path.name for path in folder.iterdir()]
        others = [name for name in names if name != LOCK and not name.startswith(JOURNAL)]
        if others or folder.is_file():
            help = "choose another with `--out DIR`"
            raise fault("sweep-folder-taken", f"`{folder}` holds something that is no study", help=help)


def write_study(folder: Path, study: Study) -> None:
    """Writes what is swept."""
    write_beside(folder / STUDY, _STUDY.dump_json(study, indent=1))


def write_outcomes(folder: Path, outcomes: Sequence[Outcome]) -> None:
    """Writes what came of the trials that ended, one line for each."""
    write_beside(folder / TRIALS, b"".join(_OUTCOME.dump_json(outcome) + b"\n" for outcome in outcomes))


def read_study(folder: Path) -> Study:
    """What was swept in a folder.

    Raises:
        Faults: the folder is no study's, or damaged; exit code 2 or 5.
    """
    if not (folder / STUDY).is_file():
        message = f"`{folder}` is no study's folder: it has no `{STUDY}`"
        raise fault("missing-study", message, help="give the folder that `netdsl sweep` named at its end")
    try:
        study = _STUDY.validate_json((folder / STUDY).read_bytes())
    except (OSError, ValidationError) as error:
        raise _damaged(folder / STUDY, error) from None
    if study.format != FORMAT:
        raise _damaged(folder / STUDY, ValueError(f"its form is {study.format}, not {FORMAT}"))
    baseline = (study.baseline,) if study.combinations else ()  # a search begins with none
    named = [*baseline, *(trial.combination for trial in study.trials)]
    if not all(0 <= number < len(study.combinations) for number in named):
        raise _damaged(folder / STUDY, ValueError("it names a combination that it has not"))
    if any(row.values.keys() != study.factors.keys() for row in study.combinations):
        raise _damaged(folder / STUDY, ValueError("a combination has not one value for each factor"))
    return study


def read_outcomes(folder: Path) -> tuple[Outcome, ...]:
    """What came of the trials that ended.

    Raises:
        Faults: the file is damaged; exit code 5.
    """
    path = folder / TRIALS
    try:
        lines = path.read_bytes().splitlines() if path.is_file() else []
        found = tuple(_OUTCOME.validate_json(line) for line in lines)
    except (OSError, ValidationError) as error:
        raise _damaged(path, error) from None
    for outcome in found:
        if outcome.status == "finished" and f"test_{outcome.metric}" not in outcome.figures:
            raise _damaged(path, ValueError(f"the trial {outcome.id} has no `test_{outcome.metric}`"))
    return found


def _damaged(path: Path, error: Exception) -> Faults:
    lines = str(error).splitlines()
    shown = f"{lines[1]}: {lines[2].strip()}" if isinstance(error, ValidationError) else lines[0]
    help = "sweep again in this folder: what its trials' folders hold is not trained anew"
    return fault("damaged-study", f"`{path}` cannot be read: {shown}", exit_code=5, help=help)


def cause_of(faults: Faults) -> tuple[str, str]:
    """The code of what went wrong, and its sentence."""
    first = faults.diagnostics[0]
    return first.code, first.message
