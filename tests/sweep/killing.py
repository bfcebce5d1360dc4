"""Sweeps and searches that are killed again and again: in the end every trial is there exactly once."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from netdsl.cli.main import main

LATEST = 2.0
"""Seconds after its first word by which a sweep is killed."""
EACH = 5
"""Of so many kills, one waits until a trial has ended, so that there is something to keep."""
PATIENCE = 120.0
"""Seconds after which one that stands still is ended, and fails."""
FORMS: Mapping[str, Sequence[str]] = {
    "sweep": ("lr=0.01,1e30", "width=2,4", "--repeats", "2", "--jobs", "2"),
    "search": ("lr=0.001..1:log", "width=2,3,4", "--search", "8", "--jobs", "1"),
}
"""A sweep and a search, of eight trials each; of the sweep's, half diverge."""


def words_of(form: str, spec: str, folder: Path) -> list[str]:
    """A command line."""
    return ["sweep", spec, *FORMS[form], "epochs=2", "--device", "cpu", "--out", str(folder)]


def figures(folder: Path) -> list[dict[str, Any]]:
    """What each trial came to, less what the clock says."""
    rows = [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]
    for row in rows:
        del row["seconds"]
        for name in ("seconds", "samples_per_second"):
            row["figures"].pop(name, None)
    return rows


def start(words: Sequence[str]) -> subprocess.Popen[str]:
    """netdsl in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "netdsl", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    )


def kill(words: Sequence[str], moment: float, word: str) -> None:
    """Begins a sweep, or goes on with it, and kills it so many seconds after a line that begins so."""
    process = start(words)
    assert process.stdout is not None
    watch = threading.Timer(PATIENCE, process.kill)
    watch.start()
    said = any(re.match(word, line) for line in process.stdout)
    if said:
        time.sleep(moment)
        process.kill()
    process.wait(PATIENCE)
    watch.cancel()
    process.stdout.close()
    assert said or process.returncode == 0, "it ended without a word, or stood still"


def check(form: str, spec: str, unbroken: Path, folder: Path, kills: int, chance: random.Random) -> None:
    """Kills a sweep so often, lets it come to its end, and compares it with one that nobody disturbed."""
    words = words_of(form, spec, folder)
    moments = [chance.uniform(0.0, LATEST) for _ in range(kills)]
    kept = [0]
    for number, moment in enumerate(moments):
        kill(words, *((moment / 20, " *[1-8]/8  ") if number % EACH == 0 else (moment, "into ")))
        kept.append(len(figures(folder)))
    assert kept == sorted(kept), f"killed after {moments}"
    assert set(kept) & set(range(1, 8)), f"killed after {moments}: never in the middle, {kept}"
    assert main(words) == 0, f"killed after {moments}"
    rows = figures(folder)

    assert rows == figures(unbroken), f"killed after {moments}"
    ids = [row["id"] for row in rows]
    assert len(ids) == len(set(ids)) == 8
    assert {path.name for path in (folder / "trials").iterdir()} == set(ids)
    for row in rows:
        if row["status"] == "finished":
            lines = (folder / "trials" / row["id"] / "metrics.jsonl").read_text().splitlines()
            assert [json.loads(line)["epoch"] for line in lines] == [1, 2], f"killed after {moments}"
