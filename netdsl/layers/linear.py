"""Layers that weight the channels, wherever they stand: all with all, each alone, or against centres."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

from netdsl.graph.shapes import Shape
from netdsl.layers.dataflow import Kept
from netdsl.layers.layer import Boolean, Integer, Layer, Real, TorchArgument, TorchCall

_CHANNEL_LINEAR = '''\
class ChannelLinear(nn.Linear):
    """Linear map of the channels, with other axes behind them."""

    def __init__(
        self, in_features: int, out_features: int, dim: int = 1, bias: bool = True
    ) -> None:
        super().__init__(in_features, out_features, bias)
        self.dim = dim

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.movedim(self.dim, -1)).movedim(-1, self.dim)
'''

_RBF = '''\
class RBF(nn.Module):
    """Squared distances to centres, as LeNet-5 ends with (LeCun et al. 1998).

    The centres start as random codes of -1 and 1; not trainable, they are a buffer.
    """

    def __init__(
        self, in_features: int, out_features: int, trainable: bool = True
    ) -> None:
        super().__init__()
        codes = torch.randint(0, 2, (out_features, in_features)) * 2.0 - 1
        if trainable:
            self.weight = nn.Parameter(codes)
        else:
            self.register_buffer("weight", codes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x.unsqueeze(1) - self.weight).square().sum(2)
'''

_AFFINE = '''\
class Affine(nn.Module):
    """A trained weight and bias for each channel, with `behind` axes behind them."""

    def __init__(self, channels: int, behind: int = 0) -> None:
        super().__init__()
        self.behind = behind
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shape = (-1, *(1,) * self.behind)
        return x * self.weight.view(shape) + self.bias.view(shape)
'''

_CHANNEL_SCALE = '''\
class ChannelScale(nn.Module):
    """A trained factor for each channel, with `behind` axes behind them."""

    def __init__(self, channels: int, factor: float = 1.0, behind: int = 0) -> None:
        super().__init__()
        self.behind = behind
        self.weight = nn.Parameter(torch.full((channels,), float(factor)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight.view(-1, *(1,) * self.behind)
'''

_CONSTANT_SCALE = '''\
class ConstantScale(nn.Module):
    """Multiplication by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.factor
'''


def _axes_behind(input: Shape) -> int:
    """How many axes stand behind the channels."""
    return input.rank - 1 - input.names.index("c")


@final
class Linear(Layer):
    """Every output channel as a weighted sum of all input channels, wherever they stand.

    Input `(batch, …, in_features, …)`, output `(batch, …, out_features, …)`.
    """

    word = "linear"
    needs_channels = True
    sets_channels = True
    out_features = Integer("the channels of the output")
    bias = Boolean("whether a value is added to each output channel", True)

    def output(self, input: Shape) -> Shape:
        return input.with_sizes(c=self.out_features)

    def weights(self, input: Shape) -> Mapping[str, tuple[int, ...]]:
        weights = {"weight": (self.out_features, input.c)}
        return weights | {"bias": (self.out_features,)} if self.bias else weights

    def macs(self, input: Shape) -> int:
        return input.elements * self.out_features

    def keeps(self, input: Shape) -> Kept:
        """The input; with other axes behind the channels, the copy that has the channels last."""
        behind = math.prod(axis.size for axis in input.axes[input.names.index("c") + 1 :])
        return Kept(input=True) if behind == 1 or input.c == 1 else Kept(values=input.elements)

    def torch(self, input: Shape) -> TorchCall:
        sizes = (TorchArgument(None, input.c), TorchArgument(None, self.out_features))
        dim = input.names.index("c") + 1
        if dim == input.rank:
            return TorchCall("nn.Linear", (*sizes, *self.torch_arguments("bias")))
        arguments = (*sizes, TorchArgument("dim", dim, 1), *self.torch_arguments("bias"))
        return TorchCall("ChannelLinear", arguments, _CHANNEL_LINEAR)


@final
class RBF(Layer):
    """The squared distance of the channels to each of a layer's centres: sum over j of (x_j − w_ij)².

    Input `(batch, in_features)`, output `(batch, out_features)`. The centres start as random codes of −1 and
    1, one of the two choices that the paper gives for LeNet-5's output; the other is bitmaps of the digits.
    Source: LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition, II.B.
    """

    word = "rbf"
    spatial = (0,)
    sets_channels = True
    out_features = Integer("centres: the channels of the output")
    trainable = Boolean("whether the centres are trained; LeNet-5's are fixed", True)

    def output(self, input: Shape) -> Shape:
        return input.with_sizes(c=self.out_features)

    def weights(self, input: Shape) -> Mapping[str, tuple[int, ...]]:
        return {"weight": (self.out_features, input.c)} if self.trainable else {}

    def connections(self, input: Shape) -> int:
        return input.c * self.out_features

    def keeps(self, input: Shape) -> Kept:
        """The differences that are squared."""
        return Kept(values=self.out_features * input.c)

    def torch(self, input: Shape) -> TorchCall:
        sizes = (TorchArgument(None, input.c), TorchArgument(None, self.out_features))
        return TorchCall("RBF", (*sizes, *self.torch_arguments("trainable")), _RBF)


@final
class Affine(Layer):
    """A trained weight and bias for each channel, wherever the channels stand.

    Input `(batch, …, channels, …)`, output the same. After `avgpool` it is LeNet-5's subsampling
    (LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition, II.B).
    """

    word = "affine"
    needs_channels = True

    def weights(self, input: Shape) -> Mapping[str, tuple[int, ...]]:
        return {"weight": (input.c,), "bias": (input.c,)}

    def connections(self, input: Shape) -> int:
        """The biases alone: what the weights multiply, LeCun et al. count where it is pooled."""
        return input.elements

    def torch(self, input: Shape) -> TorchCall:
        behind = TorchArgument("behind", _axes_behind(input), 0)
        return TorchCall("Affine", (TorchArgument(None, input.c), behind), _AFFINE)


@final
class Scale(Layer):
    """Multiplication by a factor: a trained one for each channel, or a constant.

    Input `(batch, …, channels, …)`, output the same. `scale(1e-6)` is layer scale, `scale(0.2,
    trainable=false)` damps a residual branch. Source: Touvron et al. 2021, Going Deeper with Image
    Transformers; Szegedy et al. 2016, Inception-v4.
    """

    word = "scale"
    needs_channels = True
    factor = Real("the constant, or where the trained factors start", 1.0)
    trainable = Boolean("whether each channel has a factor that is trained", True)

    def weights(self, input: Shape) -> Mapping[str, tuple[int, ...]]:
        return {"weight": (input.c,)} if self.trainable else {}

    def keeps(self, input: Shape) -> Kept:
        return Kept(input=self.trainable)

    def torch(self, input: Shape) -> TorchCall:
        if not self.trainable:
            return TorchCall("ConstantScale", (TorchArgument(None, self.factor),), _CONSTANT_SCALE)
        behind = TorchArgument("behind", _axes_behind(input), 0)
        arguments = (TorchArgument(None, input.c), *self.torch_arguments("factor"), behind)
        return TorchCall("ChannelScale", arguments, _CHANNEL_SCALE)
