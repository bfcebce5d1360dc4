"""Lints of how layers follow each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from netdsl.analysis.lints.flow import Flow, Point
from netdsl.diagnostics import Diagnostic, Edit, Label, Span
from netdsl.diagnostics.edits import without_step, write
from netdsl.graph.graph import Network
from netdsl.graph.shapes import Shape

CONVOLUTIONS = ("conv", "conv_transpose", "depthwise")
LINEAR_MAPS = (*CONVOLUTIONS, "linear")
NORMALIZATIONS = ("batchnorm", "instancenorm")
"""Those that subtract a mean over positions, and with it any constant of a channel."""
STILL_LINEAR = ("dropout", "spatial_dropout", "flatten", "affine", "scale", "batchnorm")
"""What may stand between two linear layers without making two of one."""
IDEMPOTENT = ("relu", "relu6", "hardsigmoid")
"""Activations that do nothing the second time."""
DROPOUTS = ("dropout", "spatial_dropout")
SIGMOIDS_IN_A_ROW = 5
"""Behind so many, what is left of a gradient is at most 1/4**5, a thousandth."""
HEAVY_SHARE = 0.9
"""The share of all parameters from which one linear layer is heavy."""


def lint_layers(network: Network, flow: Flow) -> Iterator[Diagnostic]:
    """Everything that the flow of layers gives to ask about."""
    has_convolutions = any(point.kind in CONVOLUTIONS for point in flow.points)
    for point in flow.points:
        if point.layer is None:
            continue
        yield from _bias_before_norm(flow, point)
        yield from _linear_linear(flow, point)
        yield from _activation_twice(flow, point)
        yield from _dropout_before_norm(flow, point)
        yield from _stride_skips(flow, point)
        yield from _pool_drops(point)
        yield from _no_effect(point)
        yield from _norm_twice(flow, point)
        if has_convolutions:
            yield from _heavy_linear(network, point)
    yield from _sigmoid_chain(flow)


def warning(code: str, message: str, span: Span, help: str, *labels: Label, **more: Any) -> Diagnostic:
    return Diagnostic(
        code=code, message=message, span=span, severity="warning", help=help, labels=labels, **more
    )


def _bias_before_norm(flow: Flow, point: Point) -> Iterator[Diagnostic]:
    if point.kind not in LINEAR_MAPS or not point.layer.bias:  # type: ignore[union-attr]
        return
    norm = flow.only_reader(point)
    if norm is not None and norm.kind in NORMALIZATIONS:
        yield warning(
            "bias-before-norm",
            f"the bias of `{point.kind}` is subtracted again by the `{norm.kind}` behind it",
            point.span,
            "write `bias=false`",
            Label(norm.span, "subtracts every channel's mean"),
            fix=_without_bias(point),
        )


def _without_bias(point: Point) -> tuple[Edit, ...]:
    """The edit that takes a layer's bias away, where the layer is written out where it stands."""
    span, text = point.span, point.span.text
    if not text.startswith(f"{point.kind}(") or not text.endswith(")") or "bias" in text:
        return ()
    return (Edit(Span(span.source, span.end - 1, span.end - 1), ", bias=false"),)


def _linear_linear(flow: Flow, point: Point) -> Iterator[Diagnostic]:
    if point.kind != "linear":
        return
    following = flow.only_reader(point)
    while following is not None and following.kind in STILL_LINEAR:
        following = flow.only_reader(following)
    if following is not None and following.kind == "linear":
        yield warning(
            "linear-linear",
            "two `linear` with nothing bent between them are one linear map",
            following.span,
            "put an activation between them, or leave one out",
            Label(point.span, "the first"),
        )


def _activation_twice(flow: Flow, point: Point) -> Iterator[Diagnostic]:
    if point.kind not in IDEMPOTENT:
        return
    before = flow.source(point)
    if before is not None and before.kind == point.kind:
        yield warning(
            "activation-twice",
            f"`{point.kind}` of what `{point.kind}` gave changes nothing",
            point.span,
            "leave one out",
            Label(before.span, "the first"),
            fix=without_step(point.span) if _is_written_behind(point, before) else (),
        )


def _is_written_behind(point: Point, before: Point) -> bool:
    """Whether a layer is written out, arguments and all, right behind another in the text."""
    first, second = before.span, point.span
    between = second.source.text[first.end : second.start] if first.source is second.source else ""
    return between.strip() == "->" and _is_literal(point)


def _is_literal(point: Point) -> bool:
    """Whether nothing in a layer's text depends on where it is used."""
    names = re.findall(r"[A-Za-z_]\w*", re.sub(r"\w+\s*=(?!=)", "", point.span.text))
    return names[:1] == [point.kind] and not set(names[1:]) - {"true", "false", "none"}


def _norm_twice(flow: Flow, point: Point) -> Iterator[Diagnostic]:
    if point.kind not in ("batchnorm", "instancenorm", "layernorm", "groupnorm"):
        return
    before = flow.source(point)
    if before is not None and before.kind == point.kind:
        yield warning(
            "norm-twice",
            f"`{point.kind}` normalises what `{point.kind}` normalised",
            point.span,
            "leave one out",
            Label(before.span, "the first"),
            fix=without_step(point.span) if _is_written_behind(point, before) else (),
        )


def _dropout_before_norm(flow: Flow, point: Point) -> Iterator[Diagnostic]:
    if point.kind not in DROPOUTS or not point.layer.p:  # type: ignore[union-attr]
        return
    following = flow.only_reader(point)
    while following is not None and following.layer is not None and following.kind != "batchnorm":
        following = flow.only_reader(following)
    if following is not None and following.kind == "batchnorm":
        yield warning(
            "dropout-before-norm",
            f"`{point.kind}` stands before a `batchnorm`, whose variance is another when nothing is dropped",
            point.span,
            "drop behind the last `batchnorm`",
            Label(following.span, "keeps the variance that it saw in training"),
        )


def _stride_skips(flow: Flow, point: Point) -> Iterator[Diagnostic]:
    """Cells that no reader looks at: a shortcut may skip what the branch beside it reads."""
    if not _skips(point):
        return
    readers = flow.readers[point.inputs[0]]
    if any(not _skips(reader) for reader in readers):
        return
    stride, kernel = _windows(point)
    yield warning(
        "stride-skips",
        f"a stride of {max(stride)} steps over cells that a window of {_spelled(kernel)} does not reach",
        point.span,
        "let the window be at least as wide as the stride",
    )


def _skips(point: Point) -> bool:
    if point.kind not in ("conv", "depthwise", "maxpool", "avgpool"):
        return False
    stride, kernel = _windows(point)
    axes = zip(stride, kernel, point.input.spatial, strict=True)
    return any(step > window and axis.size > window for step, window, axis in axes)


def _windows(point: Point) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A layer's stride and window for each axis."""
    layer: Any = point.layer
    kernel = layer.each(layer.kernel_size, point.input)
    stride = kernel if layer.stride is None else layer.each(layer.stride, point.input)
    return stride, kernel


def _spelled(sizes: tuple[int, ...]) -> str:
    return str(sizes[0]) if len(set(sizes)) == 1 else "×".join(map(str, sizes))


def _pool_drops(point: Point) -> Iterator[Diagnostic]:
    if point.kind not in ("maxpool", "avgpool") or point.layer.ceil_mode:  # type: ignore[union-attr]
        return
    dropped = [
        f"the last {lost} of {axis.size} along the {axis.word}"
        for axis, lost in zip(point.input.spatial, _lost(point), strict=True)
        if lost > 0
    ]
    if dropped:
        yield warning(
            "pool-drops",
            f"`{point.kind}` never looks at {' and '.join(dropped)}",
            point.span,
            "write `ceil_mode=true`, or pad, or choose an input size that fits",
        )


def _lost(point: Point) -> list[int]:
    """How many cells of each axis lie behind the last window, where windows leave no gaps."""
    stride, kernel = _windows(point)
    layer: Any = point.layer
    paddings = layer.each(layer.padding, point.input)
    taps = layer.each(getattr(layer, "dilation", 1), point.input)
    rows = zip(point.input.spatial, point.output.spatial, stride, kernel, paddings, taps, strict=True)
    return [
        axis.size - ((out.size - 1) * step + tap * (window - 1) + 1 - padding) if step <= window else 0
        for axis, out, step, window, padding, tap in rows
    ]


def _no_effect(point: Point) -> Iterator[Diagnostic]:
    layer: Any = point.layer
    is_idle = (point.kind in DROPOUTS and layer.p == 0) or (
        point.kind in ("maxpool", "avgpool")
        and all(size == 1 for sizes in _windows(point) for size in sizes)
        and _same(point.input, point.output)
    )
    if is_idle:
        yield warning(
            "no-effect",
            f"`{point.span.text}` gives what it takes",
            point.span,
            "leave it out, or write `id`",
            fix=(without_step(point.span) or write(point.span, "id")) if _is_literal(point) else (),
        )


def _same(first: Shape, second: Shape) -> bool:
    return first.sizes == second.sizes


def _heavy_linear(network: Network, point: Point) -> Iterator[Diagnostic]:
    if point.kind != "linear":
        return
    layer: Any = point.layer
    own, all_of_them = layer.params(point.input), network.costs.params
    if own > HEAVY_SHARE * all_of_them:
        yield warning(
            "heavy-linear",
            f"one `linear` holds {own / all_of_them:.1%} of the parameters: {int(own):,} of {all_of_them:,}",
            point.span,
            "pool before it: with `global_avgpool` it takes one value of each channel",
        )


def _sigmoid_chain(flow: Flow) -> Iterator[Diagnostic]:
    """Where so many sigmoids stand one behind the other that no gradient is left at the first."""
    counts: dict[int, int] = {}
    for point in flow.points:
        behind = [counts.get(number, 0) for number in point.inputs]
        count = min(behind) if point.kind == "add" else max(behind)
        if point.kind in ("batchnorm", "layernorm", "groupnorm", "instancenorm"):
            count = 0
        elif point.kind == "sigmoid" and not _is_gate(flow, point):
            count += 1
            if count == SIGMOIDS_IN_A_ROW:
                yield warning(
                    "sigmoid-chain",
                    f"{count} `sigmoid` one behind the other: each leaves at most a quarter of the gradient",
                    point.span,
                    "use `relu`, or normalise between them",
                )
        counts[point.number] = count


def _is_gate(flow: Flow, point: Point) -> bool:
    reader = flow.only_reader(point)
    return reader is not None and reader.kind == "mul"
