"""Random shapes and layers, drawn from the layer classes themselves.

An argument is drawn from its own declaration: an `Integer` gives whole numbers within its bounds, a `Choice`
one of its options. What an argument owes to the input or to the arguments before it (groups divide the
channels, a kernel fits its axis) stands in `FITTING`, one function per rule, so that what is drawn fits by
construction and nothing is filtered away. A layer that joins the catalogue is drawn without a line here; it
needs one only for rules of its own.

`bound_layers(shape)` gives layers that take the shape. `loose_layers(shape)` gives any layer, with a few of
its arguments drawn without regard to the input: mostly wrong ones, and ones just inside.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from netdsl.graph.shapes import Shape
from netdsl.layers.arguments import (
    Argument,
    Boolean,
    Choice,
    FactorPerAxis,
    Integer,
    Integers,
    PerAxis,
    Real,
    Text,
)
from netdsl.layers.catalog import LAYERS
from netdsl.layers.layer import Layer
from netdsl.layers.resize import Upsample

Values = Mapping[str, Any]
"""The arguments drawn so far, by name."""

_NAMES = {0: "c", 1: "c w", 2: "c h w", 3: "c d h w"}


@st.composite
def shapes(draw: DrawFn, spatial: Sequence[int] = (0, 1, 2, 3), largest: int = 9) -> Shape:
    """Shapes as the input of a network has them: channels first, then spatial axes."""
    count = draw(st.sampled_from(spatial))
    sizes = [draw(st.integers(1, largest)) for _ in range(count)]
    channels = draw(st.sampled_from([1, 2, 3, 4, 6, 8, 9, 12, 16]))
    return Shape.named(_NAMES[count].split(), [channels, *sizes])


@st.composite
def any_shapes(draw: DrawFn) -> Shape:
    """Shapes as `rearrange` leaves them: with the channels anywhere, or without any."""
    shape = draw(shapes())
    axes = draw(st.permutations(shape.axes))
    renamed = draw(st.booleans()) and draw(st.booleans())
    names = [f"{axis.name}x" if renamed and axis.name != "h" else axis.name for axis in axes]
    return Shape.named(names, [axis.size for axis in axes])


def accepts(layer: type[Layer], shape: Shape) -> bool:
    """Whether there are arguments with which the layer takes the shape."""
    if layer.spatial is None:
        return "c" in shape or not layer.needs_channels
    if not shape.channels_first or len(shape.spatial) not in layer.spatial:
        return False
    return layer.word != "instancenorm" or any(axis.size > 1 for axis in shape.spatial)


def bound_layers(shape: Shape, layers: Sequence[type[Layer]] = LAYERS) -> SearchStrategy[Layer]:
    """Layers that take the shape, every class among `layers` that can as often as any other."""
    able = [layer for layer in layers if accepts(layer, shape)]
    return st.sampled_from(able).flatmap(
        lambda layer: arguments_for(layer, shape).map(lambda v: bind(layer, v))
    )


def loose_layers(shape: Shape, layers: Sequence[type[Layer]] = LAYERS) -> SearchStrategy[Layer]:
    """Layers whose arguments, or whose kind, may or may not suit the shape."""
    chosen = st.sampled_from(list(layers))
    return chosen.flatmap(lambda layer: loose_arguments_for(layer, shape).map(lambda v: bind(layer, v)))


def bind(layer: type[Layer], values: Values) -> Layer:
    """A layer of values as a spec would give them, each read by its argument."""
    arguments = layer.arguments()
    read = {}
    for name, value in values.items():
        argument = arguments.get(name, layer.extra)
        assert argument is not None
        read[name] = argument.read(value)
    return layer(**read)


@st.composite
def arguments_for(draw: DrawFn, layer: type[Layer], shape: Shape) -> dict[str, Any]:
    """Arguments with which the layer takes the shape; those left out take their defaults."""
    if layer.word in WHOLE:
        return WHOLE[layer.word](draw, shape)
    values: dict[str, Any] = {}
    for name, argument in layer.arguments().items():
        fitting = FITTING.get(f"{layer.word}.{name}") or FITTING.get(name)
        values[name] = fitting(draw, shape, values) if fitting else draw(declared(argument, shape))
    return values


@st.composite
def loose_arguments_for(draw: DrawFn, layer: type[Layer], shape: Shape) -> dict[str, Any]:
    """Arguments that each take their value, though perhaps not together, nor for this shape."""
    fits = accepts(layer, shape)
    values = draw(arguments_for(layer, shape if fits else _SOME[(layer.spatial or (2,))[-1]]))
    arguments = layer.arguments()
    most = min(3, len(arguments))
    for name in draw(st.lists(st.sampled_from(list(arguments) or [""]), unique=True, max_size=most)):
        values[name] = draw(declared(arguments[name], shape, wide=True))
    return values


_SOME = {count: Shape.named(names.split(), [12, 6, 5, 4][: count + 1]) for count, names in _NAMES.items()}


def declared(argument: Argument[Any], shape: Shape, wide: bool = False) -> SearchStrategy[Any]:
    """Values that an argument takes by its declaration; `wide` ones reach further."""
    reach = 12 if wide else 3
    found: SearchStrategy[Any]
    match argument:
        case Integer():
            found = st.integers(argument.minimum, min(argument.maximum, max(1, argument.minimum) + reach))
        case Real():
            least = max(argument.minimum, -2.0) if argument.above is None else argument.above + 1e-6
            found = st.floats(least, min(argument.maximum, 2.0))
        case Boolean():
            found = st.booleans()
        case Choice():
            found = st.sampled_from(argument.options)
        case PerAxis():
            one = st.integers(argument.minimum, argument.minimum + (8 if wide else 2))
            count = max(1, len(shape.spatial))
            lengths = st.sampled_from([count, count, count, 1, 2, 3, 4] if wide else [count])
            lists = lengths.flatmap(lambda n: st.tuples(*[one] * n))
            found = st.one_of(one, lists, *(st.just(word) for word in argument.words))
        case FactorPerAxis():
            one_factor = st.sampled_from([0.05, 0.3, 0.5, 1, 1.5, 2, 2.3, 3])
            found = st.one_of(one_factor, st.tuples(*[one_factor] * max(1, len(shape.spatial))))
        case Integers():
            items = st.integers(argument.minimum, argument.minimum + 5)
            lists = st.lists(items, min_size=1, max_size=6).map(tuple)
            found = st.one_of(items, lists) if argument.single else lists
        case Text():
            found = st.sampled_from(_PATTERNS)
        case _:
            raise NotImplementedError(f"no values are known for {type(argument).__name__}")
    return found if argument.required else st.one_of(st.just(argument.default), found)


def divisors(number: int) -> list[int]:
    return [n for n in range(1, number + 1) if number % n == 0]


def spread(value: Any, shape: Shape) -> tuple[Any, ...]:
    """A value for each spatial axis."""
    return value if isinstance(value, tuple) else (value,) * len(shape.spatial)


def within(draw: DrawFn, bounds: Sequence[tuple[int, int]], default: int | None = None) -> Any:
    """A number that suits the bounds of every axis, or a list with one for each; now and then the default."""
    lowest, highest = max(low for low, _ in bounds), min(high for _, high in bounds)
    if default is not None and lowest <= default <= highest and draw(st.booleans()):
        return default
    if lowest <= highest and draw(st.booleans()):
        return draw(st.integers(lowest, highest))
    return tuple(draw(st.integers(low, high)) for low, high in bounds)


# Rules between arguments, and between arguments and the input


def _groups(draw: DrawFn, shape: Shape, values: Values) -> int:
    return draw(st.sampled_from(divisors(math.gcd(shape.c, values.get("out_channels", shape.c)))))


def _upscale_factor(draw: DrawFn, shape: Shape, values: Values) -> int:
    return draw(st.sampled_from([n for n in range(1, 5) if shape.c % n**2 == 0]))


def _kernel_size(draw: DrawFn, shape: Shape, values: Values) -> Any:
    """Up to two beyond the axis, for `_padding` to make up for."""
    return within(draw, [(1, min(5, axis.size + 2)) for axis in shape.spatial])


def _avgpool_kernel_size(draw: DrawFn, shape: Shape, values: Values) -> Any:
    beyond = 0 if len(shape.spatial) == 3 else 2
    return within(draw, [(1, min(5, axis.size + beyond)) for axis in shape.spatial])


def _missing(shape: Shape, values: Values) -> list[int]:
    """The padding that each axis needs at least for the kernel to fit."""
    kernels = spread(values["kernel_size"], shape)
    return [max(0, -((axis.size - k) // 2)) for axis, k in zip(shape.spatial, kernels, strict=True)]


def _conv_padding(draw: DrawFn, shape: Shape, values: Values) -> Any:
    words = ["same"] if all(stride == 1 for stride in spread(values["stride"], shape)) else []
    missing = _missing(shape, values)
    words += ["valid"] if not any(missing) else []
    if words and draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(words))
    return within(draw, [(least, least + 2) for least in missing], default=0)


def _pool_padding(draw: DrawFn, shape: Shape, values: Values) -> Any:
    kernels = spread(values["kernel_size"], shape)
    return within(
        draw, [(m, k // 2) for m, k in zip(_missing(shape, values), kernels, strict=True)], default=0
    )


def _dilation(draw: DrawFn, shape: Shape, values: Values) -> Any:
    if isinstance(values["padding"], str):
        room = [k if values["padding"] == "same" else axis.size for k, axis in _kernels(shape, values)]
    else:
        paddings = spread(values["padding"], shape)
        room = [axis.size + 2 * padding for axis, padding in zip(shape.spatial, paddings, strict=True)]
    if values["padding"] == "same":
        return within(draw, [(1, 3)] * len(shape.spatial), default=1)
    kernels = spread(values["kernel_size"], shape)
    bounds = [(1, min(3, (n - 1) // (k - 1)) if k > 1 else 3) for n, k in zip(room, kernels, strict=True)]
    return within(draw, bounds, default=1)


def _kernels(shape: Shape, values: Values) -> list[tuple[int, Any]]:
    return list(zip(spread(values["kernel_size"], shape), shape.spatial, strict=True))


def _padding_mode(draw: DrawFn, shape: Shape, values: Values) -> str:
    if values["padding"] == "valid":
        sides: list[int] = [0] * len(shape.spatial)
    elif values["padding"] == "same":
        reach = zip(spread(values["dilation"], shape), spread(values["kernel_size"], shape), strict=True)
        sides = [(dilation * (kernel - 1) + 1) // 2 for dilation, kernel in reach]
    else:
        sides = list(spread(values["padding"], shape))
    return draw(st.sampled_from(_modes(shape, sides, "zeros")))


def _modes(shape: Shape, sides: Sequence[int], plain_mode: str) -> list[str]:
    """The ways to pad that reach as far as `sides` on each axis."""
    modes = [plain_mode, "replicate"]
    modes += ["circular"] if all(p <= a.size for p, a in zip(sides, shape.spatial, strict=True)) else []
    return modes + (["reflect"] if all(p < a.size for p, a in zip(sides, shape.spatial, strict=True)) else [])


def _transposed_padding(draw: DrawFn, shape: Shape, values: Values) -> Any:
    windows = zip(shape.spatial, spread(values["stride"], shape), _kernels(shape, values), strict=True)
    return within(draw, [(0, ((axis.size - 1) * stride + k - 1) // 2) for axis, stride, (k, _) in windows], 0)


def _output_padding(draw: DrawFn, shape: Shape, values: Values) -> Any:
    return within(draw, [(0, stride - 1) for stride in spread(values["stride"], shape)], 0)


def _any_dilation(draw: DrawFn, shape: Shape, values: Values) -> Any:
    return within(draw, [(1, 3)] * len(shape.spatial), 1)


def _slopes(draw: DrawFn, shape: Shape, values: Values) -> int:
    return draw(st.sampled_from([1, shape.c] if shape.channels_first else [1]))


def _dim(draw: DrawFn, shape: Shape, values: Values) -> int | None:
    dims: list[int | None] = [*range(1, shape.rank + 1), *range(-shape.rank, 0)]
    return draw(st.sampled_from([*dims, None] if "c" in shape else dims))


def _sizes(draw: DrawFn, shape: Shape, values: Values) -> tuple[int, ...]:
    rest = shape.elements
    sizes = []
    for _ in range(draw(st.integers(0, 3))):
        sizes.append(draw(st.sampled_from(divisors(rest))))
        rest //= sizes[-1]
    sizes.insert(draw(st.integers(0, len(sizes))), rest)
    if draw(st.booleans()):
        sizes[draw(st.integers(0, len(sizes) - 1))] = -1
    return tuple(sizes)


def _mode(draw: DrawFn, shape: Shape, values: Values) -> str:
    count = len(shape.spatial)
    interpolations = {1: ["linear"], 2: ["bilinear", "bicubic"], 3: ["trilinear"]}[count]
    return draw(st.sampled_from(["nearest", "area", "nearest-exact", *interpolations]))


def _align_corners(draw: DrawFn, shape: Shape, values: Values) -> bool | None:
    may = "linear" in values["mode"] or values["mode"] == "bicubic"
    return draw(st.sampled_from([None, True, False])) if may else None


def _upsample_size(draw: DrawFn, shape: Shape, values: Values) -> Any:
    return draw(st.one_of(st.none(), declared(Upsample.arguments()["size"], shape)))


def _scale_factor(draw: DrawFn, shape: Shape, values: Values) -> Any:
    if values["size"] is not None:
        return None
    factors = [
        st.sampled_from([f for f in (0.5, 0.7, 1, 1.5, 2, 2.3) if int(a.size * f)]) for a in shape.spatial
    ]
    return draw(st.one_of(st.sampled_from([1, 2, 1.3]), st.tuples(*factors)))


def _sides(draw: DrawFn, shape: Shape, values: Values) -> Any:
    each = st.integers(0, 3)
    return draw(st.one_of(each, st.tuples(*[each] * (2 * len(shape.spatial)))))


def _pad_mode(draw: DrawFn, shape: Shape, values: Values) -> str:
    padding = values["padding"]
    pairs = len(shape.spatial)
    given = padding if isinstance(padding, tuple) else (padding,) * (2 * pairs)
    sides = [max(given[2 * i : 2 * i + 2]) for i in reversed(range(pairs))]
    return draw(st.sampled_from(_modes(shape, sides, "constant")))


def _pad_value(draw: DrawFn, shape: Shape, values: Values) -> float:
    return draw(st.floats(-2, 2)) if values["mode"] == "constant" else 0.0


def _pad_channels(draw: DrawFn, shape: Shape, values: Values) -> Any:
    each = st.integers(0, 3)
    return draw(st.one_of(each, st.tuples(each, each))) if values["mode"] == "constant" else 0


def _crop_size(draw: DrawFn, shape: Shape, values: Values) -> Any:
    return within(draw, [(1, axis.size) for axis in shape.spatial])


def _divisor(draw: DrawFn, shape: Shape, values: Values) -> int | None:
    return draw(st.one_of(st.none(), st.integers(1, 9))) if len(shape.spatial) > 1 else None


def _kept(draw: DrawFn, shape: Shape, values: Values) -> Any:
    size = st.integers(1, 7)
    return draw(st.one_of(size, st.tuples(*[st.one_of(st.none(), size)] * len(shape.spatial))))


FITTING: Mapping[str, Callable[[DrawFn, Shape, Values], Any]] = {
    "groups": _groups,
    "num_groups": _groups,
    "pieces": _groups,
    "upscale_factor": _upscale_factor,
    "kernel_size": _kernel_size,
    "avgpool.kernel_size": _avgpool_kernel_size,
    "padding": _conv_padding,
    "maxpool.padding": _pool_padding,
    "switches.padding": _pool_padding,
    "avgpool.padding": _pool_padding,
    "dilation": _dilation,
    "padding_mode": _padding_mode,
    "conv_transpose.padding": _transposed_padding,
    "conv_transpose.dilation": _any_dilation,
    "output_padding": _output_padding,
    "num_parameters": _slopes,
    "dim": _dim,
    "sizes": _sizes,
    "output_size": _kept,
    "upsample.size": _upsample_size,
    "scale_factor": _scale_factor,
    "upsample.mode": _mode,
    "align_corners": _align_corners,
    "pad.padding": _sides,
    "pad.mode": _pad_mode,
    "value": _pad_value,
    "pad.channels": _pad_channels,
    "crop.size": _crop_size,
    "divisor_override": _divisor,
}
"""By `layer.argument`, or by the argument alone: what fits the shape and the arguments before it."""


# Layers whose arguments are drawn together


def _flatten(draw: DrawFn, shape: Shape) -> dict[str, Any]:
    first = draw(st.integers(1, shape.rank))
    last = draw(st.integers(first, shape.rank))
    merged = "".join(axis.name for axis in shape.axes[first - 1 : last])
    if merged in shape.names[: first - 1] + shape.names[last:]:
        first, last = 1, shape.rank
    from_behind = -1 - shape.rank
    start, end = (
        draw(st.sampled_from([first, first + from_behind])),
        draw(st.sampled_from([last, last + from_behind])),
    )
    return {"start_dim": start, "end_dim": end}


def _channels(draw: DrawFn, shape: Shape) -> dict[str, Any]:
    number = st.integers(0, shape.c - 1)
    if draw(st.booleans()):
        return {"start": tuple(draw(st.lists(number, min_size=1, max_size=4)))}
    start = draw(number)
    return {"start": start, "stop": draw(st.integers(start + 1, shape.c))}


def _rearrange(draw: DrawFn, shape: Shape) -> dict[str, Any]:
    """A pattern made by splitting some axes, shuffling the parts and joining neighbours."""
    left, parts, sizes = [], [], {}
    free = (name for number in count() if (name := f"p{number}") not in shape.names)
    for axis in shape.axes:
        inner = draw(st.sampled_from(divisors(axis.size)))
        if axis.name == "1":
            left.append("1")
        elif draw(st.booleans()):
            part = next(free)
            left.append(f"({axis.name} {part})" if draw(st.booleans()) else f"({part} {axis.name})")
            parts += [axis.name, part]
            sizes[part] = inner
        else:
            left.append(axis.name)
            parts.append(axis.name)
    order = draw(st.permutations(parts))
    right: list[list[str]] = []
    for name in order:
        if right and (len(right) == 4 or draw(st.booleans())):
            right[-1].append(name)
        else:
            right.append([name])
    sides = [name[0] if len(name) == 1 else f"({' '.join(name)})" for name in right]
    sides += ["1"] if not sides or draw(st.integers(0, 5)) == 0 else []
    return {"pattern": f"{' '.join(left)} -> {' '.join(sides)}", **sizes}


WHOLE: Mapping[str, Callable[[DrawFn, Shape], dict[str, Any]]] = {
    "flatten": _flatten,
    "channels": _channels,
    "rearrange": _rearrange,
}
"""Layers whose arguments make sense only together."""

_PATTERNS = (
    "c -> c",
    "c h w -> (c h w)",
    "c h w -> h w c",
    "c d h w -> (c d) h w",
    "h c w -> c h w",
    "c h w -> c (w h)",
    "c w -> c",
    "c 1 w -> c w",
    "c w -> c w 1 1",
    "c (h p) w -> (c p) h w",
    "(c p) h -> c (h p)",
    "c (h p w -> c h p w",
    "c ((h p)) w -> c h p w",
    "c h w",
    "c h w -> -> c",
    "c h h -> c h",
    "c h w -> c h w t",
    "c 2 w -> c w",
    "c ... -> c",
    "a b c -> (a b) c",
    "a b -> b a",
    "c h w -> ",
    "c, h, w -> c",
    "hw c -> c hw",
)
"""Patterns that some shapes take and others do not, and some that nothing takes."""
