"""What a search has tried and what came of it, in optuna's study: it also says what to try next.

A study lies in a journal's file or a database, where several machines meet. Its own trials hold what was
chosen and how good it was; what else is known of each stands among the study's attributes, by its number.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from netdsl.diagnostics import Faults, fault
from netdsl.sweep.space import Interval, Space
from netdsl.sweep.study import JOURNAL, Outcome, Row
from netdsl.sweep.values import as_number

if TYPE_CHECKING:
    import optuna

FACT = "tried "
State = Literal["training", "ended", "refused", "same"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A combination that was chosen."""

    number: int
    values: dict[str, str]
    """Of the factors that vary."""
    owner: str
    """The study's folder that trains it."""
    state: State
    ids: tuple[str, ...] = ()
    """Of its trials, one for each seed."""
    seed: int = 0
    """Of its first trial."""
    row: Row | None = None
    outcomes: tuple[Outcome, ...] = ()
    code: str = ""
    """The diagnostic with which it was refused."""
    reason: str = ""

    @property
    def counts(self) -> bool:
        """Whether it is trained, or was."""
        return self.state in ("training", "ended")


_TRIED = TypeAdapter(Tried)


class Memory:
    """A study of optuna's."""

    def __init__(self, storage: str | None, folder: Path, name: str, directions: Sequence[str]) -> None:
        """Opens the study of a name, or begins it.

        Raises:
            Faults: optuna is not installed (2), or the storage cannot be opened (2).
        """
        optuna = _optuna()
        self._optuna, self._digest = optuna, hashlib.sha256(name.encode()).digest()
        where = storage or str(folder / JOURNAL)
        with _trouble_with(where), _quiet():
            if "://" in where:
                kept: Any = optuna.storages.RDBStorage(where)
            else:
                Path(where).expanduser().parent.mkdir(parents=True, exist_ok=True)
                backend = optuna.storages.journal.JournalFileBackend(str(Path(where).expanduser()))
                kept = optuna.storages.JournalStorage(backend)
            self._study = optuna.create_study(
                study_name=name, storage=kept, directions=list(directions), load_if_exists=True
            )
        self._where = where

    def tried(self) -> tuple[Tried, ...]:
        """All that was chosen so far, on any machine, in order.

        Raises:
            Faults: the storage cannot be read, or holds something else; exit code 5.
        """
        with _trouble_with(self._where):
            attributes = self._study.user_attrs
        try:
            found = [
                _TRIED.validate_python(value) for key, value in attributes.items() if key.startswith(FACT)
            ]
        except ValidationError as error:
            message = f"`{self._where}` holds no search of this netdsl's: {str(error).splitlines()[0]}"
            help = "search anew in another storage"
            raise fault("damaged-study", message, exit_code=5, help=help) from None
        return tuple(sorted(found, key=lambda one: one.number))

    def note(self, one: Tried) -> None:
        """Writes down what is known of a combination."""
        with _trouble_with(self._where):
            self._study.set_user_attr(f"{FACT}{one.number}", _TRIED.dump_python(one, mode="json"))

    def choose(self, space: Space, known: int, parallel: bool) -> tuple[int, dict[str, str]]:
        """What to try next, by its number: the tree-structured Parzen estimator (Bergstra et al. 2011).

        Args:
            space: what to choose among.
            known: how many were chosen before; it fixes chance, so that what was killed goes on the same.
            parallel: whether others are at work at the same time, whose choices it should keep away from.
        """
        seed = int.from_bytes(hashlib.sha256(self._digest + known.to_bytes(8)).digest()[:4])
        with _trouble_with(self._where), _quiet():
            self._study.sampler = self._optuna.samplers.TPESampler(seed=seed, constant_liar=parallel)
            trial = self._study.ask()
            return trial.number, {
                **{name: _listed(trial, name, values) for name, values in space.lists.items()},
                **{name: _between(trial, name, interval) for name, interval in space.intervals.items()},
            }

    def begin_with(self, space: Space, own: Mapping[str, str]) -> None:
        """Lets a combination be chosen before all others."""
        chosen: dict[str, Any] = {}
        for name, values in space.lists.items():
            chosen[name] = values.index(own[name]) if _are_ordered(values) else own[name]
        for name, interval in space.intervals.items():
            chosen[name] = int(own[name]) if interval.whole else float(own[name])
        with _trouble_with(self._where), _quiet():
            self._study.enqueue_trial(chosen, skip_if_exists=True)

    def tell(self, number: int, figures: Sequence[float] | None, *, learn: bool = True) -> None:
        """What a combination came to, one figure for each direction.

        Args:
            number: the combination's.
            figures: none where it could not be trained.
            learn: whether such a one is to be kept away from; otherwise it says nothing.
        """
        states = self._optuna.trial.TrialState
        state = states.COMPLETE if figures else states.PRUNED if learn else states.FAIL
        with _trouble_with(self._where), _quiet():
            self._study.tell(number, list(figures) if figures else None, state, skip_if_finished=True)


def _listed(trial: optuna.Trial, name: str, values: Sequence[str]) -> str:
    """One of a list: of numbers in order by its place, so that what lies between two is known to."""
    if _are_ordered(values):
        return values[trial.suggest_int(name, 0, len(values) - 1)]
    return str(trial.suggest_categorical(name, list(values)))


def _between(trial: optuna.Trial, name: str, interval: Interval) -> str:
    if interval.whole:
        low, high = int(interval.low), int(interval.high)
        return interval.spelled(trial.suggest_int(name, low, high, log=interval.log))
    return interval.spelled(trial.suggest_float(name, interval.low, interval.high, log=interval.log))


def _are_ordered(values: Sequence[str]) -> bool:
    numbers = [as_number(value) for value in values]
    known = [number for number in numbers if number is not None]
    return len(known) == len(numbers) and known == sorted(known)


def _optuna() -> Any:
    """The library, which only a search needs.

    Raises:
        Faults: it is not installed; exit code 2.
    """
    try:
        import optuna
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        message = "a search needs optuna, which is not installed"
        raise fault("missing-library", message, help="`pip install 'netdsl[search]'`") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what optuna warns its own users of, such as options that are new."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _trouble_with(where: str) -> Iterator[None]:
    """Turns what goes wrong with a storage into a diagnostic."""
    try:
        yield
    except Faults:
        raise
    except Exception as error:
        if not _is_of_storage(error):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        message = f"the search's storage `{where}` cannot be used: {reason}"
        help = "name a file on a disk that the machines share, or a database such as `sqlite:///search.db`"
        raise fault("search-storage", message, help=help) from None


def _is_of_storage(error: Exception) -> bool:
    """Whether a file, a database or its driver is at fault, rather than a program."""
    module = type(error).__module__
    known = isinstance(error, OSError | json.JSONDecodeError | ImportError)
    return known or module.startswith(("sqlalchemy", "sqlite3")) or "Storage" in type(error).__name__
