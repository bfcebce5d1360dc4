"""Multiply-adds as other tools count them, to the digit: what papers and model zoos quote without saying so.

`torch` counts convolutions and linears, as the rest of netdsl. The others differ in what else they count, in
biases, and in plain errors, which are counted as they stand. All go by the torch module that a layer becomes:

- `torch`: half of `torch.utils.flop_counter.FlopCounterMode` (torch 2).
- `fvcore`: `fvcore.nn.FlopCountAnalysis(...).total()` in eval mode (fvcore 0.1.5; `fvcore/nn/flop_count.py`,
  `_DEFAULT_SUPPORTED_OPS`, and `jit_handles.py`). Norms, adaptive average pooling and interpolation count,
  the last two only over two axes; a convolution whose padding is a word does not.
- `thop`: `thop.profile` (thop 0.1.1; `thop/profile.py`, `register_hooks`, and `thop/vision/calc_func.py`).
  Norms count two operations a value and two more for their weights, pooling its outputs; a transposed
  convolution is counted as if its output were slid over; modules that torch does not have count nothing.
- `torchinfo`: `torchinfo.summary(...).total_mult_adds` (torchinfo 1.8; `LayerInfo.calculate_macs`): every
  parameter once for each position that a convolution gives, biases included, but only once for any other
  layer, a linear over many positions too.

Operators between branches cost nothing in any of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from netdsl.graph.shapes import Shape
from netdsl.layers.layer import Layer

Convention = Callable[[Layer, Shape], int]
"""The multiply-adds of a layer for one sample."""

NORMS = ("nn.BatchNorm", "nn.InstanceNorm", "nn.GroupNorm", "nn.LayerNorm", "ChannelLayerNorm")
"""What torch modules that normalise are called, less their number of axes."""


def _module(layer: Layer, input: Shape) -> str:
    """The torch module that a layer becomes, less its number of axes: `nn.Conv` for `nn.Conv2d`."""
    target = layer.torch(input).target
    return target[:-2] if target[-2:] in ("1d", "2d", "3d") else target


def _argument(layer: Layer, input: Shape, name: str, otherwise: object) -> object:
    """An argument of the module; `otherwise` where it has none of that name."""
    return next((a.value for a in layer.torch(input).arguments if a.name == name), otherwise)


def torch_macs(layer: Layer, input: Shape) -> int:
    """Convolutions and linears, without biases."""
    return layer.macs(input)


def fvcore_macs(layer: Layer, input: Shape) -> int:
    """What fvcore's handles of traced operators count."""
    output = layer.output(input)
    match _module(layer, input):
        case "nn.Conv":
            by_word = isinstance(_argument(layer, input, "padding", 0), str)
            is_uncounted = by_word and _argument(layer, input, "padding_mode", "zeros") == "zeros"
            return 0 if is_uncounted else layer.macs(input)  # traced as `_convolution_mode`
        case "nn.BatchNorm" if _argument(layer, input, "track_running_stats", otherwise=True):
            return input.elements * (2 if layer.weights(input) else 1)
        case module if module in NORMS:
            return input.elements * (5 if layer.weights(input) else 4)
        case "nn.AdaptiveAvgPool":
            return input.elements if len(input.spatial) == 2 else 0
        case "nn.Upsample":
            mode = _argument(layer, input, "mode", "nearest")
            if mode == "area":
                return input.elements if len(input.spatial) == 2 else 0
            scale = {"nearest": 1, "bilinear": 4}.get(str(mode), 0)
            return scale * output.elements if len(input.spatial) == 2 else 0
        case _:
            return layer.macs(input)


def thop_macs(layer: Layer, input: Shape) -> int:
    """What thop's hooks of module classes count; a class of one's own, of whatever base, counts nothing."""
    output = layer.output(input)
    match _module(layer, input):
        case "nn.Conv":
            return layer.macs(input)
        case "nn.ConvTranspose":
            groups = _argument(layer, input, "groups", 1)
            assert isinstance(groups, int)
            return output.elements * (input.c // groups) * math.prod(layer.weights(input)["weight"][2:])
        case "nn.Linear":
            return layer.macs(input)
        case "nn.BatchNorm" | "nn.InstanceNorm" | "nn.LayerNorm":
            return input.elements * (4 if layer.weights(input) else 2)
        case "nn.PReLU":
            return input.elements
        case "nn.Softmax":
            dim = _argument(layer, input, "dim", 1)
            assert isinstance(dim, int)
            features = input.sizes[dim - 1 if dim > 0 else dim + input.rank]
            return input.elements // features * (3 * features - 1)
        case "nn.AvgPool":
            return output.elements
        case "nn.AdaptiveAvgPool":
            ratios = [a.size / b.size for a, b in zip(input.spatial, output.spatial, strict=True)]
            return int((math.prod(ratios) + 1) * output.elements)
        case "nn.Upsample":
            mode = str(_argument(layer, input, "mode", "nearest"))
            return {"nearest": 1, "linear": 5, "bilinear": 11, "bicubic": 259}.get(mode, 0) * output.elements
        case _:
            return 0


def torchinfo_macs(layer: Layer, input: Shape) -> int:
    """Parameters times positions for classes with `Conv` in their name, parameters alone for others."""
    is_convolution = "Conv" in layer.torch(input).target
    positions = math.prod(layer.output(input).sizes[1:]) if is_convolution else 1
    return layer.params(input) * positions


CONVENTIONS: Mapping[str, Convention] = {
    "torch": torch_macs,
    "fvcore": fvcore_macs,
    "thop": thop_macs,
    "torchinfo": torchinfo_macs,
}
"""By the tool's name."""
