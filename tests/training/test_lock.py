"""A run's folder belongs to one process, as long as that lives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netdsl.training import lock
from netdsl.training.lock import LOCK, is_locked, locked
from netdsl.training.runner import train
from tests.training.networks import QUICK, fault_of, faults_of, network, silent

HOLD = """
import sys, time
from pathlib import Path
from netdsl.training.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the folder."""
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        yield child
    finally:
        child.kill()
        child.communicate()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "PATIENCE", 0.1)


@pytest.mark.usefixtures("impatient")
def test_two_runs_in_one_folder_are_refused_until_the_other_is_gone(tmp_path: Path) -> None:
    """One that goes on and one that begins; a killed process leaves no lock behind."""
    run = train(network(QUICK), out=tmp_path / "run", device="cpu", display=silent())
    (tmp_path / "empty").mkdir()
    with holder(run.folder) as other, holder(tmp_path / "empty"):
        assert is_locked(run.folder)
        found, exit_code = faults_of(
            lambda: train(network(QUICK), resume=run.folder, device="cpu", display=silent())
        )
        begun = fault_of(
            lambda: train(network(QUICK), out=tmp_path / "empty", device="cpu", display=silent())
        )
        other.send_signal(signal.SIGKILL)
        other.wait()
        train(network(QUICK), resume=run.folder, device="cpu", display=silent())

    assert ([d.code for d in found], exit_code) == (["run-folder-locked"], 2)
    assert f"process {other.pid} on " in found[0].message
    assert begun == ("run-folder-locked", 2)
    assert not is_locked(run.folder)


@pytest.mark.usefixtures("impatient")
def test_a_lock_whose_file_was_taken_away_is_none(tmp_path: Path) -> None:
    """Who holds a file that is gone has nothing; the next makes another, and has that."""
    with holder(tmp_path):
        (tmp_path / LOCK).unlink()
        with locked(tmp_path):
            assert (tmp_path / LOCK).read_text().startswith(f"process {os.getpid()} on ")


def test_a_folder_without_a_lock_is_free(tmp_path: Path) -> None:
    assert not is_locked(tmp_path)


def test_a_folder_in_which_a_run_did_not_come_to_begin_is_as_good_as_empty(tmp_path: Path) -> None:
    """It was killed before it wrote what makes the folder a run's."""
    (tmp_path / LOCK).write_text("process 1 on earth")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "spec.yaml").write_text("train: {}")

    run = train(network(QUICK), out=tmp_path, device="cpu", display=silent())

    assert len(run.rows) == 2
