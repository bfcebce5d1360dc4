"""Each shipped spec is built and run once, and all tests look at that one run.

The fixtures are parametrised by spec, so that pytest runs all tests of a spec one after another and lets its
network go before it comes to the next.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

import netdsl
from netdsl.analysis.report import Report
from tests.specs.trial import MERGES, SEED, Trial, attempt
from tests.specs.twin import SMALLER

RunIsolated = Callable[[str, Sequence[tuple[int, ...]]], dict[str, Any]]


@pytest.fixture(scope="session", params=netdsl.shipped_specs())
def spec(request: pytest.FixtureRequest) -> str:
    """The name of a shipped spec."""
    return str(request.param)


@pytest.fixture(scope="session")
def settings(spec: str) -> Mapping[str, Any]:
    """What keeps the spec's network small enough to be run."""
    return SMALLER.get(spec, {})


@pytest.fixture(scope="session")
def report(spec: str, settings: Mapping[str, Any]) -> Report:
    """What `check` finds for the spec."""
    return netdsl.check(spec, **settings)


@pytest.fixture(scope="session")
def trial(spec: str, settings: Mapping[str, Any], report: Report) -> Trial:
    """What `build`'s module of the spec did with one sample."""
    leaves = (node.path for node in report.nodes if node.layer not in MERGES.values())
    return attempt(lambda: netdsl.build(spec, **settings), leaves, report.inputs.values())


@pytest.fixture(scope="session")
def run_isolated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunIsolated]:
    """Runs source in a process where netdsl cannot be imported."""
    folder = tmp_path_factory.mktemp("isolated")
    script = Path(__file__).parent / "isolated.py"
    command = [sys.executable, "-I", "-B", str(script)]  # two files of one second and size share byte code
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        tasks, answers = process.stdin, process.stdout

        def run(source: str, inputs: Sequence[tuple[int, ...]]) -> dict[str, Any]:
            file = folder / "network.py"
            file.write_text(source, "utf-8")
            tasks.write(json.dumps({"file": str(file), "inputs": inputs, "seed": SEED}) + "\n")
            tasks.flush()
            fault = json.loads(answers.readline())
            if fault is not None:
                pytest.fail(fault)
            result: dict[str, Any] = torch.load(file.with_suffix(".pt"))
            return result

        yield run
        tasks.close()
