"""How values pass through a layer: which positions its output reads, and what its backward pass needs.

Two of a layer's facts, as inert data. `Reading` is what receptive fields are computed from, `Kept` what the
memory of training is; most layers need to state neither, since the defaults of `Layer` hold for whatever acts
on every position alone.

    conv(64, 3, stride=2, padding=1)   along an axis: unit m reads 2m-1, 2m, 2m+1; keeps its input
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product

from netdsl.records import value_record


@value_record()
class Reading:
    """How the positions along one axis of the input are read by those along an axis of the output.

    Unit `period * m + r` of the output's axis reads `step * m + offset` for every offset in `offsets[r]`, for
    any whole m and r from 0 to `period - 1`. What falls outside of the input is padding.
    """

    axis: int | None
    """The output's axis, counted without the batch. None: every unit reads all positions, or those it reads
    depend on more than one axis of the output and are not told apart."""
    period: int = 1
    step: int = 1
    offsets: Sequence[Sequence[int]] = ((0,),)


WHOLE = Reading(None)
"""Every unit of the output reads the whole axis."""

LONGEST_PERIOD = 2**12
"""Units that read differently; where there are more, all count as reading the whole axis."""


@value_record()
class Kept:
    """What autograd keeps of a layer from its forward to its backward pass, its own weights left out.

    As torch's derivatives (`tools/autograd/derivatives.yaml`) have it; all counts are for one sample unless
    they say otherwise.
    """

    input: bool = False
    """The input, where the layer's output takes a gradient."""
    input_for_itself: bool = False
    """The input, where the input itself takes a gradient as well."""
    output: bool = False
    values: int = 0
    """Further values in the activations' type, such as a padded copy."""
    statistics: int = 0
    """Further values in single precision, such as each sample's means."""
    batch_statistics: int = 0
    """The same, once for the whole batch."""
    indices: int = 0
    """Whole numbers of eight bytes, such as where each maximum was found."""
    mask: int = 0
    """Values that say what was dropped: a byte each on a GPU, on the CPU one of the activations' type."""
    flags: int = 0
    """Bytes."""


def sliding(axis: int, kernel: int, stride: int, dilation: int, before: int) -> Reading:
    """A window that slides over an axis with `before` cells of padding in front of it."""
    taps = range(-before, -before + dilation * (kernel - 1) + 1, dilation)
    return Reading(axis, 1, stride, (taps,))


def spreading(axis: int, kernel: int, stride: int, dilation: int, padding: int) -> Reading:
    """A window that slides over the output's axis, as in transposed convolution.

    Input i adds to the outputs i·stride − padding + dilation·j for j below the kernel; so output
    stride·m + r reads m + o where r + padding − stride·o is one of dilation·j.
    """
    if stride > LONGEST_PERIOD:
        return WHOLE
    reach = dilation * (kernel - 1)
    phases = []
    for phase in range(stride):
        last = (phase + padding) // stride
        first = -((reach - phase - padding) // stride)
        candidates = range(first, last + 1)
        phases.append(tuple(o for o in candidates if (phase + padding - stride * o) % dilation == 0))
    return Reading(axis, stride, 1, tuple(phases))


def covering(axis: int, kernel: int, stride: int, before: int) -> Reading:
    """All cells of the windows that hold a cell, for a window that slides over the axis."""
    if stride * kernel > LONGEST_PERIOD**2:
        return WHOLE
    windows = spreading(axis, kernel, stride, 1, before).offsets
    cells = [
        {stride * window - before + tap for window in phase for tap in range(kernel)} for phase in windows
    ]
    return Reading(axis, stride, stride, tuple(tuple(sorted(phase)) for phase in cells))


def binned(axis: int, inputs: int, outputs: int) -> Reading:
    """Windows of adaptive pooling: unit p reads from ⌊p·inputs/outputs⌋ to below ⌈(p+1)·inputs/outputs⌉."""
    if outputs == 1:
        return WHOLE
    common = math.gcd(inputs, outputs)
    period, step = outputs // common, inputs // common
    if period > LONGEST_PERIOD:
        return WHOLE
    offsets = tuple(range(p * step // period, -(-(p + 1) * step // period)) for p in range(period))
    return Reading(axis, period, step, offsets)


def regrouped(
    before: Sequence[Sequence[str]],
    after: Sequence[Sequence[str]],
    sizes: Mapping[str, int],
    channels: int | None,
) -> tuple[Reading, ...]:
    """Axes split into named parts, reordered and merged.

    Args:
        before: the parts of each axis of the input.
        after: the parts of each axis of the output.
        channels: the output's axis of channels; what moves there is read by every position.
    """
    places = {name: number for number, parts in enumerate(after) for name in parts}
    return tuple(_landing(parts, after, places, sizes, channels) for parts in before)


def _landing(
    parts: Sequence[str],
    after: Sequence[Sequence[str]],
    places: Mapping[str, int],
    sizes: Mapping[str, int],
    channels: int | None,
) -> Reading:
    moved = [name for name in parts if places[name] != channels]
    axes = {places[name] for name in moved if sizes[name] > 1} or {places[name] for name in moved}
    if len(axes) != 1:
        return WHOLE
    axis = axes.pop()
    weights = {name: math.prod(sizes[n] for n in parts[i + 1 :]) for i, name in enumerate(parts)}
    leading, *others = after[axis]
    free = [[digit * weights[n] for digit in range(sizes[n])] for n in parts if places[n] != axis]
    within = sorted(sum(digits) for digits in product(*free))
    turning = [[digit * weights.get(n, 0) for digit in range(sizes[n])] for n in others]
    offsets = tuple(tuple(sum(digits) + o for o in within) for digits in product(*turning))
    return Reading(axis, len(offsets), weights.get(leading, 0), offsets)
