"""Batches made by processes beside the training's own, watched: one that dies or stands still is named.

Each process writes down which image it is at and since when, into memory that all share.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import multiprocessing
from torch.utils.data import DataLoader, Dataset, get_worker_info

from netdsl.diagnostics import Faults, fault

LOOK_SECONDS = 2.0
"""How long a batch is waited for before the processes are looked at."""
FROZEN_SECONDS = 20.0
"""How long a process may be at one image; more than any takes, less than a person waits."""
ENDING_SECONDS = 1.0
"""How long a process may take to end after what it made is gone."""
AHEAD = 4
"""Batches that each process makes in advance."""
HELP = "the machine may be short of memory: use fewer, such as `workers: 1`"

Begin = Callable[[int], None]
"""Told the number of each image before it is read."""
PID, IMAGE, SINCE = range(3)
IDLE = -1


def made_by_workers(
    make: Callable[[torch.Tensor, Begin], Any],
    batches: Sequence[torch.Tensor],
    workers: int,
    name: Callable[[int], str],
    *,
    pinned: bool = False,
) -> Iterator[Any]:
    """What is made of each batch of images, in order.

    Args:
        make: makes a batch of the numbers of its images; it runs in the processes and must not raise.
        batches: the numbers of the images of each batch.
        workers: how many processes.
        name: what to call an image.
        pinned: whether tensors are put where a GPU fetches them by itself.

    Raises:
        Faults: a process died or stands still; exit code 4.
    """
    at = torch.full((workers, 3), IDLE, dtype=torch.int64)
    at.share_memory_()  # type: ignore[no-untyped-call]
    loader: DataLoader[Any] = DataLoader(
        _Asked(make, batches, at),
        batch_size=None,
        num_workers=workers,
        collate_fn=_as_it_is,
        timeout=LOOK_SECONDS,
        prefetch_factor=AHEAD,
        pin_memory=pinned,
        worker_init_fn=_hand_over_by_name,
    )
    made = _begin(loader)
    arrived = time.monotonic()
    for _ in batches:
        while isinstance(batch := _next(made, at), _Complaint):
            frozen, what = _standing_still(at, arrived, name) if batch.is_of_time else ([], "")
            if batch.is_of_time and not frozen:
                continue
            del made  # tells those that hear it to end
            raise _frozen(frozen, what) if frozen else _ended(batch.message, at, name)
        yield batch
        arrived = time.monotonic()


@dataclass(frozen=True, slots=True)
class _Complaint:
    """What torch says in the place of a batch. Its exception would keep the processes from ending."""

    message: str

    @property
    def is_of_time(self) -> bool:
        return "timed out" in self.message


def _hand_over_by_name(_: int) -> None:
    """In each process: its tensors lie in memory that has a name. By torch's default they are asked for from
    the process that made them, and one that stands still never answers."""
    if "file_system" in multiprocessing.get_all_sharing_strategies():  # type: ignore[no-untyped-call]
        multiprocessing.set_sharing_strategy("file_system")  # type: ignore[no-untyped-call]


def _begin(loader: DataLoader[Any]) -> Iterator[Any]:
    """Starts the processes, without what torch does when one of them dies: it raises wherever the training is
    just then. A batch that does not come is noticed here."""
    if not hasattr(signal, "SIGCHLD") or threading.current_thread() is not threading.main_thread():
        return iter(loader)
    before = signal.getsignal(signal.SIGCHLD)
    made = iter(loader)
    if before is not None:  # None: it was not set from Python, and cannot be set again
        signal.signal(signal.SIGCHLD, before)
    return made


def _next(made: Iterator[Any], at: torch.Tensor) -> Any:
    try:
        return next(made)
    except (RuntimeError, OSError, EOFError) as error:
        if "DataLoader" in str(error):
            return _Complaint(str(error))
        if dead := _dead(at):  # what it had made went with it
            return _Complaint(f"pid(s) {', '.join(map(str, dead))}")
        raise


def _dead(at: torch.Tensor) -> list[int]:
    """The processes that ended. One that is about to has a moment for it."""
    until = time.monotonic() + ENDING_SECONDS
    while True:
        alive = {process.pid for process in multiprocessing.active_children()}
        dead = [pid for pid in at[:, PID].tolist() if pid != IDLE and pid not in alive]
        if dead or time.monotonic() > until:
            return dead
        time.sleep(ENDING_SECONDS / 20)


def _standing_still(at: torch.Tensor, arrived: float, name: Callable[[int], str]) -> tuple[list[int], str]:
    """The processes that do not get on, and what they are at: one at the same image for too long, or all
    doing nothing while a batch is waited for."""
    now = time.monotonic()
    rows = at.tolist()
    for pid, image, since in rows:
        if image != IDLE and now - since > FROZEN_SECONDS:
            return [pid], f"`{name(image)}`"
    if now - arrived > FROZEN_SECONDS and all(now - since > FROZEN_SECONDS for _, _, since in rows):
        return [pid for pid, _, _ in rows], "nothing"
    return [], ""


def _frozen(pids: Sequence[int], what: str) -> Faults:
    for pid in pids:  # a process that stands still does not hear when it is told to end
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    who = "the process {} that reads images is" if len(pids) == 1 else "the processes {} that read images are"
    text = f"{who.format(', '.join(map(str, pids)))} at {what} for more than {FROZEN_SECONDS:g} seconds"
    help = "look at that file, and at the disk it is on; or read with fewer processes: `workers: 1`"
    return fault("worker-frozen", text, exit_code=4, help=help)


def _ended(message: str, at: torch.Tensor, name: Callable[[int], str]) -> Faults:
    """The fault of a process that was ended, by torch's words for it."""
    told = re.search(r"pid(?:\(s\))? ([\d, ]+)", message)
    pids = [int(pid) for pid in told[1].split(",")] if told else []
    images = [image for pid, image, _ in at.tolist() if pid in pids and image != IDLE]
    where = f", at `{name(images[0])}`" if images else ""
    which = f" {pids[0]}" if pids else ""
    text = f"the process{which} that reads images was ended from outside{where}"
    return fault("worker-ended", text, exit_code=4, help=HELP)


class _Asked(Dataset[Any]):
    """The batches as torch's workers ask for them."""

    def __init__(
        self, make: Callable[[torch.Tensor, Begin], Any], batches: Sequence[torch.Tensor], at: torch.Tensor
    ) -> None:
        self.make, self.batches, self.at = make, batches, at

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> Any:
        info = get_worker_info()
        assert info is not None
        row = self.at[info.id]

        def begin(image: int) -> None:
            row.copy_(torch.tensor([os.getpid(), image, int(time.monotonic())]))

        begin(IDLE)
        made = self.make(self.batches[number], begin)
        begin(IDLE)
        return made


def _as_it_is(batch: Any) -> Any:
    return batch
