"""Multiply-adds by each tool's convention, held against the tool itself."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping

import pytest
import torch
import torchinfo
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from netdsl.analysis.cost_conventions import CONVENTIONS
from netdsl.analysis.totals import Totals, macs_as
from netdsl.backends.torch_module import build_module
from netdsl.compiler import compile_source, compile_spec
from netdsl.diagnostics import Source
from netdsl.graph.graph import Network
from tests.properties.networks import Drawn, networks

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # both were written for older Pythons
    import fvcore.nn
    import thop


def by_torch(model: nn.Module, inputs: list[torch.Tensor]) -> int:
    counter = FlopCounterMode(display=False)
    with counter:
        model(*inputs)
    return counter.get_total_flops() // 2


def by_fvcore(model: nn.Module, inputs: list[torch.Tensor]) -> int:
    analysis = fvcore.nn.FlopCountAnalysis(model, tuple(inputs))
    return int(analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())


def by_thop(model: nn.Module, inputs: list[torch.Tensor]) -> int:
    return int(thop.profile(model, tuple(inputs), verbose=False)[0])


def by_torchinfo(model: nn.Module, inputs: list[torch.Tensor]) -> int:
    return int(torchinfo.summary(model, input_data=inputs, verbose=0).total_mult_adds)


TOOLS: Mapping[str, Callable[[nn.Module, list[torch.Tensor]], int]] = {
    "torch": by_torch,
    "fvcore": by_fvcore,
    "thop": by_thop,
    "torchinfo": by_torchinfo,
}


def counted(tool: str, network: Network) -> int:
    """What the tool counts for one sample of the built network."""
    logging.disable(logging.WARNING)  # of what it does not count
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            inputs = [torch.zeros(1, *map(int, shape.sizes)) for shape in network.graph.inputs]
            return TOOLS[tool](build_module(network).eval(), inputs)
    finally:
        logging.disable(logging.NOTSET)


def runs_alone(network: Network) -> bool:
    """Whether torch takes a single sample; group normalisation of a single value wants several."""
    inputs = [torch.zeros(1, *map(int, shape.sizes)) for shape in network.graph.inputs]
    try:
        build_module(network).eval()(*inputs)
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

    assert Totals(network, macs_as(tool)).total == counted(tool, network)


SHIPPED = [
    "alexnet",
    "cdncnn_b",
    "densenet121",
    "efficientnet_b0",
    "googlenet",
    "hybridsn",
    "lenet5_1998",
    "mobilenetv2",
    "nin",
    "resnet50",
    "se_resnet50",
    "shufflenet_v2",
    "vgg11_bn",
    "zfnet",
]


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_network_costs_what_the_tool_counts(name: str, tool: str) -> None:
    """Integer for integer."""
    network = compile_spec(name).network
    assert network is not None

    assert Totals(network, macs_as(tool)).total == counted(tool, network)
