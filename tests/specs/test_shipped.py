"""Each shipped spec is right, short, documented, and does in torch what `check` foretells."""

from __future__ import annotations

import re

import pytest
import torch

import netdsl
from netdsl.analysis.report import Report
from netdsl.compiler import compile_spec
from netdsl.specs import shipped_folder
from tests.specs.conftest import RunIsolated
from tests.specs.trial import MERGES, Step, Trial

LONGEST = 40
"""Lines that a shipped spec may have, so that it can be read beside its paper's table."""


def test_spec_is_right_and_its_claims_hold(report: Report) -> None:
    assert not report.diagnostics
    subjects = {claim.subject for claim in report.claims if claim.verdict == "holds"}
    assert {"params", "macs"} <= subjects


def test_spec_is_short(spec: str) -> None:
    lines = (shipped_folder() / f"{spec}.yaml").read_text("utf-8").splitlines()
    assert len(lines) <= LONGEST
    assert max(map(len, lines)) <= 110


def test_spec_says_what_it_is_and_how_it_is_trained(spec: str) -> None:
    """`about` begins with author and year, and there is a recipe."""
    declared = compile_spec(spec).spec
    assert declared is not None
    assert declared.name == spec
    assert re.match(r"[A-Z]\w+( et al\.| & [A-Z]\w+)? \d{4}, \w", declared.about)
    assert declared.train is not None


def test_every_node_is_computed_in_order_with_its_shape(report: Report, trial: Trial) -> None:
    foretold = [
        Step(node.layer if node.layer in MERGES.values() else node.path, node.output) for node in report.nodes
    ]
    assert trial.steps == foretold


def test_parameters_are_those_that_are_built(report: Report, trial: Trial) -> None:
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    shapes = [shape for name, shape in trial.weights.items() if not name.endswith(buffers)]
    assert sum(torch.Size(shape).numel() for shape in shapes) == report.params


def test_printed_source_runs_without_netdsl_and_gives_the_same_bits(
    spec: str, report: Report, trial: Trial, run_isolated: RunIsolated
) -> None:
    assert isinstance(report.input, tuple)
    printed = run_isolated(netdsl.emit(spec), report.input)
    assert list(printed["weights"].items()) == list(trial.weights.items())
    assert torch.equal(printed["output"], trial.output)


def test_netdsl_cannot_be_imported_where_printed_source_runs(run_isolated: RunIsolated) -> None:
    """The proof that the test above could fail."""
    with pytest.raises(pytest.fail.Exception, match="netdsl must not be imported here"):
        run_isolated("import netdsl", (1,))
