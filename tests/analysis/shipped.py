"""Shipped networks built for torch: whole where nothing is computed, on a small input where it is."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn

from netdsl.backends.torch_module import build_module
from netdsl.compiler import Compilation, compile_spec
from netdsl.graph.graph import Network
from netdsl.specs import shipped_specs
from tests.long import in_part

MOST_MACS = 30_000_000
"""What a network may cost on one sample to be computed as it is."""


def shipped_networks() -> list[Any]:
    """All, to parametrize with: of those with the same kinds of layers the smallest, the others as `long`."""
    fewest: dict[frozenset[str], tuple[int, str]] = {}
    for name in shipped_specs():
        report = compile_spec(name, to_print=False).report
        kinds = frozenset(node.layer for node in report.nodes)
        found = (report.layers or 0, name)
        fewest[kinds] = min(fewest.get(kinds, found), found)
    return in_part(shipped_specs(), {name for _, name in fewest.values()})


class Built(NamedTuple):
    """A network with its modules."""

    network: Network
    trained: nn.Module
    """With the heads that are there in training."""
    model: nn.Module
    """Without them; the same module where there are none."""


def whole(name: str) -> Built:
    """The network as it is shipped, on the meta device: storages have sizes, and nothing is computed."""
    return _on_meta(compile_spec(name).network)


def small(name: str) -> Built:
    """The network on the CPU, on a small input.

    The input's spatial axes are halved, rounding up, until a sample costs no more than `MOST_MACS`, or until
    half would be too small for the network.
    """
    compilation = compile_spec(name)
    while (network := compilation.network) is not None and network.costs.macs > MOST_MACS:
        halved = _halved(name, network)
        if not halved.report.ok:
            break
        compilation = halved
    built = _on_meta(compilation.network)
    for module in (built.trained, built.model):
        _materialize(module)
    return built


def _on_meta(network: Network | None) -> Built:
    assert network is not None
    with torch.device("meta"):
        trained = build_module(network, heads=True)
        return Built(network, trained, build_module(network) if network.heads else trained)


def _halved(name: str, network: Network) -> Compilation:
    (shape,) = network.graph.inputs
    channels, *sizes = map(int, shape.sizes)
    return compile_spec(name, {"input": str([channels, *(-(-size // 2) for size in sizes)])})


def _materialize(module: nn.Module) -> None:
    """Weights on the CPU, all of them 0.01: what they are is nothing to their figures."""
    module.to_empty(device="cpu")
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.fill_(0.01)
