"""The processes of a training as each sees the others: one alone, or a group that exchanges and fails as one.

One of them speaks and writes. Where one fails, whatever it is, the others end as well, and one tells why.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, final

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from netdsl.diagnostics import Faults, fault
from netdsl.training.parallel.launch import Launch

T = TypeVar("T")

PATIENCE = timedelta(minutes=30)
"""How long a process waits for what another has to give; the first may be reading or writing for minutes."""
MEETING = timedelta(minutes=5)
"""How long the processes wait for all to come."""
LAST_WORDS_SECONDS = 2.0
"""How long a process that has lost another waits for its reason."""
_FAILED = "failed"


class Ranks:
    """A process alone: there is nobody to exchange with."""

    rank = 0
    """This process' number, from 0."""
    ranks = 1
    """How many there are."""

    @contextmanager
    def opened(self, folder: AbstractContextManager[Path]) -> Iterator[Path]:
        """A run's folder, which the first process opens for all."""
        with folder as path:
            yield path

    @property
    def is_first(self) -> bool:
        """Whether this is the process that speaks and writes."""
        return self.rank == 0

    def sums(self, values: Sequence[float]) -> list[float]:
        """The sums of the processes' values, in double precision."""
        return list(values)

    def means(self, parts: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
        """Of several batches, each process' samples and their mean → the samples and the mean of all."""
        return list(parts)

    def gathered(self, value: T) -> list[T]:
        """Every process' value, in the order of their numbers."""
        return [value]

    def highest(self, numbers: Sequence[int]) -> list[int]:
        """The highest of the processes' numbers, place by place."""
        return list(numbers)

    def first_s(self, value: T) -> T:
        """The first process' value."""
        return value

    def in_turn(self, do: Callable[[], T]) -> T:
        """Lets the first process do what leaves something for the others to find, then the others."""
        return do()


ALONE = Ranks()


@final
class Group(Ranks):
    """A process among others."""

    def __init__(self, launch: Launch) -> None:
        self.rank, self.ranks = launch.rank, launch.ranks

    @contextmanager
    def opened(self, folder: AbstractContextManager[Path]) -> Iterator[Path]:
        if not self.is_first:
            yield self.first_s(Path())
            return
        with folder as path:
            yield self.first_s(path)

    def sums(self, values: Sequence[float]) -> list[float]:
        summed = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(summed)
        return summed.tolist()

    def means(self, parts: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
        if not parts:
            return []
        summed = self.sums([value for count, mean in parts for value in (count, count * mean)])
        counts, totals = summed[::2], summed[1::2]
        return [(int(count), total / count) for count, total in zip(counts, totals, strict=True)]

    def highest(self, numbers: Sequence[int]) -> list[int]:
        found = torch.tensor(numbers)
        dist.all_reduce(found, op=dist.ReduceOp.MAX)
        return found.tolist()

    def gathered(self, value: T) -> list[T]:
        values: list[Any] = [None] * self.ranks
        dist.all_gather_object(values, value)
        return values

    def first_s(self, value: T) -> T:
        values = [value]
        dist.broadcast_object_list(values, src=0, device=torch.device("cpu"))
        return values[0]

    def in_turn(self, do: Callable[[], T]) -> T:
        if self.is_first:
            done = do()
            self.sums([0])
            return done
        self.sums([0])
        return do()


@contextmanager
def joined(launch: Launch | None, device: torch.device) -> Iterator[Ranks]:
    """Meets the other processes, and parts from them at the end.

    Args:
        launch: what the launcher says; None for a process alone.
        device: that of this process.

    Raises:
        Faults: they do not all come, or one fails: one of them tells why, and the others' faults are empty.
    """
    if launch is None:
        yield ALONE
        return
    store = _meet(launch, device)
    try:
        yield Group(launch)
    except BaseException as error:
        reason = _reason(error, launch, store)
        if reason is error:
            raise
        raise reason from None
    finally:
        with contextlib.suppress(RuntimeError):
            dist.destroy_process_group()


def _meet(launch: Launch, device: torch.device) -> Store:
    """The store beside the group, in which the first to fail leaves its number."""
    where = f"tcp://{launch.address}:{launch.port}"
    is_torchrun = dist.is_torchelastic_launched()
    try:
        store, _, _ = next(
            rendezvous("env://" if is_torchrun else where, launch.rank, launch.ranks, timeout=MEETING)
        )
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        if device.type == "cuda":
            torch.cuda.set_device(device)
        dist.init_process_group(
            backend,
            store=PrefixStore("group", store),
            rank=launch.rank,
            world_size=launch.ranks,
            timeout=PATIENCE,
        )
    except (RuntimeError, ValueError) as error:
        message = f"not all of {launch.ranks} processes met at {launch.address}:{launch.port}: {error}"
        help = "start as many as are named, and let each reach that address"
        raise fault("missing-processes", message.splitlines()[0], exit_code=4, help=help) from None
    return PrefixStore("netdsl", store)


def _reason(error: BaseException, launch: Launch, store: Store) -> BaseException:
    """What this process says at its end: the error if it is the first to fail, nothing if another was.

    A process that has lost another waits a little for its reason, which comes unless it was killed.
    """
    is_lost = lost_another(error)
    if is_lost:
        _speak_out()
        message = f"one of {launch.ranks} processes has ended and left no reason"
        help = "it was killed, perhaps for want of memory: see the system's log; `--resume` goes on"
        error = fault("process-ended", message, exit_code=4, help=help)
    code = error.exit_code if isinstance(error, Faults) else 1
    until = time.monotonic() + (LAST_WORDS_SECONDS if is_lost else 0)
    try:
        while not store.check([_FAILED]) and time.monotonic() < until:
            time.sleep(0.05)
        told = store.compare_set(_FAILED, "", f"{launch.rank} {code}").decode()
    except RuntimeError:  # the process that keeps the store has ended
        return error
    speaker, others = told.split()
    return error if int(speaker) == launch.rank else Faults((), int(others))


def _speak_out() -> None:
    """Lets this process say why it ends, although its launcher ends it as well, since another has ended."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def lost_another(error: BaseException) -> bool:
    """Whether an error of torch is that of an exchange with a process that is no longer there."""
    if not isinstance(error, RuntimeError):
        return False
    text = str(error).lower()
    return isinstance(error, dist.DistError) or "gloo" in text or "nccl" in text or "connection" in text
