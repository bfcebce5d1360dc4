"""Processes of a training end together, with one word why; a signal to all of them keeps what is done."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netdsl.training.checkpoint import positions
from netdsl.training.run import read_run
from tests.long import long
from tests.training.parallel.test_processes import ROOT, TORCHRUN

LENET = ("-m", "netdsl", "train", "lenet5", "--data", "digits", "--device", "cpu")


@contextmanager
def running(*options: str) -> Iterator[subprocess.Popen[str]]:
    """Two processes of `netdsl train`, ended at the end of the context whatever happens."""
    command = [*TORCHRUN, "--standalone", *LENET, *options]
    process = subprocess.Popen(
        command, cwd=ROOT, env=dict(os.environ), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    workers: dict[int, int] = {}
    try:
        yield process
    finally:
        workers = workers_of(process)
        process.kill()
        process.wait()
        for pid in workers.values():
            os.kill(pid, signal.SIGKILL)


def workers_of(process: subprocess.Popen[str]) -> dict[int, int]:
    """The processes that a launcher has started, by their ranks."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            environment = (status.parent / "environ").read_bytes().decode()
        except OSError:
            continue
        rank = re.search(r"(?:^|\0)RANK=(\d+)\0", environment)
        if parent == process.pid and rank:
            found[int(rank[1])] = int(status.parent.name)
    return found


def wait_for_epoch(process: subprocess.Popen[str], folder: Path) -> None:
    """Until the first epoch is kept."""
    until = time.monotonic() + 120
    while not positions(folder / "checkpoints"):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until, "no checkpoint was written"
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes by /proc")
@pytest.mark.parametrize("rank", [1, pytest.param(0, marks=long)])
def test_where_one_process_is_killed_the_other_says_so_and_ends(tmp_path: Path, rank: int) -> None:
    folder = tmp_path / "run"
    with running("--epochs", "10000", "--out", str(folder)) as process:
        wait_for_epoch(process, folder)
        other = workers_of(process)[1 - rank]
        os.kill(workers_of(process)[rank], signal.SIGKILL)
        killed_at = time.monotonic()
        while Path(f"/proc/{other}").exists() and time.monotonic() < killed_at + 30:
            time.sleep(0.05)
        seconds = time.monotonic() - killed_at
        said = process.communicate(timeout=60)[0]

    assert seconds < 20
    assert said.count("error[process-ended]: one of 2 processes has ended and left no reason") == 1
    assert positions(folder / "checkpoints")


@long
def test_a_signal_stops_all_of_them_at_a_checkpoint_that_one_goes_on_from(tmp_path: Path) -> None:
    """To the launcher, which passes it on; what they began by FSDP2, one process finishes."""
    folder = tmp_path / "run"
    with running("--epochs", "10000", "--out", str(folder), "--parallel", "fsdp") as process:
        wait_for_epoch(process, folder)
        process.terminate()
        said = process.communicate(timeout=60)[0]
    done = len(read_run(folder).rows)

    assert said.count("error[interrupted]: stopped by SIGTERM") == 1
    resumed = [sys.executable, "-m", "netdsl", "train", "lenet5", "--resume", str(folder)]
    one = subprocess.run(
        [*resumed, "--device", "cpu", "--epochs", str(done + 1)],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert one.returncode == 0, one.stderr
    assert "going on after" in one.stdout
    assert len(read_run(folder).rows) == done + 1


@long
def test_what_all_of_them_find_wrong_is_said_once(tmp_path: Path) -> None:
    with running("--batch", "1", "--out", str(tmp_path / "run")) as process:
        said = process.communicate(timeout=120)[0]

    assert said.count("error[batch-below-processes]: a batch of 1 is less than one sample for each of 2") == 1
    assert not (tmp_path / "run").exists()
