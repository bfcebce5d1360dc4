"""Pooling: layers that summarise windows of the spatial axes, or the whole of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, final

from netdsl.graph.shapes import Shape
from netdsl.layers.dataflow import WHOLE, Kept, Reading, binned, covering, sliding
from netdsl.layers.layer import Argument, Boolean, Integer, Layer, PerAxis, Problem, TorchArgument, TorchCall

_SWITCHES = '''\
class SwitchesNd(nn.Module):
    """1 where a cell is the maximum of its window, 0 elsewhere (Zeiler et al. 2011)."""

    def __init__(
        self,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] | None = None,
        padding: int | tuple[int, ...] = 0,
    ) -> None:
        super().__init__()
        self.pool = nn.MaxPoolNd(kernel_size, stride, padding, return_indices=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        places = self.pool(x)[1].flatten(2)
        return torch.zeros_like(x).flatten(2).scatter(2, places, 1.0).view_as(x)
'''


def pooled_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """The number of places a pooling window takes along an axis, by torch's rule.

    With `ceil_mode` a last window may hang over the end, but must begin inside the input or the padding
    before it.

    >>> pooled_size(112, 3, 2, 0, 1, False), pooled_size(112, 3, 2, 0, 1, True)
    (55, 56)
    """
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    if not ceil_mode:
        return room // stride + 1
    count = -(-room // stride) + 1
    return count - 1 if (count - 1) * stride >= size + padding else count


def averages_keep(output: Shape) -> Kept:
    """What the backward pass of adaptive average pooling needs: nothing where the output is one mean."""
    return Kept(input=math.prod(axis.size for axis in output.spatial) > 1)


class _WindowPool(Layer):
    """What `maxpool` and `avgpool` share: a window that slides."""

    spatial = (1, 2, 3)
    kernel_size = PerAxis("the window's size")
    stride = PerAxis("the window's step; the window's size unless given", None)
    padding = PerAxis("cells added on both sides of each axis, at most half the window", 0, minimum=0)

    def _windows(self, input: Shape, dilation: Any) -> Iterator[tuple[int, int, int, int]]:
        """Kernel, stride, padding and dilation of each spatial axis."""
        stride = self.kernel_size if self.stride is None else self.stride
        values = (self.kernel_size, stride, self.padding, dilation)
        return zip(*(self.each(value, input) for value in values), strict=True)

    def _sizes(self, input: Shape, dilation: Any, ceil_mode: bool) -> list[int]:
        rows = zip(input.spatial, self._windows(input, dilation), strict=True)
        return [pooled_size(axis.size, *window, ceil_mode) for axis, window in rows]

    def _reads(self, input: Shape, dilation: Any) -> tuple[Reading, ...]:
        rows = enumerate(self._windows(input, dilation), 1)
        return (Reading(0), *(sliding(axis, k, stride, taps, p) for axis, (k, stride, p, taps) in rows))

    def _cells(self, input: Shape) -> int:
        """The cells of all windows together."""
        cells: int = math.prod(self.each(self.kernel_size, input))
        return self.output(input).elements * cells

    def _window_problems(self, input: Shape, dilation: Any, ceil_mode: bool) -> Iterator[Problem]:
        kernels, paddings = self.each(self.kernel_size, input), self.each(self.padding, input)
        for kernel, padding in zip(kernels, paddings, strict=True):
            if padding > kernel // 2:
                yield Problem(
                    "pool-padding",
                    f"a padding of {padding} is more than half the window of {kernel}",
                    argument="padding",
                    help=f"use a padding of at most {kernel // 2}, or a larger window",
                )
                return
        sizes = self._sizes(input, dilation, ceil_mode)
        rows = zip(input.spatial, sizes, kernels, paddings, self.each(dilation, input), strict=True)
        for axis, positions, kernel, padding, taps in rows:
            if positions < 1:
                largest = (axis.size + 2 * padding - 1) // taps + 1
                padded = f" (with {2 * padding} of padding)" if padding else ""
                reach = taps * (kernel - 1) + 1
                yield Problem(
                    "kernel-larger-than-input",
                    f"a kernel that reaches over {reach} does not fit into {axis.word} {axis.size}{padded}",
                    argument="kernel_size",
                    axes=(axis.name,),
                    help=f"use a kernel of at most {largest}, or pool less before it",
                )


@final
class MaxPool(_WindowPool):
    """Maximum of every window of the spatial axes.

    Input `(batch, channels, *spatial)`, output the same with smaller spatial axes. Padding counts as −∞.
    """

    word = "maxpool"
    dilation = PerAxis("the distance between the window's cells", 1)
    ceil_mode = Boolean("whether a last window may hang over the end", False)

    def requires(self, input: Shape) -> Iterator[Problem]:
        yield from self._window_problems(input, self.dilation, self.ceil_mode)

    def output(self, input: Shape) -> Shape:
        return input.with_spatial(self._sizes(input, self.dilation, self.ceil_mode))

    def reads(self, input: Shape) -> tuple[Reading, ...]:
        return self._reads(input, self.dilation)

    def keeps(self, input: Shape) -> Kept:
        return Kept(input=True, indices=self.output(input).elements)

    def connections(self, input: Shape) -> int:
        return self._cells(input)

    def torch(self, input: Shape) -> TorchCall:
        window = TorchArgument(None, self.kernel_size)
        options = self.torch_arguments("stride", "padding", "dilation", "ceil_mode")
        return TorchCall(f"nn.MaxPool{len(input.spatial)}d", (window, *options))


@final
class AvgPool(_WindowPool):
    """Mean of every window of the spatial axes.

    Input `(batch, channels, *spatial)`, output the same with smaller spatial axes.
    """

    word = "avgpool"
    ceil_mode = Boolean("whether a last window may hang over the end", False)
    count_include_pad = Boolean("whether the zeros of the padding count in the mean", True)
    divisor_override: Argument[int | None] = Integer("what the sum is divided by instead of the cells", None)

    def requires(self, input: Shape) -> Iterator[Problem]:
        if self.divisor_override is not None and len(input.spatial) == 1:
            yield Problem(
                "no-divisor-override",
                "torch's one-dimensional pooling has no `divisor_override`",
                argument="divisor_override",
                help="leave it out, and follow the pooling with `scale(factor, trainable=false)`",
            )
        problems = list(self._window_problems(input, 1, self.ceil_mode))
        yield from problems
        if not problems and len(input.spatial) == 3:
            yield from self._unpadded_problems(input)

    def _unpadded_problems(self, input: Shape) -> Iterator[Problem]:
        """Over three axes torch wants the window to fit without the padding."""
        for axis, kernel in zip(input.spatial, self.each(self.kernel_size, input), strict=True):
            if kernel > axis.size:
                yield Problem(
                    "kernel-larger-than-input",
                    f"a window of {kernel} does not fit into {axis.word} {axis.size}, padding aside",
                    argument="kernel_size",
                    axes=(axis.name,),
                    help=f"use at most {axis.size}: over three axes torch does not count the padding",
                )

    def output(self, input: Shape) -> Shape:
        return input.with_spatial(self._sizes(input, 1, self.ceil_mode))

    def reads(self, input: Shape) -> tuple[Reading, ...]:
        return self._reads(input, 1)

    def connections(self, input: Shape) -> int:
        return self._cells(input)

    def torch(self, input: Shape) -> TorchCall:
        window = TorchArgument(None, self.kernel_size)
        options = self.torch_arguments("stride", "padding", "ceil_mode", "count_include_pad")
        if len(input.spatial) > 1:
            options += self.torch_arguments("divisor_override")
        return TorchCall(f"nn.AvgPool{len(input.spatial)}d", (window, *options))


@final
class Switches(_WindowPool):
    """1 where a cell is the maximum of its window, 0 elsewhere: where unpooling puts values back.

    Input and output `(batch, channels, *spatial)`; no gradient passes. Of equal cells the first counts.
    `upsample(scale_factor=2) * (from(name) -> switches(2))`, which the block `unpool(from(name))` is, undoes
    a `maxpool(2)` as torch's `MaxUnpool2d` does.
    Source: Zeiler et al. 2011, Adaptive Deconvolutional Networks for Mid and High Level Feature Learning.
    """

    word = "switches"
    passes_gradient = False

    def requires(self, input: Shape) -> Iterator[Problem]:
        yield from self._window_problems(input, 1, ceil_mode=False)

    def reads(self, input: Shape) -> tuple[Reading, ...]:
        rows = enumerate(self._windows(input, 1), 1)
        return (Reading(0), *(covering(axis, k, stride, padding) for axis, (k, stride, padding, _) in rows))

    def keeps(self, input: Shape) -> Kept:
        return Kept()

    def torch(self, input: Shape) -> TorchCall:
        rank = len(input.spatial)
        arguments = (TorchArgument(None, self.kernel_size), *self.torch_arguments("stride", "padding"))
        return TorchCall(f"Switches{rank}d", arguments, _SWITCHES.replace("Nd", f"{rank}d"))


class _AdaptivePool(Layer):
    """What the pools to a given size share."""

    spatial = (1, 2, 3)
    output_size = PerAxis("the output's sizes; `none` in a list keeps that axis", open_axes=True)

    def output(self, input: Shape) -> Shape:
        sizes = self.each(self.output_size, input)
        return input.with_spatial(
            axis.size if size is None else size for axis, size in zip(input.spatial, sizes, strict=True)
        )

    def connections(self, input: Shape) -> int:
        """The cells of all windows; along an axis, the i-th reaches from ⌊i·in/out⌋ to ⌈(i + 1)·in/out⌉."""
        sizes = zip(input.spatial, self.output(input).spatial, strict=True)
        return input.c * math.prod(a.size + b.size - math.gcd(a.size, b.size) for a, b in sizes)

    def reads(self, input: Shape) -> tuple[Reading, ...]:
        pairs = enumerate(zip(input.spatial, self.output(input).spatial, strict=True), 1)
        return (Reading(0), *(binned(axis, a.size, b.size) for axis, (a, b) in pairs))

    def _call(self, module: str, input: Shape) -> TorchCall:
        # torch's one-dimensional pools do not know None
        size = self.output(input).spatial[0].size if self.output_size == (None,) else self.output_size
        return TorchCall(f"nn.{module}{len(input.spatial)}d", (TorchArgument(None, size),))


@final
class AdaptiveAvgPool(_AdaptivePool):
    """Mean of windows chosen so that the output has a given size.

    Input `(batch, channels, *spatial)`, output `(batch, channels, *output_size)`.
    """

    word = "adaptive_avgpool"

    def keeps(self, input: Shape) -> Kept:
        return averages_keep(self.output(input))

    def torch(self, input: Shape) -> TorchCall:
        return self._call("AdaptiveAvgPool", input)


@final
class AdaptiveMaxPool(_AdaptivePool):
    """Maximum of windows chosen so that the output has a given size.

    Input `(batch, channels, *spatial)`, output `(batch, channels, *output_size)`.
    """

    word = "adaptive_maxpool"

    def keeps(self, input: Shape) -> Kept:
        return Kept(input=True, indices=self.output(input).elements)

    def torch(self, input: Shape) -> TorchCall:
        return self._call("AdaptiveMaxPool", input)


class _GlobalPool(Layer):
    """What the pools over all of the spatial axes share."""

    spatial = (1, 2, 3)

    def reads(self, input: Shape) -> tuple[Reading, ...]:
        return (Reading(0), *(WHOLE for _ in input.spatial))

    def output(self, input: Shape) -> Shape:
        return input.with_spatial((1,) * len(input.spatial))

    def connections(self, input: Shape) -> int:
        return input.elements


@final
class GlobalAvgPool(_GlobalPool):
    """Mean over all spatial axes, which stay with size 1; `flatten` takes them away.

    Input `(batch, channels, *spatial)`, output `(batch, channels, 1, …)`.
    Source: Lin et al. 2013, Network In Network.
    """

    word = "global_avgpool"

    def keeps(self, input: Shape) -> Kept:
        return averages_keep(self.output(input))

    def torch(self, input: Shape) -> TorchCall:
        return TorchCall(f"nn.AdaptiveAvgPool{len(input.spatial)}d", (TorchArgument(None, 1),))


@final
class GlobalMaxPool(_GlobalPool):
    """Maximum over all spatial axes, which stay with size 1; `flatten` takes them away.

    Input `(batch, channels, *spatial)`, output `(batch, channels, 1, …)`.
    """

    word = "global_maxpool"

    def keeps(self, input: Shape) -> Kept:
        return Kept(input=True, indices=input.c)

    def torch(self, input: Shape) -> TorchCall:
        return TorchCall(f"nn.AdaptiveMaxPool{len(input.spatial)}d", (TorchArgument(None, 1),))
