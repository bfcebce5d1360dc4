"""Connections: the inputs that a unit reads, counted in torch as what its value depends on."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from netdsl.graph.shapes import Shape
from netdsl.layers.catalog import LAYERS, LAYERS_BY_WORD
from tests.strategies import bind
from tests.torch_modules import build

DEPENDS: list[tuple[str, dict[str, Any], Shape]] = [
    ("conv", {"out_channels": 6, "kernel_size": (3, 2), "stride": 2, "groups": 2}, Shape.of(4, 7, 6)),
    ("conv", {"out_channels": 3, "kernel_size": 3, "bias": False}, Shape.of(2, 9)),
    ("depthwise", {"kernel_size": 2, "multiplier": 2}, Shape.of(3, 4, 4, 4)),
    ("conv_transpose", {"out_channels": 3, "kernel_size": 2, "stride": 2}, Shape.of(2, 4, 5)),
    ("linear", {"out_features": 5}, Shape.of(7)),
    ("linear", {"out_features": 5, "bias": False}, Shape.of(7, 2)),
    ("rbf", {"out_features": 5, "trainable": False}, Shape.of(7)),
    ("avgpool", {"kernel_size": 2}, Shape.of(3, 7, 4)),
    ("avgpool", {"kernel_size": (3, 2), "stride": 1}, Shape.of(2, 5, 5)),
    ("adaptive_avgpool", {"output_size": (3, 4)}, Shape.of(2, 7, 6)),
    ("adaptive_avgpool", {"output_size": 5}, Shape.of(2, 3)),
    ("global_avgpool", {}, Shape.of(3, 5, 4)),
]
"""Layers without padding, whose every unit depends on all that it reads."""


@pytest.mark.parametrize(("word", "values", "shape"), DEPENDS, ids=str)
def test_connections_are_what_the_output_depends_on(word: str, values: dict[str, Any], shape: Shape) -> None:
    """Every input with a derivative that is not 0, and every bias."""
    layer = bind(LAYERS_BY_WORD[word], values)
    torch.manual_seed(0)
    module = build(layer.torch(shape)).double()
    for parameter in module.parameters():
        nn.init.uniform_(parameter, 0.5, 1.5)
    sample = torch.rand(1, *shape.sizes, dtype=torch.float64) + 2
    jacobian = torch.autograd.functional.jacobian(module, sample)  # type: ignore[no-untyped-call]
    biases = module(sample).numel() if "bias" in layer.weights(shape) else 0

    assert layer.connections(shape) == int((jacobian != 0).sum()) + biases


@pytest.mark.parametrize("kind", ["", "adaptive_", "global_"])
def test_a_maximum_reads_what_a_mean_does(kind: str) -> None:
    """Though it depends on one of them at a time."""
    sizes: dict[str, Any] = {
        "": {"kernel_size": 3, "stride": 2},
        "adaptive_": {"output_size": 4},
        "global_": {},
    }
    shape = Shape.of(2, 7, 9)
    mean, maximum = (bind(LAYERS_BY_WORD[f"{kind}{pool}"], sizes[kind]) for pool in ("avgpool", "maxpool"))

    assert mean.connections(shape) == maximum.connections(shape) > 0


def test_affine_adds_the_bias_to_the_pooling_s_cells() -> None:
    """LeCun et al. 1998, II.B: S2 has 5,880 connections, 5 for each of its 6 · 14 · 14 units."""
    pool, affine = bind(LAYERS_BY_WORD["avgpool"], {"kernel_size": 2}), bind(LAYERS_BY_WORD["affine"], {})
    before = Shape.of(6, 28, 28)

    assert pool.connections(before) + affine.connections(pool.output(before)) == 5_880


def test_other_layers_have_none() -> None:
    counted = {word for word, _, _ in DEPENDS} | {f"{kind}maxpool" for kind in ("", "adaptive_", "global_")}
    others = [layer for layer in LAYERS if layer.word not in {*counted, "affine"}]
    unary = [bind(layer, {}) for layer in others if not any(a.required for a in layer.arguments().values())]

    assert len(unary) > 15
    assert not any(layer.connections(Shape.of(8, 4, 4)) for layer in unary)
