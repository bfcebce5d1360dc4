"""Convolutions: layers that slide weights over the spatial axes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import final

from netdsl.graph.formula import times
from netdsl.graph.shapes import Shape
from netdsl.layers.dataflow import Kept, Reading, sliding, spreading
from netdsl.layers.layer import Boolean, Choice, Integer, Layer, PerAxis, Problem, TorchArgument, TorchCall

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def divisibility(word: str, argument: str, groups: int, channels: int, what: str) -> Problem:
    """The problem of groups that do not divide channels."""
    small = [n for n in range(1, math.isqrt(channels) + 1) if channels % n == 0]
    divisors = sorted({*small, *(channels // n for n in small)})
    near = min(divisors, key=lambda n: (abs(n - groups), -n))
    return Problem(
        "groups-divide",
        f"`{word}` cannot split {channels} {what} into {groups} groups",
        argument=argument,
        axes=("c",) if what == "input channels" else (),
        help=f"{channels} divides by {', '.join(map(str, divisors[:12]))}; try `{argument}={near}`",
    )


class _Convolution(Layer):
    """What `conv` and `depthwise` share: the window."""

    spatial = (1, 2, 3)
    kernel_size: PerAxis
    stride: PerAxis
    padding: PerAxis
    dilation: PerAxis
    padding_mode: Choice

    def _paddings(self, input: Shape) -> tuple[int, ...]:
        """The total padding of each axis, both sides together, by torch's rule for `same`."""
        if self.padding == "valid":
            return (0,) * len(input.spatial)
        if self.padding == "same":
            windows = zip(self.each(self.kernel_size, input), self.each(self.dilation, input), strict=True)
            return tuple(dilation * (kernel - 1) for kernel, dilation in windows)
        return tuple(2 * padding for padding in self.each(self.padding, input))

    def _window_problems(self, input: Shape) -> Iterator[Problem]:
        windows = (self.each(self.kernel_size, input), self.each(self.dilation, input), self._paddings(input))
        for axis, kernel, dilation, padding in zip(input.spatial, *windows, strict=True):
            reach = dilation * (kernel - 1) + 1
            if reach > axis.size + padding:
                padded = f" (with {padding} of padding)" if padding else ""
                largest = (axis.size + padding - 1) // dilation + 1
                yield Problem(
                    "kernel-larger-than-input",
                    f"a kernel that reaches over {reach} does not fit into {axis.word} {axis.size}{padded}",
                    argument="kernel_size",
                    axes=(axis.name,),
                    help=f"use a kernel of at most {largest}, or more padding",
                )
        if self.padding == "same" and any(stride != 1 for stride in self.each(self.stride, input)):
            yield Problem(
                "same-padding-stride",
                'padding="same" needs stride 1: torch refuses it with a stride',
                argument="padding",
                help="write the padding as a number, such as `padding=k//2`",
            )
        yield from self._padding_mode_problems(input)

    def _padding_mode_problems(self, input: Shape) -> Iterator[Problem]:
        mode = self.padding_mode
        for axis, total in zip(input.spatial, self._paddings(input), strict=True):
            one_side = total - total // 2
            limit = {"reflect": axis.size - 1, "circular": axis.size}.get(mode)
            if limit is not None and one_side > limit:
                size = f"{axis.word} {axis.size}"
                yield Problem(
                    "padding-too-large",
                    f'padding_mode="{mode}" can add at most {limit} to {size}, not {one_side}',
                    argument="padding",
                    axes=(axis.name,),
                    help=f'use a padding of at most {limit}, or padding_mode="zeros"',
                )

    def _window_output(self, input: Shape, channels: int) -> Shape:
        values = (self.kernel_size, self.stride, self.dilation)
        windows = (self.each(value, input) for value in values)
        rows = zip(input.spatial, *windows, self._paddings(input), strict=True)
        return input.with_spatial(
            [  # Dumoulin & Visin 2016, relationship 15
                (axis.size + padding - dilation * (kernel - 1) - 1) // stride + 1
                for axis, kernel, stride, dilation, padding in rows
            ],
            channels,
        )

    def reads(self, input: Shape) -> tuple[Reading, ...]:
        values = (self.kernel_size, self.stride, self.dilation)
        rows = zip(*(self.each(value, input) for value in values), self._paddings(input), strict=True)
        windows = [
            sliding(axis, kernel, stride, dilation, padding // 2)  # for an odd `same`, one more behind
            for axis, (kernel, stride, dilation, padding) in enumerate(rows, 1)
        ]
        return (Reading(0), *windows)

    def keeps(self, input: Shape) -> Kept:
        """The input; where torch pads it first, the padded copy instead."""
        paddings = self._paddings(input)
        is_odd = self.padding == "same" and any(padding % 2 for padding in paddings)
        if self.padding_mode == "zeros" and not is_odd:
            return Kept(input=True)
        sizes = [axis.size + padding for axis, padding in zip(input.spatial, paddings, strict=True)]
        is_needed = self.padding_mode in ("reflect", "replicate")
        return Kept(values=input.with_spatial(sizes).elements, input_for_itself=is_needed)


@final
class Conv(_Convolution):
    """Convolution over one, two or three spatial axes, as many as the input has.

    Input `(batch, in_channels, *spatial)`, output `(batch, out_channels, *spatial)`.
    Source: LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition.
    """

    word = "conv"
    sets_channels = True
    out_channels = Integer("filters: the channels of the output")
    kernel_size = PerAxis("the window's size")
    stride = PerAxis("the window's step", 1)
    padding = PerAxis("values added on both sides of each axis", 0, minimum=0, words=("same", "valid"))
    dilation = PerAxis("the distance between the window's taps", 1)
    groups = Integer("parts that the channels fall into, each convolved alone", 1)
    bias = Boolean("whether a value is added to each output channel", True)
    padding_mode = Choice("what the added values are", "zeros", options=PADDING_MODES)

    def requires(self, input: Shape) -> Iterator[Problem]:
        if input.c % self.groups:
            yield divisibility(self.word, "groups", self.groups, input.c, "input channels")
        if self.out_channels % self.groups:
            yield divisibility(self.word, "groups", self.groups, self.out_channels, "output channels")
        yield from self._window_problems(input)

    def output(self, input: Shape) -> Shape:
        return self._window_output(input, self.out_channels)

    def weights(self, input: Shape) -> Mapping[str, tuple[int, ...]]:
        kernel = self.each(self.kernel_size, input)
        weights = {"weight": (self.out_channels, input.c // self.groups, *kernel)}
        return weights | {"bias": (self.out_channels,)} if self.bias else weights

    def macs(self, input: Shape) -> int:
        return self.output(input).elements * math.prod(self.weights(input)["weight"][1:])

    def torch(self, input: Shape) -> TorchCall:
        return TorchCall(
            f"nn.Conv{len(input.spatial)}d",
            (
                TorchArgument(None, input.c),
                TorchArgument(None, self.out_channels),
                TorchArgument(None, self.kernel_size),
                *self.torch_arguments("stride", "padding", "dilation", "groups", "bias", "padding_mode"),
            ),
        )


@final
class Depthwise(_Convolution):
    """Convolution of every channel with filters of its own: `conv` with as many groups as channels.

    Input `(batch, channels, *spatial)`, output `(batch, channels * multiplier, *spatial)`.
    Source: Sifre 2014, Rigid-Motion Scattering for Image Classification; Howard et al. 2017, MobileNets.
    """

    word = "depthwise"
    kernel_size = PerAxis("the window's size")
    stride = PerAxis("the window's step", 1)
    padding = PerAxis("values added on both sides of each axis", 0, minimum=0, words=("same", "valid"))
    dilation = PerAxis("the distance between the window's taps", 1)
    bias = Boolean("whether a value is added to each output channel", True)
    padding_mode = Choice("what the added values are", "zeros", options=PADDING_MODES)
    multiplier = Integer("filters for each channel", 1)

    def requires(self, input: Shape) -> Iterator[Problem]:
        yield from self._window_problems(input)

    def output(self, input: Shape) -> Shape:
        return self._window_output(input, self._out_channels(input))

    def weights(self, input: Shape) -> Mapping[str, tuple[int, ...]]:
        channels = self._out_channels(input)
        weights = {"weight": (channels, 1, *self.each(self.kernel_size, input))}
        return weights | {"bias": (channels,)} if self.bias else weights

    def macs(self, input: Shape) -> int:
        return self.output(input).elements * math.prod(self.weights(input)["weight"][1:])

    def torch(self, input: Shape) -> TorchCall:
        return TorchCall(
            f"nn.Conv{len(input.spatial)}d",
            (
                TorchArgument(None, input.c),
                TorchArgument(None, self._out_channels(input)),
                TorchArgument(None, self.kernel_size),
                *self.torch_arguments("stride", "padding", "dilation"),
                TorchArgument("groups", input.c, 1),
                *self.torch_arguments("bias", "padding_mode"),
            ),
        )

    def _out_channels(self, input: Shape) -> int:
        return times(input.c, self.multiplier)


@final
class ConvTranspose(Layer):
    """Transposed convolution: the step back of a convolution, which enlarges the spatial axes.

    Input `(batch, in_channels, *spatial)`, output `(batch, out_channels, *spatial)`.
    Source: Zeiler et al. 2010, Deconvolutional Networks; Dumoulin & Visin 2016, chapter 4.
    """

    word = "conv_transpose"
    spatial = (1, 2, 3)
    sets_channels = True
    out_channels = Integer("filters: the channels of the output")
    kernel_size = PerAxis("the window's size")
    stride = PerAxis("the window's step on the output", 1)
    padding = PerAxis("values taken off both sides of each axis of the output", 0, minimum=0)
    output_padding = PerAxis("values added on the far side of each axis of the output", 0, minimum=0)
    groups = Integer("parts that the channels fall into, each convolved alone", 1)
    bias = Boolean("whether a value is added to each output channel", True)
    dilation = PerAxis("the distance between the window's taps", 1)

    def requires(self, input: Shape) -> Iterator[Problem]:
        if input.c % self.groups:
            yield divisibility(self.word, "groups", self.groups, input.c, "input channels")
        if self.out_channels % self.groups:
            yield divisibility(self.word, "groups", self.groups, self.out_channels, "output channels")
        windows = (self.each(v, input) for v in (self.output_padding, self.stride, self.dilation))
        for axis, extra, stride, dilation in zip(input.spatial, *windows, strict=True):
            if extra >= max(stride, dilation):
                yield Problem(
                    "output-padding-too-large",
                    f"an output padding of {extra} is not below the stride {stride} or the dilation "
                    f"{dilation} of the {axis.word}",
                    argument="output_padding",
                    help=f"use an output padding of at most {max(stride, dilation) - 1}",
                )
        for axis, size in zip(input.spatial, self._sizes(input), strict=True):
            if size < 1:
                yield Problem(
                    "padding-too-large",
                    f"the padding takes all of the output's {axis.word} away: {size} would be left",
                    argument="padding",
                    axes=(axis.name,),
                    help="use less padding: each unit takes one off both sides",
                )

    def _sizes(self, input: Shape) -> list[int]:
        """(size − 1)·stride − 2·padding + dilation·(kernel − 1) + output_padding + 1, by torch's rule."""
        windows = (self.kernel_size, self.stride, self.padding, self.output_padding, self.dilation)
        rows = zip(input.spatial, *(self.each(value, input) for value in windows), strict=True)
        return [
            (axis.size - 1) * stride - 2 * padding + dilation * (kernel - 1) + extra + 1
            for axis, kernel, stride, padding, extra, dilation in rows
        ]

    def output(self, input: Shape) -> Shape:
        return input.with_spatial(self._sizes(input), self.out_channels)

    def reads(self, input: Shape) -> tuple[Reading, ...]:
        values = (self.kernel_size, self.stride, self.dilation, self.padding)
        rows = zip(*(self.each(value, input) for value in values), strict=True)
        return (Reading(0), *(spreading(axis, *row) for axis, row in enumerate(rows, 1)))

    def weights(self, input: Shape) -> Mapping[str, tuple[int, ...]]:
        kernel = self.each(self.kernel_size, input)
        weights = {"weight": (input.c, self.out_channels // self.groups, *kernel)}
        return weights | {"bias": (self.out_channels,)} if self.bias else weights

    def macs(self, input: Shape) -> int:
        return input.elements * math.prod(self.weights(input)["weight"][1:])

    def torch(self, input: Shape) -> TorchCall:
        return TorchCall(
            f"nn.ConvTranspose{len(input.spatial)}d",
            (
                TorchArgument(None, input.c),
                TorchArgument(None, self.out_channels),
                TorchArgument(None, self.kernel_size),
                *self.torch_arguments("stride", "padding", "output_padding", "groups", "bias", "dilation"),
            ),
        )
