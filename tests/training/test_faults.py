"""Nothing lost: kills at any moment, bits that flip, disks that fill up.

The tests have a slice of each; `make faults` tries all.
"""

from __future__ import annotations

import errno
import io
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure

from netdsl.diagnostics import Faults
from netdsl.training.checkpoint import Checkpoint, Keeping, latest_checkpoint, positions, read_checkpoint
from netdsl.training.data import find
from netdsl.training.run import FACTS, Run
from netdsl.training.runner import train
from tests.long import in_part
from tests.training.networks import network, silent
from tests.training.runs import RECIPE, digests, few_digits, figures

ALWAYS = Keeping(every_seconds=0)
"""A checkpoint after every step, so that most moments are within a save."""


@pytest.fixture(autouse=True, scope="module")
def _few_digits() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        few_digits_in(patched)
        yield


def few_digits_in(patched: pytest.MonkeyPatch) -> None:
    """Few digits, and no curves."""
    patched.setattr(find, "read_digits", few_digits)
    patched.setattr("netdsl.training.report.draw_curves", lambda run: Figure())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(network(RECIPE), out=tmp_path_factory.mktemp("runs") / "run", device="cpu", display=silent())


def begin_or_go_on(folder: Path) -> Run:
    """As a script does that is started again and again."""
    where: dict[str, Any] = {"resume" if (folder / FACTS).exists() else "out": folder}
    return train(network(RECIPE), **where, device="cpu", keeping=ALWAYS, display=silent())


PROCESSES = multiprocessing.get_context("forkserver")
"""Processes that know nothing of what other tests did in this one: torch's threads do not survive a fork."""
PROCESSES.set_forkserver_preload([__name__])


def started(work: Callable[..., object], *arguments: object) -> ForkServerProcess:
    """A process that does the work among few digits."""
    child = PROCESSES.Process(target=_among_few_digits, args=(work, *arguments))
    child.start()
    return child


def _among_few_digits(work: Callable[..., object], *arguments: object) -> None:
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patched:
        few_digits_in(patched)
        work(*arguments)


def assert_as_undisturbed(run: Run, undisturbed: Run) -> None:
    assert figures(run) == figures(undisturbed)
    assert digests(run.folder) == digests(undisturbed.folder)
    assert not list(run.folder.rglob(".*.partial"))


@pytest.fixture(scope="module")
def whole_seconds(undisturbed: Run, tmp_path_factory: pytest.TempPathFactory) -> float:
    """What a whole run takes that saves after every step."""
    folder = tmp_path_factory.mktemp("timed") / "run"
    started(time.monotonic).join()  # the first process waits for torch
    begun = time.monotonic()
    child = started(begin_or_go_on, folder)
    child.join()
    assert child.exitcode == 0
    assert_as_undisturbed(begin_or_go_on(folder), undisturbed)
    return time.monotonic() - begun


@pytest.mark.parametrize("number", in_part(range(30), range(2)))
def test_a_run_killed_at_any_moment_goes_on_to_the_same_bits(
    undisturbed: Run, whole_seconds: float, tmp_path: Path, number: int
) -> None:
    """Twice: while it begins or trains, and while it goes on."""
    moments = random.Random(number)
    folder = tmp_path / "run"

    for _ in range(2):
        child = started(begin_or_go_on, folder)
        time.sleep(moments.uniform(0, whole_seconds))
        child.kill()
        child.join()

    assert_as_undisturbed(begin_or_go_on(folder), undisturbed)


@pytest.mark.parametrize("number", in_part(range(30), range(3)))
def test_a_run_killed_inside_a_save_goes_on_to_the_same_bits(
    undisturbed: Run, tmp_path: Path, number: int
) -> None:
    """By SIGKILL at a call to the system, of those that write, sync, rename and remove."""
    moment = random.Random(number).randrange(1, 400)
    folder = tmp_path / "run"

    child = started(_killed_at, moment, folder)
    child.join()

    assert child.exitcode == -signal.SIGKILL
    assert_as_undisturbed(begin_or_go_on(folder), undisturbed)


def _killed_at(moment: int, folder: Path) -> None:
    calls = 0

    def counted(call: Callable[..., object]) -> Callable[..., object]:
        def made(*arguments: object, **named: object) -> object:
            nonlocal calls
            calls += 1
            if calls == moment:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **named)

        return made

    writing = ((os, "fsync"), (Path, "rename"), (Path, "replace"), (os, "rmdir"), (os, "unlink"))
    for owner, name in writing:
        setattr(owner, name, counted(getattr(owner, name)))
    begin_or_go_on(folder)


@pytest.mark.parametrize("flips", in_part([60, 500], [60]))
def test_every_flipped_bit_of_a_checkpoint_is_detected(undisturbed: Run, flips: int) -> None:
    """In any of its files, manifest included; the checkpoint before is used instead."""
    folder = undisturbed.folder / "checkpoints"
    before, last = positions(folder)[-2:]
    files = sorted((folder / last.folder).iterdir())
    chosen = random.Random(0)
    undetected = []

    for number in range(flips):
        path = files[number % len(files)]
        whole = path.read_bytes()
        bit = chosen.randrange(8 * len(whole))
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        latest = latest_checkpoint(folder)
        assert latest.checkpoint is not None
        if latest.checkpoint.position != before or len(latest.damaged) != 1:
            undetected.append((path.name, bit))
        path.write_bytes(whole)

    assert undetected == []
    assert isinstance(read_checkpoint(folder, last), Checkpoint)


class FullDisk(io.FileIO):
    """A file on a disk that has room for half of what is written."""

    def write(self, content: Any) -> int:
        super().write(memoryview(content)[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("number", in_part(range(1, 21), [2, 4, 5, 11]))
def test_a_disk_that_is_full_at_a_write_is_told_and_loses_nothing(
    undisturbed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """And stays full. What was written before is intact, and there is no half of a file under its name."""
    folder = tmp_path / "run"
    real, writes = Path.open, 0

    def opened(path: Path, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        nonlocal writes
        if "w" not in mode or folder not in path.parents:
            return real(path, mode, *arguments, **named)
        writes += 1
        return FullDisk(path, "w") if writes >= number else real(path, mode, *arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", opened)
        with pytest.raises(Faults) as raised:
            begin_or_go_on(folder)

    found = raised.value.diagnostics[0]
    assert found.code in ("run-folder-unwritable", "checkpoint-unwritable")
    assert "no space left on device" in found.message
    assert raised.value.exit_code == (5 if (folder / FACTS).exists() else 2)
    for position in positions(folder / "checkpoints"):
        assert isinstance(read_checkpoint(folder / "checkpoints", position), Checkpoint)
    assert_as_undisturbed(begin_or_go_on(folder), undisturbed)


def test_a_folder_that_vanishes_under_way_is_told(tmp_path: Path) -> None:
    """As a disk does that is no longer mounted. Nothing is made in its place."""
    folder = tmp_path / "run"

    class Vanishing(type(silent())):  # type: ignore[misc]
        def step(self, done: int, epoch: str, figures: Callable[[], str]) -> None:
            if done == 5:
                folder.rename(tmp_path / "elsewhere")

    with pytest.raises(Faults) as raised:
        train(network(RECIPE), out=folder, device="cpu", keeping=ALWAYS, display=Vanishing(silent=True))

    assert (raised.value.diagnostics[0].code, raised.value.exit_code) == ("checkpoint-unwritable", 5)
    assert not folder.exists()
    assert positions(tmp_path / "elsewhere" / "checkpoints")[-1] == (0, 4)
