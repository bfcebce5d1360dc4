"""The prelude's blocks against the modules of torchvision and the tables of their papers."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.densenet import _DenseLayer
from torchvision.models.mobilenetv2 import InvertedResidual
from torchvision.ops import SqueezeExcitation

from netdsl.analysis.prelude import prelude, prelude_words
from netdsl.backends.torch_module import build_module
from netdsl.compiler import compile_source
from netdsl.diagnostics import Source
from netdsl.graph.graph import Leaf, walk
from netdsl.layers.layer import Layer


def weights_and_macs(use: str, channels: int) -> tuple[list[tuple[int, ...]], int]:
    """The parameters in order and the multiply-adds of a block on channels×16×16."""
    text = f"name: one\ninput: [{channels}, 16, 16]\nnet: {use}\n"
    compilation = compile_source(Source("one.yaml", text))
    assert compilation.report.ok, compilation.report.diagnostics
    assert compilation.network is not None
    shapes: list[tuple[int, ...]] = []
    for step in walk(compilation.network.graph):
        if isinstance(step.node.operation, Leaf):
            layer = step.node.operation.layer
            assert isinstance(layer, Layer)
            shapes += [tuple(map(int, shape)) for shape in layer.weights(step.input).values()]
    macs = compilation.report.macs
    assert macs is not None
    return shapes, macs


def measured(module: nn.Module, channels: int) -> tuple[list[tuple[int, ...]], int]:
    with FlopCounterMode(display=False) as counter:
        module(torch.randn(2, channels, 16, 16))
    return [tuple(parameter.shape) for parameter in module.parameters()], counter.get_total_flops() // 4


@pytest.mark.parametrize(
    ("use", "channels", "module"),
    [
        ("se(4)", 32, SqueezeExcitation(32, 8)),
        ("inverted_residual(6, 16)", 16, InvertedResidual(16, 16, 1, 6)),
        ("inverted_residual(6, 24, 2)", 16, InvertedResidual(16, 24, 2, 6)),
        ("inverted_residual(1, 16)", 32, InvertedResidual(32, 16, 1, 1)),
        ("residual(linear_bottleneck(6, 16))", 16, InvertedResidual(16, 16, 1, 6)),
    ],
)
def test_a_block_has_the_weights_of_torchvisions(use: str, channels: int, module: nn.Module) -> None:
    """The same parameters in the same order, and the same multiply-adds."""
    assert weights_and_macs(use, channels) == measured(module, channels)


def test_dense_layer_has_the_weights_of_torchvisions() -> None:
    layer = _DenseLayer(64, growth_rate=32, bn_size=4, drop_rate=0.0)

    assert weights_and_macs("dense_layer(32)", 64) == measured(layer, 64)


def test_inception_has_the_figures_of_its_paper() -> None:
    """Inception 3a of Szegedy et al. 2014, table 1, counted by hand."""
    shapes, _ = weights_and_macs("inception(64, 96, 128, 16, 32, 32)", 192)
    convolutions = [(192, 64, 1), (192, 96, 1), (96, 128, 3), (192, 16, 1), (16, 32, 5), (192, 32, 1)]
    expected = [shape for i, o, k in convolutions for shape in ((o, i, k, k), (o,))]

    assert shapes == expected


def test_unpool_puts_values_where_they_were_the_largest() -> None:
    """Zeiler & Fergus 2013, figure 1: the pooled maxima back at their switches, zero elsewhere."""
    text = "name: one\ninput: [1, 4, 4]\nnet:\n  a: id\n  b: maxpool(2)\n  c: unpool(from(a))\n"
    network = compile_source(Source("one.yaml", text)).network
    assert network is not None
    x = torch.tensor([[1.0, 2, 5, 3], [4, 0, 1, 2], [7, 8, 0, 1], [6, 5, 2, 9]]).view(1, 1, 4, 4)
    expected = torch.tensor([[0.0, 0, 5, 0], [4, 0, 0, 0], [0, 8, 0, 0], [0, 0, 0, 9]]).view(1, 1, 4, 4)
    pooled, places = F.max_pool2d(x, 2, return_indices=True)

    assert torch.equal(build_module(network)(x), expected)
    assert torch.equal(F.max_unpool2d(pooled, places, (2, 2)), expected)


def test_separable_has_the_figures_of_its_paper() -> None:
    """Howard et al. 2017, section 3.1: D_K² · M · D_F² + M · N · D_F² multiply-adds."""
    shapes, macs = weights_and_macs("separable(24, 3)", 16)

    assert shapes == [(16, 1, 3, 3), (16,), (16,), (24, 16, 1, 1), (24,), (24,)]
    assert macs == 9 * 16 * 256 + 16 * 24 * 256


def test_the_words_of_the_prelude_are_the_names_of_its_blocks() -> None:
    assert prelude_words() == {block.name for block in prelude()}


def test_every_block_of_the_prelude_is_covered_here() -> None:
    assert {block.name for block in prelude()} == {
        "dense_layer",
        "inception",
        "inverted_residual",
        "linear_bottleneck",
        "residual",
        "se",
        "separable",
        "unpool",
    }
