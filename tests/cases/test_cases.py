"""The language by example: every spec in this folder's Markdown is right, or wrong in exactly the ways it says."""

from pathlib import Path

import pytest
import torch

from netdsl.backends.torch_module import build_module
from netdsl.compiler import compile_spec
from netdsl.diagnostics.render import render_all
from tests.cases.reading import Case, Expected, position, read_cases

CASES = list(read_cases(Path(__file__).parent))
RIGHT = [case for case in CASES if not case.errors]
WRONG = [case for case in CASES if case.errors]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_says_what_it_must(case: Case, tmp_path: Path) -> None:
    """Each fault at its line with its code, and no other; figures as stated."""
    report = case.check(tmp_path)
    said = render_all(report.diagnostics)

    unmet = list(case.errors)
    for diagnostic in report.diagnostics:
        fitting = next((expected for expected in unmet if expected.fits(diagnostic)), None)
        assert fitting is not None, f"not expected, at {position(diagnostic)}:\n{said}"
        unmet.remove(fitting)
    assert not unmet, f"missing: {unmet}\n{said}"
    assert report.ok is not bool(case.errors)
    figures = {
        "output": "×".join(map(str, report.output or ())),
        **{name: str(getattr(report, name)) for name in ("params", "macs", "layers")},
    }
    assert case.figures == {name: figures[name] for name in case.figures}


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.name)
def test_every_fault_comes_with_a_remedy(case: Case, tmp_path: Path) -> None:
    """Where the message is not itself the remedy, a help line says what to write; nothing leaks from inside."""
    for diagnostic in case.check(tmp_path).diagnostics:
        assert diagnostic.help or " must be " in diagnostic.message, diagnostic.message
        assert diagnostic.message[:1] == diagnostic.message[:1].lower() or diagnostic.message[0] == "`"
        assert not diagnostic.message.endswith(".")
        assert "object" not in diagnostic.message
        assert "Traced" not in diagnostic.message


@pytest.mark.parametrize("case", RIGHT, ids=lambda case: case.name)
def test_torch_agrees(case: Case, tmp_path: Path) -> None:
    """What a right case's network gives and holds in torch is what the checker says."""
    report = case.check(tmp_path)
    network = compile_spec(tmp_path / "spec.yaml", case.settings).network
    assert network is not None
    module = build_module(network).eval()
    inputs = [torch.zeros(2, *map(int, shape.sizes)) for shape in network.graph.inputs]
    output = module(*inputs)
    output = output[0] if isinstance(output, tuple) else output

    assert tuple(output.shape[1:]) == report.output
    assert sum(p.numel() for p in module.parameters()) == report.params


def test_there_are_enough_wrong_cases() -> None:
    """The gallery of mistakes is as wide as the language."""
    assert sum(len(case.errors) for case in CASES) >= 200
    assert len({error.code for case in CASES for error in case.errors}) >= 80


def test_a_case_that_is_wrong_about_itself_is_found(tmp_path: Path) -> None:
    """The comparison can fail: each way in which an expectation may be unmet is seen."""
    (diagnostic,) = Case("", "name: net\ninput: [3, 32, 32]\nnet: cnov\n", (), {}, {}, {}).check(tmp_path).diagnostics

    assert Expected(3, 6, "unknown-name", "cnov").fits(diagnostic)
    assert not Expected(2, 6, "unknown-name", "cnov").fits(diagnostic)
    assert not Expected(3, 5, "unknown-name", "cnov").fits(diagnostic)
    assert not Expected(3, 6, "unknown-key", "cnov").fits(diagnostic)
    assert not Expected(3, 6, "unknown-name", "conv").fits(diagnostic)
