"""Activations: the non-linear functions between layers, value by value or over the channels.

Torch's `inplace` is missing on purpose: it changes nothing that is computed, and is wrong wherever the
input is used again, as in `x + (relu -> conv(64, 3))`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, final

from netdsl.graph.formula import apply
from netdsl.graph.shapes import Shape
from netdsl.layers.convolution import divisibility
from netdsl.layers.dataflow import WHOLE, Kept, Reading
from netdsl.layers.layer import Argument, Choice, Integer, Layer, Problem, Real, TorchArgument, TorchCall

_MAXOUT = '''\
class Maxout(nn.Module):
    """Maximum over groups of neighbouring channels (Goodfellow et al. 2013)."""

    def __init__(self, pieces: int, dim: int = 1) -> None:
        super().__init__()
        self.pieces = pieces
        self.dim = dim

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(self.dim, (-1, self.pieces)).amax(self.dim + 1)
'''


class _Pointwise(Layer):
    """A function of every value alone, which torch has as a module with the same arguments."""

    module: ClassVar[str]
    keeps_output: ClassVar[bool] = False
    """Whether the derivative is computed from the output rather than from the input."""

    def keeps(self, input: Shape) -> Kept:
        return Kept(input=not self.keeps_output, output=self.keeps_output)

    def torch(self, input: Shape) -> TorchCall:
        return TorchCall(f"nn.{self.module}", self.torch_arguments(*self.arguments()))


@final
class ReLU(_Pointwise):
    """max(0, x).

    Any input, output the same. Source: Nair & Hinton 2010, Rectified Linear Units.
    """

    word, module = "relu", "ReLU"
    keeps_output = True


@final
class ReLU6(_Pointwise):
    """min(max(0, x), 6).

    Any input, output the same. Source: Krizhevsky 2010, Convolutional Deep Belief Networks on CIFAR-10.
    """

    word, module = "relu6", "ReLU6"


@final
class LeakyReLU(_Pointwise):
    """x where it is positive, otherwise negative_slope · x.

    Any input, output the same. Source: Maas et al. 2013, Rectifier Nonlinearities.
    """

    word, module = "leaky_relu", "LeakyReLU"
    negative_slope = Real("the factor of negative values", 0.01)


@final
class PReLU(Layer):
    """x where it is positive, otherwise a trained multiple of x.

    Any input, output the same; with one slope per channel the channels stand first.
    Source: He et al. 2015, Delving Deep into Rectifiers.
    """

    word = "prelu"
    num_parameters = Integer("trained slopes: 1, or one for each channel", 1)
    init = Real("where the slopes start", 0.25)

    def requires(self, input: Shape) -> Iterator[Problem]:
        if self.num_parameters == 1:
            return
        if not input.channels_first:
            yield Problem(
                "channels-not-first",
                f"`prelu` with a slope per channel needs the channels first, the input's axes are "
                f"`{' '.join(input.names)}`",
                argument="num_parameters",
                help="leave `num_parameters` out for one slope, or put `rearrange` before it",
            )
        elif self.num_parameters != input.c:
            yield Problem(
                "prelu-slopes",
                f"`prelu` has {self.num_parameters} slopes for {input.c} channels",
                argument="num_parameters",
                axes=("c",),
                help=f"use `num_parameters={input.c}`, or 1 for one slope",
            )

    def weights(self, input: Shape) -> Mapping[str, tuple[int, ...]]:
        return {"weight": (self.num_parameters,)}

    def torch(self, input: Shape) -> TorchCall:
        return TorchCall("nn.PReLU", self.torch_arguments("num_parameters", "init"))


@final
class ELU(_Pointwise):
    """x where it is positive, otherwise alpha · (exp(x) − 1).

    Any input, output the same. Source: Clevert et al. 2015, Exponential Linear Units.
    """

    word, module = "elu", "ELU"
    alpha = Real("the depth of the negative side", 1.0)


@final
class SELU(_Pointwise):
    """The exponential linear unit scaled so that activations normalise themselves.

    Any input, output the same. Source: Klambauer et al. 2017, Self-Normalizing Neural Networks.
    """

    word, module = "selu", "SELU"


@final
class GELU(_Pointwise):
    """x · Φ(x), with Φ the normal distribution.

    Any input, output the same. Source: Hendrycks & Gimpel 2016, Gaussian Error Linear Units.
    """

    word, module = "gelu", "GELU"
    approximate = Choice("whether Φ is exact or by tanh", "none", options=("none", "tanh"))


@final
class SiLU(_Pointwise):
    """x · sigmoid(x), also called swish.

    Any input, output the same. Source: Elfwing et al. 2017; Ramachandran et al. 2017.
    """

    word, module = "silu", "SiLU"


@final
class Mish(_Pointwise):
    """x · tanh(softplus(x)).

    Any input, output the same. Source: Misra 2019, Mish.
    """

    word, module = "mish", "Mish"


@final
class Hardswish(_Pointwise):
    """x · relu6(x + 3) / 6: swish without an exponential.

    Any input, output the same. Source: Howard et al. 2019, Searching for MobileNetV3.
    """

    word, module = "hardswish", "Hardswish"


@final
class Hardsigmoid(_Pointwise):
    """relu6(x + 3) / 6: the sigmoid without an exponential.

    Any input, output the same. Source: Howard et al. 2019, Searching for MobileNetV3.
    """

    word, module = "hardsigmoid", "Hardsigmoid"


@final
class Sigmoid(_Pointwise):
    """1 / (1 + exp(−x)).

    Any input, output the same.
    """

    word, module = "sigmoid", "Sigmoid"
    keeps_output = True


@final
class Tanh(_Pointwise):
    """The hyperbolic tangent.

    Any input, output the same.
    """

    word, module = "tanh", "Tanh"
    keeps_output = True


@final
class Softplus(_Pointwise):
    """log(1 + exp(beta · x)) / beta, a smooth relu.

    Any input, output the same. Source: Dugas et al. 2001.
    """

    word, module = "softplus", "Softplus"
    beta = Real("the sharpness of the bend", 1.0)
    threshold = Real("where beta · x is above it, the output is x", 20.0)


class _OverChannels(Layer):
    """A distribution over the channels, or over another axis by torch's number."""

    module: ClassVar[str]
    dim: Argument[int | None] = Integer(
        "the axis by its number, the batch being 0; the channels unless given", None, minimum=-8, maximum=8
    )

    def requires(self, input: Shape) -> Iterator[Problem]:
        if self.dim is None:
            if "c" not in input:
                yield self._no_channels(input)
        elif not -input.rank <= self.dim <= input.rank or self.dim == 0:
            yield dim_problem(self.word, "dim", self.dim, input)

    def reads(self, input: Shape) -> tuple[Reading, ...]:
        own = self._axis(input)
        return tuple(WHOLE if axis == own else Reading(axis) for axis in range(input.rank))

    def keeps(self, input: Shape) -> Kept:
        return Kept(output=True)

    def _axis(self, input: Shape) -> int:
        """The axis by its number without the batch."""
        if self.dim is None:
            return input.names.index("c")
        return self.dim - 1 if self.dim > 0 else self.dim + input.rank

    def torch(self, input: Shape) -> TorchCall:
        dim = input.names.index("c") + 1 if self.dim is None else self.dim
        return TorchCall(f"nn.{self.module}", (TorchArgument("dim", dim),))


def dim_problem(word: str, argument: str, dim: int, input: Shape) -> Problem:
    """The problem of an axis by a number that the input does not have."""
    axes = ", ".join(f"{number} {axis.word}" for number, axis in enumerate(input.axes, 1))
    is_batch = dim in (0, -input.rank - 1)
    what = "is the batch, which layers leave alone" if is_batch else "is not an axis"
    return Problem(
        "no-such-dim",
        f"`{argument}={int(dim)}` of `{word}` {what}: the input is {input}",
        argument=argument,
        help=f"the axes are {axes}, counted with the batch as 0",
    )


@final
class Softmax(_OverChannels):
    """exp(x) over its sum along the channels: probabilities.

    Any input with channels, output the same. Source: Bridle 1990.
    """

    word, module = "softmax", "Softmax"


@final
class LogSoftmax(_OverChannels):
    """The logarithm of `softmax`, without its loss of precision.

    Any input with channels, output the same.
    """

    word, module = "log_softmax", "LogSoftmax"


@final
class Maxout(Layer):
    """Maximum over groups of neighbouring channels, wherever the channels stand.

    Input `(batch, …, channels, …)`, output `(batch, …, channels / pieces, …)`.
    Source: Goodfellow et al. 2013, Maxout Networks.
    """

    word = "maxout"
    needs_channels = True
    pieces = Integer("channels in each group, of which the largest stays")

    def requires(self, input: Shape) -> Iterator[Problem]:
        if input.c % self.pieces:
            yield divisibility(self.word, "pieces", self.pieces, input.c, "input channels")

    def output(self, input: Shape) -> Shape:
        return input.with_sizes(c=apply("//", input.c, self.pieces))

    def reads(self, input: Shape) -> tuple[Reading, ...]:
        return tuple(Reading(axis) for axis in range(input.rank))

    def keeps(self, input: Shape) -> Kept:
        return Kept(input=True, output=True)

    def torch(self, input: Shape) -> TorchCall:
        dim = TorchArgument("dim", input.names.index("c") + 1, 1)
        return TorchCall("Maxout", (TorchArgument(None, self.pieces), dim), _MAXOUT)
