"""Multiply-adds by each tool's convention, held against the tool itself."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st

from netdsl.analysis.cost_conventions import CONVENTIONS
from netdsl.analysis.totals import Totals, macs_as
from netdsl.backends.torch_module import build_module
from netdsl.compiler import compile_source
from netdsl.diagnostics import Source
from netdsl.graph.graph import Network
from tests.analysis.macs_by_tools import TOOLS, counted
from tests.analysis.memory_in_torch import inputs_of
from tests.properties.networks import Drawn, networks


def runs_alone(network: Network) -> bool:
    """Whether torch takes a single sample; group normalisation of a single value wants several."""
    try:
        build_module(network).eval()(*inputs_of(network, 1))
    except ValueError as error:
        if "Expected more than 1 value per channel" not in str(error):
            raise
        return False
    return True


def test_every_convention_has_its_tool() -> None:
    """And none is left out here."""
    assert list(CONVENTIONS) == list(TOOLS)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@given(networks(), st.sampled_from(list(TOOLS)))
@settings(deadline=None, max_examples=120, suppress_health_check=list(HealthCheck))
def test_a_network_costs_what_the_tool_counts(drawn: Drawn, tool: str) -> None:
    """For networks of any layers."""
    note(drawn.text)
    network = compile_source(Source("drawn.yaml", drawn.text)).network
    assert network is not None
    assume(runs_alone(network))

    assert Totals(network, macs_as(tool)).total == counted(
        tool, build_module(network).eval(), inputs_of(network, 1)
    )
