"""Each shipped spec is right, short, documented, and does in torch what `check` foretells."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch

import netdsl
from netdsl.analysis.lints.choice import Lints
from netdsl.analysis.report import Report
from netdsl.cli.specs_page import source_and_idea
from netdsl.compiler import compile_spec
from netdsl.specs import shipped_folder
from tests.specs.conftest import RunIsolated
from tests.specs.trial import MERGES, Step, Trial, sample, tensors

Shapes = dict[str, tuple[int, ...]]

LONGEST = 40
"""Lines that a shipped spec may have, so that it can be read beside its paper's table."""


def test_spec_is_right_and_its_claims_hold(spec: str) -> None:
    report = netdsl.check(spec)
    assert not report.diagnostics
    assert {"params", "macs"} <= {claim.subject for claim in report.claims}


def test_spec_gives_no_warning(spec: str) -> None:
    """What its paper does against better knowledge is set aside where it stands."""
    assert not netdsl.check(spec, lints=Lints()).diagnostics


def test_spec_is_short(spec: str) -> None:
    lines = (shipped_folder() / f"{spec}.yaml").read_text("utf-8").splitlines()
    assert len(lines) <= LONGEST
    assert max(map(len, lines)) <= 110


def test_spec_says_what_it_is_and_how_it_is_trained(spec: str) -> None:
    """`about` begins with author, year and title, then comes the idea; and there is a recipe."""
    declared = compile_spec(spec).spec
    assert declared is not None
    assert declared.name == spec
    source, idea = source_and_idea(declared.about)
    assert re.match(r"[A-Z]\w+( et al\.| & [A-Z]\w+)? \d{4}, \w", source)
    assert idea.endswith(".")
    assert declared.cite
    assert declared.train is not None


def test_every_node_is_computed_in_order_with_its_shape(report: Report, trial: Trial) -> None:
    foretold = [
        Step(node.layer if node.layer in MERGES.values() else node.path, node.output) for node in report.nodes
    ]
    assert trial.steps == foretold


def test_parameters_are_those_that_are_built(report: Report, trial: Trial) -> None:
    assert trial.params == report.params


def test_printed_source_runs_without_netdsl_and_gives_the_same_bits(
    spec: str, settings: Mapping[str, Any], report: Report, trial: Trial, run_isolated: RunIsolated
) -> None:
    printed = run_isolated(netdsl.emit(spec, **settings), list(report.inputs.values()))
    assert list(printed["weights"].items()) == list(trial.weights.items())
    assert all(map(torch.equal, printed["outputs"], trial.outputs))
    assert len(printed["outputs"]) == len(trial.outputs)


def test_netdsl_cannot_be_imported_where_printed_source_runs(run_isolated: RunIsolated) -> None:
    """The proof that the test above could fail."""
    with pytest.raises(pytest.fail.Exception, match="netdsl must not be imported here"):
        run_isolated("import netdsl", [(1,)])


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_every_parameter_gets_a_gradient_at_another_size(
    spec: str, settings: Mapping[str, Any], report: Report, mode: str
) -> None:
    """In train mode at the declared size, `test_twins` looks at every gradient."""
    shapes = another_size(spec, settings, report.inputs)
    network = netdsl.build(spec, **{**settings, **shapes}).train(mode == "train")
    outputs = tensors(network(*(sample(shape, batch=2) for shape in shapes.values())))
    torch.autograd.backward([value.square().sum() for value in outputs])
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    assert not [name for name, gradient in gradients.items() if gradient is None]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients.values())


def test_every_parameter_gets_a_gradient_in_eval_mode(
    spec: str, settings: Mapping[str, Any], report: Report
) -> None:
    network = netdsl.build(spec, **settings).eval()
    outputs = tensors(network(*map(sample, report.inputs.values())))
    torch.autograd.backward([value.square().sum() for value in outputs])
    assert not [name for name, parameter in network.named_parameters() if parameter.grad is None]


def another_size(spec: str, settings: Mapping[str, Any], inputs: Shapes) -> Shapes:
    """The shapes of inputs that the spec takes as well, of other sizes along every axis but the first."""
    changes: tuple[Callable[[int], int], ...] = (lambda n: n // 2, lambda n: 2 * n, lambda n: n + 1)
    for change in changes:
        shapes = {name: (shape[0], *map(change, shape[1:])) for name, shape in inputs.items()}
        if shapes == inputs:  # vectors have but one axis
            shapes = {name: (change(shape[0]),) for name, shape in inputs.items()}
        if netdsl.check(spec, **{**settings, **shapes}).network is not None:
            return shapes
    raise AssertionError("the spec takes no other size")
