"""Normalisation: layers that bring what flows to a common mean and variance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import final

from netdsl.graph.shapes import Shape
from netdsl.layers.convolution import divisibility
from netdsl.layers.dataflow import WHOLE, Kept, Reading
from netdsl.layers.layer import Boolean, Integer, Layer, Problem, Real, TorchArgument, TorchCall

_CHANNEL_LAYER_NORM = '''\
class ChannelLayerNorm(nn.LayerNorm):
    """Layer normalisation over the channels, with other axes behind them."""

    def __init__(
        self,
        channels: int,
        dim: int = 1,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__(channels, eps, elementwise_affine, bias)
        self.dim = dim

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.movedim(self.dim, -1)).movedim(-1, self.dim)
'''


@final
class BatchNorm(Layer):
    """Normalisation of every channel over the batch and the spatial axes.

    Input `(batch, channels, *spatial)` or `(batch, channels)`, output the same.
    Source: Ioffe & Szegedy 2015, Batch Normalization.
    """

    word = "batchnorm"
    spatial = (0, 1, 2, 3)
    eps = Real("added to the variance", 1e-5, above=0)
    momentum = Real("the share of the new batch in the running statistics", 0.1)
    affine = Boolean("whether each channel has a trained weight and bias", True)
    track_running_stats = Boolean("whether running statistics are kept for use after training", True)

    def weights(self, input: Shape) -> Mapping[str, tuple[int, ...]]:
        return {"weight": (input.c,), "bias": (input.c,)} if self.affine else {}

    def keeps(self, input: Shape) -> Kept:
        return Kept(input=True, batch_statistics=2 * input.c)

    def torch(self, input: Shape) -> TorchCall:
        options = self.torch_arguments("eps", "momentum", "affine", "track_running_stats")
        target = f"nn.BatchNorm{max(1, len(input.spatial))}d"
        return TorchCall(target, (TorchArgument(None, input.c), *options))


@final
class LayerNorm(Layer):
    """Normalisation over the channels, wherever they stand, of every position alone.

    Input `(batch, …, channels, …)`, output the same. With other axes behind the channels it is ConvNeXt's
    (Liu et al. 2022, A ConvNet for the 2020s). Source: Ba et al. 2016, Layer Normalization.
    """

    word = "layernorm"
    needs_channels = True
    eps = Real("added to the variance", 1e-5, above=0)
    elementwise_affine = Boolean("whether each channel has a trained weight and bias", True)
    bias = Boolean("whether the trained part has a bias", True)

    def weights(self, input: Shape) -> Mapping[str, tuple[int, ...]]:
        if not self.elementwise_affine:
            return {}
        weights = {"weight": (input.c,)}
        return weights | {"bias": (input.c,)} if self.bias else weights

    def keeps(self, input: Shape) -> Kept:
        return Kept(input=True, statistics=2 * (input.elements // input.c))

    def torch(self, input: Shape) -> TorchCall:
        channels = TorchArgument(None, input.c)
        options = self.torch_arguments("eps", "elementwise_affine", "bias")
        dim = input.names.index("c") + 1
        if dim == input.rank:
            return TorchCall("nn.LayerNorm", (channels, *options))
        arguments = (channels, TorchArgument("dim", dim, 1), *options)
        return TorchCall("ChannelLayerNorm", arguments, _CHANNEL_LAYER_NORM)


@final
class GroupNorm(Layer):
    """Normalisation over groups of channels and the spatial axes, of every sample alone.

    Input `(batch, channels, *spatial)`, output the same. Source: Wu & He 2018, Group Normalization.
    """

    word = "groupnorm"
    spatial = (0, 1, 2, 3)
    num_groups = Integer("parts that the channels fall into")
    eps = Real("added to the variance", 1e-5, above=0)
    affine = Boolean("whether each channel has a trained weight and bias", True)

    def requires(self, input: Shape) -> Iterator[Problem]:
        if input.c % self.num_groups:
            yield divisibility(self.word, "num_groups", self.num_groups, input.c, "input channels")

    def weights(self, input: Shape) -> Mapping[str, tuple[int, ...]]:
        return {"weight": (input.c,), "bias": (input.c,)} if self.affine else {}

    def reads(self, input: Shape) -> tuple[Reading, ...]:
        return (Reading(0), *(WHOLE for _ in input.spatial))

    def keeps(self, input: Shape) -> Kept:
        return Kept(input=True, statistics=2 * self.num_groups)

    def torch(self, input: Shape) -> TorchCall:
        sizes = (TorchArgument(None, self.num_groups), TorchArgument(None, input.c))
        return TorchCall("nn.GroupNorm", (*sizes, *self.torch_arguments("eps", "affine")))


@final
class InstanceNorm(Layer):
    """Normalisation over the spatial axes, of every channel of every sample alone.

    Input `(batch, channels, *spatial)`, output the same.
    Source: Ulyanov et al. 2016, Instance Normalization.
    """

    word = "instancenorm"
    asks_across_axes = True
    spatial = (1, 2, 3)
    eps = Real("added to the variance", 1e-5, above=0)
    momentum = Real("the share of the new batch in the running statistics", 0.1)
    affine = Boolean("whether each channel has a trained weight and bias", False)
    track_running_stats = Boolean("whether running statistics are kept for use after training", False)

    def requires(self, input: Shape) -> Iterator[Problem]:
        if all(axis.size == 1 for axis in input.spatial):
            yield Problem(
                "one-value-to-normalize",
                f"`instancenorm` needs more than one value in each channel, the input is {input}",
                axes=tuple(axis.name for axis in input.spatial),
                help="put it before the pooling that leaves one value, or use `layernorm`",
            )

    def weights(self, input: Shape) -> Mapping[str, tuple[int, ...]]:
        return {"weight": (input.c,), "bias": (input.c,)} if self.affine else {}

    def reads(self, input: Shape) -> tuple[Reading, ...]:
        """With statistics of its own, a trained layer no longer looks at the sample's."""
        if self.track_running_stats:
            return super().reads(input)
        return (Reading(0), *(WHOLE for _ in input.spatial))

    def keeps(self, input: Shape) -> Kept:
        """Torch repeats weight and running statistics for every sample, and keeps what it repeated."""
        repeated = 2 + self.affine + 2 * self.track_running_stats
        return Kept(input=True, statistics=repeated * input.c)

    def torch(self, input: Shape) -> TorchCall:
        options = self.torch_arguments("eps", "momentum", "affine", "track_running_stats")
        return TorchCall(f"nn.InstanceNorm{len(input.spatial)}d", (TorchArgument(None, input.c), *options))


@final
class LocalResponseNorm(Layer):
    """Division of every value by the squares of its neighbours in the channels.

    Input `(batch, channels, *spatial)`, output the same: x / (k + alpha · mean(neighbours²))^beta, where
    torch takes the mean and the paper the sum: the paper's alpha is torch's divided by `size`.
    Source: Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks, 3.3.
    """

    word = "lrn"
    spatial = (1, 2, 3)
    size = Integer("neighbouring channels that count")
    alpha = Real("the weight of the neighbours", 1e-4)
    beta = Real("the exponent", 0.75)
    k = Real("added to the neighbours' part", 1.0)

    def keeps(self, input: Shape) -> Kept:
        """The input, its padded squares, the denominator and what it is the power of."""
        padded = input.with_sizes(c=input.c + self.size - 1)
        return Kept(input=True, values=padded.elements + 2 * input.elements)

    def torch(self, input: Shape) -> TorchCall:
        options = self.torch_arguments("alpha", "beta", "k")
        return TorchCall("nn.LocalResponseNorm", (TorchArgument(None, self.size), *options))
