"""Layers that rearrange or pick values and compute nothing: by axes, by sizes and by channels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import reduce
from typing import final

from netdsl.graph.formula import apply, times
from netdsl.graph.shapes import SPATIAL_NAMES, Axis, Shape
from netdsl.layers.activation import dim_problem
from netdsl.layers.convolution import divisibility
from netdsl.layers.dataflow import WHOLE, Kept, Reading, regrouped
from netdsl.layers.layer import Argument, Integer, Integers, Layer, Problem, TorchArgument, TorchCall

_RESHAPE = '''\
class Reshape(nn.Module):
    """Every sample with other sizes, its values in the same order."""

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self.sizes = sizes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(x.shape[0], *self.sizes)
'''

_CHANNEL_RANGE = '''\
class ChannelRange(nn.Module):
    """The channels from `start` up to `stop`, which is not included."""

    def __init__(self, start: int, stop: int, dim: int = 1) -> None:
        super().__init__()
        self.start, self.stop, self.dim = start, stop, dim

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.narrow(self.dim, self.start, self.stop - self.start)
'''

_CHANNEL_PICK = '''\
class ChannelPick(nn.Module):
    """The channels of the given numbers, in that order."""

    def __init__(self, channels: tuple[int, ...], dim: int = 1) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("channels", torch.tensor(channels), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.index_select(self.dim, self.channels)
'''


def merged_axis(axes: tuple[Axis, ...]) -> Axis:
    """One axis in the place of several: `c` where `c` is among them, otherwise their names joined."""
    names = [axis.name for axis in axes]
    size = reduce(times, [axis.size for axis in axes], 1)
    return Axis("c" if "c" in names else "".join(names), size)


def name_clash(word: str, output: Shape, help: str) -> Iterator[Problem]:
    """The problem of an output with two axes of one name; axes of size 1 written as `1` may repeat."""
    names = [name for name in output.names if name != "1"]
    for name in sorted({name for name in names if names.count(name) > 1}):
        message = f"the output of `{word}` would have two axes called `{name}`"
        yield Problem("axis-name-clash", message, help=help)


@final
class Flatten(Layer):
    """Several axes merged into one: all of them, unless told otherwise.

    Input `(batch, …)`, output `(batch, product)`. The merged axis is called `c` where the channels are part
    of it, otherwise by the joined names. Axes are numbered as torch does, with the batch as 0.
    """

    word = "flatten"
    mixes_axes = True
    start_dim = Integer("the first axis to merge", 1, minimum=-8, maximum=8)
    end_dim = Integer("the last axis to merge", -1, minimum=-8, maximum=8)

    def requires(self, input: Shape) -> Iterator[Problem]:
        dims = {"start_dim": self.start_dim, "end_dim": self.end_dim}
        wrong = [n for n, dim in dims.items() if dim == 0 or not -input.rank <= dim <= input.rank]
        for name in wrong:
            yield dim_problem(self.word, name, dims[name], input)
        if wrong:
            return
        first, last = self._ends(input)
        if first > last:
            yield Problem(
                "flatten-order",
                f"`flatten` starts at axis {first + 1} and ends before it, at axis {last + 1}",
                argument="end_dim",
                help="give the smaller number first",
                instead=(("start_dim", str(self.end_dim)), ("end_dim", str(self.start_dim))),
            )
            return
        yield from name_clash(self.word, self.output(input), "name the axes with `rearrange` instead")

    def _ends(self, input: Shape) -> tuple[int, int]:
        """The first and the last axis to merge, counted from 0 without the batch."""
        first, last = (dim - 1 if dim > 0 else dim + input.rank for dim in (self.start_dim, self.end_dim))
        return first, last

    def output(self, input: Shape) -> Shape:
        first, last = self._ends(input)
        merged = merged_axis(input.axes[first : last + 1])
        return Shape((*input.axes[:first], merged, *input.axes[last + 1 :]))

    def reads(self, input: Shape) -> tuple[Reading, ...]:
        first, last = self._ends(input)
        names = [str(axis) for axis in range(input.rank)]
        alone = [[name] for name in names]
        after = [*alone[:first], names[first : last + 1], *alone[last + 1 :]]
        sizes = dict(zip(names, input.sizes, strict=True))
        output = self.output(input)
        channels = output.names.index("c") if "c" in output else None
        return regrouped(alone, after, sizes, channels)

    def keeps(self, input: Shape) -> Kept:
        return Kept()

    def is_view(self, input: Shape, training: bool) -> bool:
        return True

    def torch(self, input: Shape) -> TorchCall:
        return TorchCall("nn.Flatten", self.torch_arguments("start_dim", "end_dim"))


@final
class Reshape(Layer):
    """The same values with other sizes.

    Input `(batch, …)`, output `(batch, *sizes)`, whose axes are called `c`, `c w`, `c h w` or `c d h w`.
    """

    word = "reshape"
    mixes_axes = True
    asks_across_axes = True
    sizes = Integers("a sample's sizes, channels first; one may be -1, which is what remains", minimum=-1)

    def requires(self, input: Shape) -> Iterator[Problem]:
        shown = ", ".join(str(int(size)) for size in self.sizes)
        known = math.prod(size for size in self.sizes if size != -1)
        if len(self.sizes) > len(SPATIAL_NAMES):
            count, most = len(self.sizes), len(SPATIAL_NAMES)
            yield self._bad_sizes(
                f"`reshape` to [{shown}] asks for {count} axes, at most {most} have names",
                'merge some of them, or use `rearrange` with a pattern such as "c (h p) w -> (c p) h w"',
            )
        elif 0 in self.sizes or self.sizes.count(-1) > 1:
            yield self._bad_sizes(
                f"`reshape` to [{shown}] does not say the sizes",
                "give sizes of at least 1; one of them may be -1",
            )
        elif input.elements % known or (-1 not in self.sizes and known != input.elements):
            yield Problem(
                "reshape-elements",
                f"`reshape` cannot make [{shown}] of {input}: {input.elements} values are there",
                argument="sizes",
                axes=input.names,
                help="give sizes whose product is that number; one of them may be -1",
            )

    def _bad_sizes(self, message: str, help: str) -> Problem:
        return Problem("reshape-sizes", message, argument="sizes", help=help)

    def output(self, input: Shape) -> Shape:
        rest = input.elements // math.prod(size for size in self.sizes if size != -1)
        return Shape.of(*(rest if size == -1 else size for size in self.sizes))

    def reads(self, input: Shape) -> tuple[Reading, ...]:
        """The last axes stay what they are as far as their sizes do; the others are read as a whole."""
        output, stay = self.output(input), 0
        while stay < min(input.rank, output.rank) and input.sizes[-1 - stay] == output.sizes[-1 - stay]:
            stay += 1
        shift = output.rank - input.rank
        staying = range(input.rank - stay, input.rank)
        return tuple(
            Reading(axis + shift) if axis in staying and axis + shift else WHOLE for axis in range(input.rank)
        )

    def keeps(self, input: Shape) -> Kept:
        return Kept()

    def is_view(self, input: Shape, training: bool) -> bool:
        return True

    def torch(self, input: Shape) -> TorchCall:
        if input.rank == 1 and len(self.sizes) > 1:
            return TorchCall("nn.Unflatten", (TorchArgument(None, 1), TorchArgument(None, self.sizes)))
        return TorchCall("Reshape", tuple(TorchArgument(None, size) for size in self.sizes), _RESHAPE)


@final
class PixelShuffle(Layer):
    """Channels moved into the plane: blocks of r² channels become r × r pixels.

    Input `(batch, channels · r², height, width)`, output `(batch, channels, height · r, width · r)`.
    Source: Shi et al. 2016, Real-Time Single Image and Video Super-Resolution.
    """

    word = "pixel_shuffle"
    spatial = (2,)
    upscale_factor = Integer("r: how much larger height and width become")

    def requires(self, input: Shape) -> Iterator[Problem]:
        square = self.upscale_factor**2
        if input.c % square:
            yield Problem(
                "pixel-shuffle-channels",
                f"`{self!r}` needs channels that divide by {square}, the input {input} has {input.c}",
                argument="upscale_factor",
                axes=("c",),
                help=f"put `conv({max(1, input.c // square) * square}, 3, padding=1)` before it",
            )

    def output(self, input: Shape) -> Shape:
        factor = self.upscale_factor
        channels = apply("//", input.c, apply("**", factor, 2))
        return input.with_spatial((times(axis.size, factor) for axis in input.spatial), channels)

    def reads(self, input: Shape) -> tuple[Reading, ...]:
        factor = int(self.upscale_factor)
        return (WHOLE, *(Reading(axis, factor, 1, ((0,),) * factor) for axis in (1, 2)))

    def keeps(self, input: Shape) -> Kept:
        return Kept()

    def torch(self, input: Shape) -> TorchCall:
        return TorchCall("nn.PixelShuffle", (TorchArgument(None, self.upscale_factor),))


@final
class ChannelShuffle(Layer):
    """Channels dealt out like cards: the first of every group, then the second of every group, and so on.

    Input `(batch, channels, *spatial)`, output the same. Source: Zhang et al. 2017, ShuffleNet.
    """

    word = "channel_shuffle"
    spatial = (1, 2, 3)
    groups = Integer("parts that the channels fall into")

    def requires(self, input: Shape) -> Iterator[Problem]:
        if input.c % self.groups:
            yield divisibility(self.word, "groups", self.groups, input.c, "input channels")

    def keeps(self, input: Shape) -> Kept:
        return Kept()

    def torch(self, input: Shape) -> TorchCall:
        return TorchCall("nn.ChannelShuffle", (TorchArgument(None, self.groups),))


@final
class Channels(Layer):
    """Some of the channels: a range, or a list of their numbers, counted from 0.

    Input `(batch, …, channels, …)`, output `(batch, …, picked, …)`. `channels(0, 16)` takes the first 16,
    `channels([0, 1, 5])` those three.
    """

    word = "channels"
    needs_channels = True
    sets_channels = True
    start = Integers("the first channel of the range; or the list", single=True)
    stop: Argument[int | None] = Integer("where the range ends: the first channel not taken", None)

    def requires(self, input: Shape) -> Iterator[Problem]:
        if isinstance(self.start, tuple) and self.stop is not None:
            yield self._unclear(f"`{self!r}` gives a list and a range", "leave `stop` out")
        elif isinstance(self.start, tuple):
            yield from self._missing(input, max(self.start), "start")
        elif self.stop is None:
            start = int(self.start)
            help = (
                f"write `channels({start}, {input.c})` for those from it on, `channels(0, {start})` for "
                f"those before it, `channels([{start}])` for it alone"
            )
            yield self._unclear(f"`{self!r}` does not say where the range ends", help)
        elif self.stop <= self.start:
            yield self._unclear(f"`{self!r}` is an empty range", "`stop` is not included: give a larger one")
        else:
            yield from self._missing(input, self.stop - 1, "stop")

    def _unclear(self, message: str, help: str) -> Problem:
        argument = "start" if self.stop is None else "stop"
        return Problem("channel-range", message, argument=argument, help=help)

    def _missing(self, input: Shape, last: int, argument: str) -> Iterator[Problem]:
        if last >= input.c:
            yield Problem(
                "no-such-channel",
                f"`{self!r}` takes channel {int(last)}, the input {input} has {input.c}",
                argument=argument,
                axes=("c",),
                help=f"the channels are 0 to {input.c - 1}",
            )

    def output(self, input: Shape) -> Shape:
        if isinstance(self.start, tuple):
            return input.with_sizes(c=apply("call", "len", self.start))
        assert self.stop is not None
        return input.with_sizes(c=self.stop if self.start == 0 else apply("-", self.stop, self.start))

    def reads(self, input: Shape) -> tuple[Reading, ...]:
        return tuple(Reading(axis) for axis in range(input.rank))

    def keeps(self, input: Shape) -> Kept:
        return Kept()

    def is_view(self, input: Shape, training: bool) -> bool:
        return not isinstance(self.start, tuple)

    def torch(self, input: Shape) -> TorchCall:
        dim = TorchArgument("dim", input.names.index("c") + 1, 1)
        start = TorchArgument(None, self.start)
        if isinstance(self.start, tuple):
            return TorchCall("ChannelPick", (start, dim), _CHANNEL_PICK)
        return TorchCall("ChannelRange", (start, TorchArgument(None, self.stop), dim), _CHANNEL_RANGE)
