"""The figures of shipped networks: bytes and multiply-adds as torch and the tools count them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from netdsl.analysis.memory import memory_of
from netdsl.analysis.totals import Totals, macs_as
from tests.analysis.macs_by_tools import TOOLS, counted
from tests.analysis.memory_in_torch import inputs_of, kept_bytes, leaf_paths, live_bytes
from tests.analysis.shipped import Built, shipped_networks, small, whole


@pytest.fixture(scope="module", params=shipped_networks())
def whole_one(request: pytest.FixtureRequest) -> Built:
    """A shipped network at its full size, where nothing is computed."""
    return whole(request.param)


@pytest.fixture(scope="module", params=shipped_networks())
def small_one(request: pytest.FixtureRequest) -> Built:
    """A shipped network on a small input, on the CPU."""
    return small(request.param)


@pytest.fixture
def on_meta() -> Iterator[None]:
    """Tensors are made where nothing is computed."""
    with torch.device("meta"):
        yield


@pytest.mark.usefixtures("on_meta")
def test_memory_is_told_to_the_byte(whole_one: Built) -> None:
    """What autograd keeps, heads that are only for training included; what lives at once in inference."""
    memory = memory_of(whole_one.network, device="cpu")
    inputs = inputs_of(whole_one.network, 5)

    assert kept_bytes(whole_one.trained.train(), inputs) == memory.kept.of(5)
    assert live_bytes(whole_one.model, inputs, leaf_paths(whole_one.network)) == memory.live.of(5)


def test_what_the_cpu_keeps_is_told_to_the_byte(small_one: Built) -> None:
    """Where it is computed, too."""
    network = small_one.network

    kept = kept_bytes(small_one.trained.train(), inputs_of(network, 2))

    assert kept == memory_of(network, device="cpu").kept.of(2)


@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool != "fvcore"])
def test_a_tool_counts_what_is_told(whole_one: Built, tool: str) -> None:
    """Integer for integer, at full size."""
    with torch.device("meta"):
        inputs = inputs_of(whole_one.network, 1)

    assert counted(tool, whole_one.model.eval(), inputs) == Totals(whole_one.network, macs_as(tool)).total


def test_fvcore_counts_what_is_told(small_one: Built) -> None:
    """It traces a computation, which has to be one."""
    network = small_one.network

    total = counted("fvcore", small_one.model.eval(), inputs_of(network, 1))

    assert total == Totals(network, macs_as("fvcore")).total
