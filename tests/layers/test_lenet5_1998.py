"""The first LeNets as they were printed: what only they need comes together to their published figures."""

from __future__ import annotations

import pytest

from netdsl.analysis.report import Report
from netdsl.compiler import compile_source, compile_spec
from netdsl.diagnostics import Source

LENET5_PARAMS = {"C1": 156, "S2": 12, "C3": 1_516, "S4": 32, "C5": 48_120, "F6": 10_164, "F7": 0}
"""LeCun et al. 1998, II.B, layer by layer; the codes of the last are fixed."""
LENET5_CONNECTIONS = {
    "C1": 122_304,
    "S2": 5_880,
    "C3": 151_600,
    "S4": 2_000,
    "C5": 48_120,
    "F6": 10_164,
    "F7": 840,
}
LENET1_PARAMS = {"H1": 104, "H2": 8, "H3": 512, "H4": 24, "output": 1_930}
LENET1_CONNECTIONS = {"H1": 59_904, "H2": 2_880, "H3": 32_768, "H4": 960, "output": 1_930}
"""LeCun et al. 1990: 98,442 together."""


def claiming(spec: str, connections: dict[str, int]) -> Report:
    """What is found of a shipped spec that claims these connections by stage, in place of its own claims."""
    text = compile_spec(spec).sources[0].text
    before, _, behind = text.partition("\nclaims:\n")
    recipe = behind.partition("\ntrain:")[2]
    stages = ", ".join(f"{stage}: {count}" for stage, count in connections.items())
    claims = f"\nclaims:\n  connections: {{{stages}}}\n"
    return compile_source(Source(f"{spec}.yaml", f"{before}{claims}\ntrain:{recipe}")).report


@pytest.mark.parametrize(
    ("spec", "params", "total"),
    [("lenet5_1998", LENET5_PARAMS, 60_000), ("lenet1_1990", LENET1_PARAMS, 2_578)],
)
def test_parameters_are_the_paper_s_layer_by_layer(spec: str, params: dict[str, int], total: int) -> None:
    report = compile_spec(spec).report

    assert {stage.name: stage.params for stage in report.stages} == params
    assert (report.params, report.output) == (total, (10,))


@pytest.mark.parametrize(
    ("spec", "connections", "total"),
    [("lenet5_1998", LENET5_CONNECTIONS, 340_908), ("lenet1_1990", LENET1_CONNECTIONS, 98_442)],
)
def test_connections_are_the_paper_s_layer_by_layer(
    spec: str, connections: dict[str, int], total: int
) -> None:
    """And the shipped spec claims their sum."""
    by_stage = claiming(spec, connections)

    assert by_stage.ok, by_stage.diagnostics
    assert len(by_stage.claims) == len(connections)
    whole = [claim.measured for claim in compile_spec(spec).report.claims if claim.subject == "connections"]
    assert whole == [total] == [sum(connections.values())]


def test_a_connection_more_or_less_is_told() -> None:
    """The proof that the test above could fail."""
    report = claiming("lenet5_1998", LENET5_CONNECTIONS | {"S4": 2_001})

    assert [diagnostic.code for diagnostic in report.diagnostics] == ["claim-fails"]
