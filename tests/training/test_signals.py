"""Signals: a training ends its step, keeps what it has come to, and says by its exit code what stopped it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from netdsl.diagnostics import fault
from netdsl.training.batches import Batch, Batches
from netdsl.training.checkpoint import positions
from netdsl.training.data import find
from netdsl.training.run import Run
from netdsl.training.runner import train
from netdsl.training.signals import Stop, StopSignals
from tests.training.networks import faults_of, network, silent
from tests.training.runs import PER_EPOCH, RECIPE, Stopping, digests, few_digits, figures


@pytest.fixture(autouse=True, scope="module")
def _few_digits() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(find, "read_digits", few_digits)
        yield


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(network(RECIPE), out=tmp_path_factory.mktemp("runs") / "run", device="cpu", display=silent())


def send(number: int, times: int = 1) -> None:
    for _ in range(times):
        os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    ("number", "name"),
    [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM"), (signal.SIGUSR1, "SIGUSR1")],
)
def test_a_signal_ends_the_step_keeps_it_and_tells_its_number(
    undisturbed: Run, tmp_path: Path, number: int, name: str
) -> None:
    """Within an epoch; what is kept goes on to the same bits, and the handlers are those from before."""
    folder = tmp_path / "run"
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)]
    display = Stopping(2 * PER_EPOCH + 3, lambda: send(number))

    found, exit_code = faults_of(lambda: train(network(RECIPE), out=folder, device="cpu", display=display))

    assert ([d.code for d in found], exit_code) == (["interrupted"], 128 + number)
    assert found[0].message == f"stopped by {name}"
    assert (
        found[0].help
        == f"`{folder}` keeps the training up to step 3 of epoch 3: go on with `--resume {folder}`"
    )
    assert positions(folder / "checkpoints")[-1] == (2, 3)
    assert "stopped before the end" in (folder / "report.md").read_text()
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)] == before
    run = train(network(RECIPE), resume=folder, device="cpu", display=silent())
    assert figures(run) == figures(undisturbed)
    assert digests(run.folder) == digests(undisturbed.folder)


def test_a_signal_while_it_is_measured_keeps_the_steps(
    undisturbed: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests of a large data set take minutes, and a signal leaves seconds."""
    folder = tmp_path / "run"

    def measure(*_: object, after_batch: object, **__: object) -> None:
        send(signal.SIGTERM)
        assert callable(after_batch)
        after_batch()

    with monkeypatch.context() as patched:
        patched.setattr("netdsl.training.epochs.measure", measure)
        faults_of(lambda: train(network(RECIPE), out=folder, device="cpu", display=silent()))

    assert positions(folder / "checkpoints") == [(0, PER_EPOCH)]
    run = train(network(RECIPE), resume=folder, device="cpu", display=silent())
    assert digests(run.folder) == digests(undisturbed.folder)


def test_a_signal_that_ends_the_processes_that_read_data_is_told_as_the_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SLURM sends it to all; what then fails is not the cause."""
    real = Batches.epoch

    def epoch(self: Batches, number: int, first: int = 0) -> Iterator[Batch]:
        for index, batch in enumerate(real(self, number, first), first):
            if (number, index) == (2, 3):
                send(signal.SIGTERM)
                raise fault("worker-ended", "a process was ended", exit_code=4)
            yield batch

    monkeypatch.setattr(Batches, "epoch", epoch)

    found, exit_code = faults_of(
        lambda: train(network(RECIPE), out=tmp_path / "run", device="cpu", display=silent())
    )

    assert (found[0].message, exit_code) == ("stopped by SIGTERM", 143)
    assert positions(tmp_path / "run" / "checkpoints")[-1] == (1, 3)


def test_a_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    """After half a second: sooner, it is the first one that arrives twice."""
    folder = tmp_path / "run"

    def insist() -> None:
        send(signal.SIGINT, times=2)
        time.sleep(0.6)
        send(signal.SIGINT)
        raise AssertionError("it goes on")

    display = Stopping(PER_EPOCH + 3, insist)

    found, exit_code = faults_of(lambda: train(network(RECIPE), out=folder, device="cpu", display=display))

    assert (found[0].message, exit_code) == ("stopped at once by Ctrl-C", 130)
    assert positions(folder / "checkpoints") == [(1, 0)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_while_there_is_nothing_to_keep_a_signal_stops_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """And leaves no folder behind."""
    monkeypatch.setattr(find, "read_digits", lambda: send(number))

    found, exit_code = faults_of(
        lambda: train(network(RECIPE), out=tmp_path / "run", device="cpu", display=silent())
    )

    assert ([d.code for d in found], exit_code) == (["interrupted"], 128 + number)
    assert not (tmp_path / "run").exists()


def test_in_a_thread_a_training_leaves_signals_alone(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    during: list[object] = []
    runs: list[Run] = []
    display = Stopping(3, lambda: during.append(signal.getsignal(signal.SIGTERM)))
    thread = threading.Thread(
        target=lambda: runs.append(
            train(network(RECIPE), out=tmp_path / "run", device="cpu", display=display)
        )
    )

    thread.start()
    thread.join()

    assert during == [before]
    assert len(runs[0].rows) == 4


def test_a_process_that_is_forked_is_ended_by_sigterm(tmp_path: Path) -> None:
    """As those that read images are, which have the handlers of the training."""
    code = (
        "import os, signal, time\n"
        "from netdsl.training.signals import StopSignals\n"
        "signals = StopSignals()\n"
        "with signals.watched(), signals.awaited():\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        time.sleep(30)\n"
        "    _, status = os.waitpid(child, 0)\n"
        "    signals.check()\n"
        "print(os.waitstatus_to_exitcode(status))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == f"{-signal.SIGTERM}\n"


def test_a_signal_waits_to_be_asked_for() -> None:
    signals = StopSignals()
    with signals.watched():
        with signals.awaited():
            signals.check()
            send(signal.SIGTERM)
            with pytest.raises(Stop) as stop:
                signals.check()
        assert (stop.value.number, stop.value.at_once) == (signal.SIGTERM, False)
        with pytest.raises(Stop) as stop:
            send(signal.SIGUSR1)
        assert (stop.value.number, stop.value.at_once) == (signal.SIGUSR1, True)
