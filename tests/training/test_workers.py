"""Processes that make batches: one that dies or stands still is named within seconds."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest
import torch

from netdsl.training import workers as module
from netdsl.training.workers import Begin, made_by_workers
from tests.training.networks import faults_of

GROUPS = [torch.tensor([first, first + 1]) for first in range(0, 12, 2)]
LAST_OF_FIRST = 4
WHILE_OTHERS_WAIT = 8
"""The first process is at it when what it made before has not been asked for yet."""


def name(image: int) -> str:
    return f"image-{image}.png"


def doubled(samples: torch.Tensor, begin: Begin) -> torch.Tensor:
    for sample in samples.tolist():
        begin(sample)
    return samples * 2


def dying(samples: torch.Tensor, begin: Begin) -> torch.Tensor:
    doubled(samples, begin)
    if LAST_OF_FIRST in samples.tolist():
        begin(LAST_OF_FIRST)
        os.kill(os.getpid(), signal.SIGKILL)
    return samples


def stopping(samples: torch.Tensor, begin: Begin) -> torch.Tensor:
    """Stands still at an image, as on a disk that is gone: it cannot even be told to end."""
    if LAST_OF_FIRST in samples.tolist():
        begin(LAST_OF_FIRST)
        os.kill(os.getpid(), signal.SIGSTOP)
    return doubled(samples, begin)


def dying_later(samples: torch.Tensor, begin: Begin) -> torch.Tensor:
    return _signalled_later(samples, begin, signal.SIGKILL)


def stopping_later(samples: torch.Tensor, begin: Begin) -> torch.Tensor:
    return _signalled_later(samples, begin, signal.SIGSTOP)


def _signalled_later(samples: torch.Tensor, begin: Begin, number: signal.Signals) -> torch.Tensor:
    """When what was made before is on its way."""
    if WHILE_OTHERS_WAIT in samples.tolist():
        begin(WHILE_OTHERS_WAIT)
        time.sleep(0.5)
        os.kill(os.getpid(), number)
    return doubled(samples, begin)


def long_at_the_first(batches: Iterator[torch.Tensor]) -> None:
    next(batches)
    time.sleep(1.5)
    list(batches)


def slow(samples: torch.Tensor, begin: Begin) -> torch.Tensor:
    """Long at a batch, but never long at an image."""
    for sample in samples.tolist():
        begin(sample)
        time.sleep(0.25)
    return samples * 2


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(module, "FROZEN_SECONDS", 2)


@pytest.mark.parametrize("workers", [1, 2])
def test_batches_come_in_order(workers: int) -> None:
    made = list(made_by_workers(doubled, GROUPS, workers, name))

    assert torch.equal(torch.cat(made), torch.arange(12) * 2)


def test_a_process_that_dies_is_named_with_its_image() -> None:
    (found,), exit_code = faults_of(lambda: list(made_by_workers(dying, GROUPS, 2, name)))

    assert (found.code, exit_code) == ("worker-ended", 4)
    assert found.message.endswith("that reads images was ended from outside, at `image-4.png`")


@pytest.mark.usefixtures("impatient")
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no process is stopped here")
def test_a_process_that_stands_still_is_named_with_its_image() -> None:
    started = time.monotonic()

    (found,), exit_code = faults_of(lambda: list(made_by_workers(stopping, GROUPS, 2, name)))

    assert (found.code, exit_code) == ("worker-frozen", 4)
    pid = int(found.message.split()[2])
    assert found.message == f"the process {pid} that reads images is at `image-4.png` for more than 2 seconds"
    assert time.monotonic() - started < 20


@pytest.mark.usefixtures("impatient")
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no process is stopped here")
@pytest.mark.parametrize(("make", "code"), [(dying_later, "worker-ended"), (stopping_later, "worker-frozen")])
def test_what_a_process_made_before_is_not_waited_for(
    make: Callable[[torch.Tensor, Begin], torch.Tensor], code: str
) -> None:
    """Nor is the training interrupted where it is: it hears of it when it asks for the next batch."""
    (found,), exit_code = faults_of(lambda: long_at_the_first(made_by_workers(make, GROUPS, 2, name)))

    assert (found.code, exit_code) == (code, 4)
    assert "image-8.png" in found.message


@pytest.mark.usefixtures("impatient")
def test_one_that_is_slow_but_gets_on_is_left_alone() -> None:
    made = list(made_by_workers(slow, [torch.arange(12)], 1, name))  # longer than a frozen one is waited for

    assert torch.equal(made[0], torch.arange(12) * 2)


def test_a_frozen_process_is_noticed_within_half_a_minute() -> None:
    """With the five seconds that torch gives processes to end."""
    assert module.FROZEN_SECONDS + module.LOOK_SECONDS + 5 < 30
