"""The language by example: every spec in this folder's Markdown and in the language's reference is right, or
wrong just as it says."""

from pathlib import Path

import pytest
import torch

from netdsl.analysis.block_walk import DEEPEST_BLOCKS
from netdsl.analysis.compound_walk import MOST_LAYERS
from netdsl.analysis.environment import MOST_STEPS
from netdsl.analysis.evaluate import LONGEST_LIST
from netdsl.analysis.lints.choice import Lints
from netdsl.backends.torch_module import build_module
from netdsl.compiler import MOST_BUILT_LAYERS, compile_spec
from netdsl.diagnostics import MOST_FAULTS, Diagnostic
from netdsl.diagnostics.render import render_all
from netdsl.language.effort import MOST_WORDS
from netdsl.language.expressions import LONGEST_ROW
from netdsl.language.extension import LONGEST_CHAIN
from netdsl.language.word_reader import DEEPEST, LONGEST_NAME
from netdsl.language.yaml_text import DEEPEST_NESTING, LARGEST_FILE
from netdsl.layers.layer import LARGEST
from tests.cases.reading import Case, Expected, position, read_cases, read_page

HERE = Path(__file__).parent
REFERENCE = HERE.parents[1] / "docs" / "language.md"
CASES = [*read_cases(HERE), *read_page(REFERENCE)]
LINTED = list(read_page(HERE / "lints.md"))
RIGHT = [case for case in CASES if not case.errors]


def is_well_said(diagnostic: Diagnostic) -> bool:
    """One fact in lower case without a full stop, with a remedy, and nothing of Python's own words."""
    message = diagnostic.message
    return bool(
        diagnostic.help
        and message[0] == message[0].lower()
        and not message.endswith(".")
        and "' object" not in message
        and "Traced" not in message
    )


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
        assert is_well_said(diagnostic), said
    assert not unmet, f"missing: {unmet}\n{said}"
    assert report.ok is not bool(case.errors)
    figures = {
        "output": "×".join(map(str, report.output or ())),
        **{name: str(getattr(report, name)) for name in ("params", "macs", "layers")},
    }
    assert case.figures == {name: figures[name] for name in case.figures}


@pytest.mark.parametrize("case", LINTED, ids=lambda case: case.name)
def test_a_case_warns_as_it_says(case: Case, tmp_path: Path) -> None:
    """Each warning at its line with its code, and no other; a warning does not make a spec wrong."""
    report = case.check(tmp_path, Lints())
    said = render_all(report.diagnostics)

    assert report.ok
    unmet = list(case.warnings)
    for diagnostic in report.diagnostics:
        fitting = next((expected for expected in unmet if expected.fits(diagnostic)), None)
        assert fitting is not None, f"not expected, at {position(diagnostic)}:\n{said}"
        unmet.remove(fitting)
        assert diagnostic.severity == "warning"
        assert is_well_said(diagnostic), said
    assert not unmet, f"missing: {unmet}\n{said}"


@pytest.mark.parametrize("case", RIGHT, ids=lambda case: case.name)
def test_torch_agrees(case: Case, tmp_path: Path) -> None:
    """What a right case's network gives and holds in torch is what the checker says."""
    report = case.check(tmp_path)
    network = compile_spec(tmp_path / "spec.yaml", case.settings).network
    assert network is not None
    module = build_module(network).eval()
    inputs = [torch.zeros(2, *map(int, shape.sizes)) for shape in network.graph.inputs]
    output = module(*inputs)
    if isinstance(output, dict):  # with heads that are kept
        output = next(iter(output.values()))

    assert tuple(output.shape[1:]) == report.output
    assert sum(p.numel() for p in module.parameters()) == report.params


def test_there_are_enough_wrong_cases() -> None:
    """The gallery of mistakes is as wide as the language; some files have five mistakes and more."""
    assert sum(bool(case.errors) for case in CASES) >= 400
    assert sum(len(case.errors) >= 5 for case in CASES) >= 20
    assert sum(error.column is not None for case in CASES for error in case.errors) >= 500
    assert len({error.code for case in CASES for error in case.errors}) >= 110


def test_a_case_that_is_wrong_about_itself_is_found(tmp_path: Path) -> None:
    """The comparison can fail: each way in which an expectation may be unmet is seen."""
    case = Case("", "name: net\ninput: [3, 32, 32]\nnet: cnov\n", (), {}, {}, {})
    (diagnostic,) = case.check(tmp_path).diagnostics

    assert Expected(3, 6, "unknown-name", "cnov").fits(diagnostic)
    assert not Expected(2, 6, "unknown-name", "cnov").fits(diagnostic)
    assert not Expected(3, 5, "unknown-name", "cnov").fits(diagnostic)
    assert not Expected(3, 6, "unknown-key", "cnov").fits(diagnostic)
    assert not Expected(3, 6, "unknown-name", "conv").fits(diagnostic)


@pytest.mark.parametrize(
    "limit",
    [
        LARGEST_FILE,
        MOST_WORDS,
        MOST_FAULTS,
        MOST_LAYERS,
        MOST_BUILT_LAYERS,
        LARGEST,
        LONGEST_LIST,
        DEEPEST,
        LONGEST_ROW,
        DEEPEST_BLOCKS,
        DEEPEST_NESTING,
        LONGEST_CHAIN,
        LONGEST_NAME,
        MOST_STEPS,
    ],
)
def test_the_reference_states_the_limits(limit: int) -> None:
    """Its last section is true."""
    assert f" {limit:,}" in REFERENCE.read_text("utf-8").rpartition("## Limits")[2]
