"""Regularisation: layers that drop values at random while training and do nothing afterwards."""

from __future__ import annotations

from typing import final

from netdsl.graph.shapes import Shape
from netdsl.layers.dataflow import Kept
from netdsl.layers.layer import Layer, Real, TorchArgument, TorchCall

_DROP_PATH = '''\
class DropPath(nn.Module):
    """Whole samples set to zero at random while training (Huang et al. 2016)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.p == 0:
            return x
        kept = torch.rand(x.shape[0], *(1,) * (x.dim() - 1), device=x.device) >= self.p
        return x * kept / (1 - self.p) if self.p < 1 else x * kept
'''


@final
class Dropout(Layer):
    """Values set to zero at random while training, the others scaled up by 1 / (1 − p).

    Any input, output the same. Source: Srivastava et al. 2014, Dropout.
    """

    word = "dropout"
    p = Real("the probability of a value to be dropped", 0.5, minimum=0, maximum=1)

    def keeps(self, input: Shape) -> Kept:
        if self.p == 1:
            return Kept(batch_statistics=1)  # a single zero
        return Kept(mask=input.elements)

    def is_view(self, input: Shape, training: bool) -> bool:
        return not training or self.p == 0

    def torch(self, input: Shape) -> TorchCall:
        return TorchCall("nn.Dropout", self.torch_arguments("p"))


@final
class SpatialDropout(Layer):
    """Whole channels set to zero at random while training, the others scaled up by 1 / (1 − p).

    Input `(batch, channels, *spatial)`, output the same.
    Source: Tompson et al. 2015, Efficient Object Localization Using Convolutional Networks.
    """

    word = "spatial_dropout"
    spatial = (1, 2, 3)
    p = Real("the probability of a channel to be dropped", 0.5, minimum=0, maximum=1)

    def keeps(self, input: Shape) -> Kept:
        if self.p == 1:
            return Kept(batch_statistics=1)  # a single zero
        return Kept(values=input.c)

    def is_view(self, input: Shape, training: bool) -> bool:
        return not training or self.p == 0

    def torch(self, input: Shape) -> TorchCall:
        return TorchCall(f"nn.Dropout{len(input.spatial)}d", self.torch_arguments("p"))


@final
class DropPath(Layer):
    """Whole samples set to zero at random while training, the others scaled up by 1 / (1 − p).

    Any input, output the same. At the end of a residual branch it is stochastic depth:
    `x + (f -> drop_path(0.1))`. Source: Huang et al. 2016, Deep Networks with Stochastic Depth.
    """

    word = "drop_path"
    p = Real("the probability of a sample to be dropped", minimum=0, maximum=1)

    def keeps(self, input: Shape) -> Kept:
        return Kept(flags=1)

    def is_view(self, input: Shape, training: bool) -> bool:
        return not training or self.p == 0

    def torch(self, input: Shape) -> TorchCall:
        return TorchCall("DropPath", (TorchArgument(None, self.p),), _DROP_PATH)
