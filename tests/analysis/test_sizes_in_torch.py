"""Valid input sizes, held against brute force: torch runs a network, as built for one size, at all others."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from torch import nn

from netdsl.backends.torch_module import build_module
from netdsl.compiler import compile_spec, sizes
from netdsl.graph.graph import Network
from tests.analysis.test_sizes import SPECS, written
from tests.long import in_part, long

SIZES = range(1, 301)
FEW = [*range(1, 41), *range(47, 301, 23)]
"""Those where validity begins and ends."""

APART = [name for name in SPECS if name not in ("folded", "reshaped", "read")]
"""Specs whose axes do not depend on each other."""
SHIPPED = ("resnet18", "squeezenet1_1", "mobilenetv3_small", "densenet121", "nin", "vgg11")
"""Ones that end in a global pooling, one that is flattened; none reads a size and is another for another."""


def built(network: Network) -> nn.Module:
    """The network where nothing is computed and shapes are refused all the same."""
    with torch.device("meta"):
        return build_module(network, heads=True).train()


def output_at(model: nn.Module, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The output's sizes, or None where torch refuses the input."""
    with warnings.catch_warnings(), torch.device("meta"), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            output = model(torch.zeros(2, *shape))
        except RuntimeError:
            return None
    output = next(iter(output.values())) if isinstance(output, dict) else output
    return tuple(output.shape[1:])


def taking_any_size(model: nn.Module) -> nn.Module:
    """The same without its linear layers, the only ones that are made for a size."""
    for scope in list(model.modules()):
        for name, module in scope.named_children():
            if isinstance(module, nn.Linear):
                setattr(scope, name, nn.Identity())
    return model


def hold_against_torch(spec: str, asked: Sequence[int]) -> None:
    """Each axis alone and all together: what it is valid at, and what can be run with the same weights."""
    network = compile_spec(spec).network
    assert network is not None
    channels, height, width = map(int, network.graph.inputs[0].sizes)
    model, sizeless = built(network), taking_any_size(built(network))
    found = sizes(spec, SIZES)
    ways: list[Callable[[int], tuple[int, int, int]]] = [
        lambda n: (channels, n, width),
        lambda n: (channels, height, n),
        lambda n: (channels, n, n),
    ]
    for sweep, shape_of in zip((*found.each, found.together), ways, strict=True):
        told = {n: tuple(map(int, result.output.sizes)) for n, result in sweep.results.items()}
        runs = {n: output for n in asked if (output := output_at(model, shape_of(n))) is not None}

        assert runs == {n: told[n] for n in sweep.keeping_weights if n in asked}
        assert {n for n in asked if output_at(sizeless, shape_of(n)) is not None} == told.keys() & set(asked)


@pytest.mark.parametrize("asked", [FEW, pytest.param(SIZES, marks=long)], ids=["few", "all"])
@pytest.mark.parametrize("name", [name for name in SPECS if name != "read"])
def test_what_torch_runs_is_what_is_told(name: str, asked: Sequence[int], tmp_path: Path) -> None:
    """The layers that bind sizes together, small."""
    hold_against_torch(written(tmp_path, name), asked)


@pytest.mark.parametrize("name", in_part(SHIPPED, ["nin"]))
def test_shipped_networks_run_where_it_is_told(name: str) -> None:
    """As built for the size that they declare."""
    hold_against_torch(name, FEW)


@pytest.mark.parametrize(("height", "width"), [(5, 300), (31, 17), (211, 12), (300, 299), (2, 9)])
@pytest.mark.parametrize("name", APART)
def test_axes_said_to_be_apart_are_apart_in_torch(name: str, height: int, width: int, tmp_path: Path) -> None:
    """Height and width that differ: valid where each is."""
    spec = written(tmp_path, name)
    network = compile_spec(spec).network
    assert network is not None
    found = sizes(spec, SIZES)
    by_height, by_width = (sweep.valid for sweep in found.each)

    runs = output_at(taking_any_size(built(network)), (6, height, width)) is not None

    assert found.apart
    assert runs == (height in by_height and width in by_width)
