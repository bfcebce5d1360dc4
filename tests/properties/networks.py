"""Random networks as texts: layers from the classes themselves, put together in every way the language has.

What is drawn is text, in a random layout, so that a network goes the whole way that a user's does. Parts
that must keep a shape (a residual's branch, a repeat) are drawn to keep it; nothing is filtered away.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from netdsl.graph.shapes import Shape
from netdsl.layers.catalog import LAYERS
from tests.strategies import bound_layers, shapes

LARGEST_ELEMENTS = 3000
"""Values of one sample between two layers; beyond it a pooling or a narrow layer is drawn."""

_KEEP = {
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "hardswish",
    "hardsigmoid",
    "sigmoid",
}
_KEEP |= {"tanh", "softplus", "dropout", "batchnorm", "affine"}
KEEPING = tuple(layer for layer in LAYERS if layer.word in _KEEP)
"""Layers that take any channels-first shape with channels and keep it."""

# instance normalization refuses a single value per channel, and the pools shrink what little there is
ANY = tuple(layer for layer in LAYERS if layer.word not in ("log_softmax", "softmax"))


class Text(NamedTuple):
    """An expression with the shape that comes out of it."""

    text: str
    output: Shape


class Drawn(NamedTuple):
    """A whole spec."""

    text: str
    input: Shape


@st.composite
def networks(draw: DrawFn) -> Drawn:
    """Specs that are right."""
    shape = draw(shapes(largest=7))
    blocks: list[str] = []
    stages: list[tuple[str, str]] = []
    passed: dict[str, Shape] = {}
    current = shape
    for number in range(draw(st.integers(1, 3))):
        body = draw(_body(current, blocks, passed))
        name = f"s{number}"
        stages.append((name, body.text))
        current = body.output
        passed[name] = current
    return Drawn(_document(draw, shape, blocks, stages), shape)


def _document(draw: DrawFn, shape: Shape, blocks: list[str], stages: list[tuple[str, str]]) -> str:
    """The spec in one of the layouts that say the same."""
    lines = ["name: drawn", f"input: [{', '.join(str(int(size)) for size in shape.sizes)}]"]
    if blocks:
        lines += ["blocks:", *(f"  {block}" for block in blocks)]
    recalls = any("from(" in text for _, text in stages)
    layout = "stages" if recalls else draw(st.sampled_from(["stages", "list", "chain", "quoted"]))
    if layout != "stages":  # there `x` is the net's input, not the stage's
        stages = [(name, text.replace("x + (", "id + (")) for name, text in stages]
    if layout == "stages":
        lines += ["net:", *(f"  {name}: {_folded(draw, text)}" for name, text in stages)]
    elif layout == "list":
        lines += ["net:", *(f"  - {_folded(draw, text)}" for _, text in stages)]
    else:
        joined = " -> ".join(f"({text})" for _, text in stages)
        lines.append(f"net: '{joined}'" if layout == "quoted" else f"net: {joined}")
    return "\n".join(lines) + "\n"


def _folded(draw: DrawFn, text: str) -> str:
    """The text over two lines, now and then."""
    first, arrow, rest = text.partition(" -> ")
    if arrow and first.count('"') % 2 == 0 and draw(st.integers(0, 3)) == 0:
        return f"{first} ->\n      {rest}"
    return f'"{text}"' if '"' not in text and draw(st.integers(0, 4)) == 0 else text


@st.composite
def _body(draw: DrawFn, shape: Shape, blocks: list[str], passed: dict[str, Shape]) -> Text:
    """A chain of one to four steps."""
    texts = []
    current = shape
    for number in range(draw(st.integers(1, 4))):
        step = draw(_step(current, blocks, passed if number == 0 else {}, first=number == 0))
        texts.append(step.text)
        current = step.output
    return Text(" -> ".join(texts), current)


@st.composite
def _step(draw: DrawFn, shape: Shape, blocks: list[str], passed: dict[str, Shape], first: bool) -> Text:
    if shape.elements > LARGEST_ELEMENTS:
        return (
            Text("global_avgpool", shape.with_spatial((1,) * len(shape.spatial)))
            if shape.spatial
            else Text("linear(4)", Shape.of(4))
        )
    makers: list[Callable[[DrawFn, Shape, list[str]], Text]] = [_leaf, _leaf]
    if shape.channels_first and "c" in shape:
        makers += [_residual, _gate, _repeat, _difference]
        if all(axis.name in "dhw" for axis in shape.spatial):
            makers += [_branches, _fan, _unrolled, _conditional_block, _layer_block]
    same = [name for name, other in passed.items() if other == shape]
    if same and draw(st.integers(0, 2)) == 0:
        return Text(f"(id + from({draw(st.sampled_from(same))}))", shape)
    made = draw(st.sampled_from(makers))(draw, shape, blocks)
    if first and made.text.startswith("(id + ("):
        return Text("(x + (" + made.text.removeprefix("(id + ("), made.output)
    return made


def _leaf(draw: DrawFn, shape: Shape, blocks: list[str]) -> Text:
    layer = draw(bound_layers(shape, ANY))
    return Text(repr(layer), layer.output(shape))


def _keeping(draw: DrawFn, shape: Shape) -> str:
    """A chain that keeps the shape."""
    steps = []
    for _ in range(draw(st.integers(1, 3))):
        mixing = [
            f"conv({int(shape.c)}, 1)",
            f"conv({int(shape.c)}, 3, padding=1)",
            "depthwise(3, padding=1)",
        ]
        mixing += [f"conv({int(shape.c)}, 3, padding=2, dilation=2, bias=false)"]
        if not shape.spatial:
            mixing = [f"linear({int(shape.c)})", f"linear({int(shape.c)}, bias=false)"]
        if draw(st.booleans()):
            steps.append(draw(st.sampled_from(mixing)))
        else:
            steps.append(repr(draw(bound_layers(shape, KEEPING))))
    return " -> ".join(steps)


def _mixing(draw: DrawFn, shape: Shape) -> tuple[str, int]:
    """A layer that sets the channels and keeps the rest."""
    channels = draw(st.integers(1, 6))
    if not shape.spatial:
        return f"linear({channels})", channels
    kernel = draw(st.sampled_from([1, 3, 5]))
    return f"conv({channels}, {kernel}, padding={kernel // 2})", channels


def _residual(draw: DrawFn, shape: Shape, blocks: list[str]) -> Text:
    return Text(f"(id + ({_keeping(draw, shape)}))", shape)


def _difference(draw: DrawFn, shape: Shape, blocks: list[str]) -> Text:
    return Text(f"(id - ({_keeping(draw, shape)}) - relu)", shape)


def _gate(draw: DrawFn, shape: Shape, blocks: list[str]) -> Text:
    if not shape.spatial:
        return Text("(id * sigmoid)", shape)
    return Text(f"(id * (global_avgpool -> conv({int(shape.c)}, 1) -> sigmoid))", shape)


def _repeat(draw: DrawFn, shape: Shape, blocks: list[str]) -> Text:
    return Text(f"({_keeping(draw, shape)}) * {draw(st.integers(0, 3))}", shape)


def _branches(draw: DrawFn, shape: Shape, blocks: list[str]) -> Text:
    parts = [_mixing(draw, shape) for _ in range(draw(st.integers(1, 3)))]
    text = " | ".join(["id", *(f"({part} -> relu)" for part, _ in parts)])
    channels = shape.c + sum(channels for _, channels in parts)
    return Text(f"({text})", shape.with_spatial((axis.size for axis in shape.spatial), channels))


def _fan(draw: DrawFn, shape: Shape, blocks: list[str]) -> Text:
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    layer = "conv(n, 1)" if shape.spatial else "linear(n)"
    text = f"concat({layer} -> tanh for n in {sizes})"
    return Text(text, shape.with_spatial((axis.size for axis in shape.spatial), sum(sizes)))


def _unrolled(draw: DrawFn, shape: Shape, blocks: list[str]) -> Text:
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    layer = "conv(n + i, 1)" if shape.spatial else "linear(n + i)"
    last = sizes[-1] + len(sizes) - 1
    text = f"({layer} -> elu for i, n in enumerate({sizes}))"
    return Text(text, shape.with_spatial((axis.size for axis in shape.spatial), last))


def _conditional_block(draw: DrawFn, shape: Shape, blocks: list[str]) -> Text:
    """A residual block with a projection where the channels change, used once or repeatedly."""
    mix = "conv(c, 1)" if shape.spatial else "linear(c)"
    wide = "conv(c, k, padding=k//2, bias=false)" if shape.spatial else "linear(c, bias=k > 1)"
    name = f"unit{len(blocks)}"
    blocks.append(f"{name}(c, k=3): ({wide} -> batchnorm -> relu) + (x if x.c == c else {mix}) -> relu")
    channels = draw(st.sampled_from([int(shape.c), draw(st.integers(1, 6))]))
    arguments = draw(st.sampled_from([f"{channels}", f"{channels}, 5", f"{channels}, k=1"]))
    repeats = draw(st.integers(1, 3))
    text = f"{name}({arguments})" + (f" * {repeats}" if repeats > 1 else "")
    return Text(text, shape.with_spatial((axis.size for axis in shape.spatial), channels))


def _layer_block(draw: DrawFn, shape: Shape, blocks: list[str]) -> Text:
    """A block with a layer for a parameter, which it hands on or uses twice."""
    mix = "conv(c, 1)" if shape.spatial else "linear(c)"
    name = f"act{len(blocks)}"
    blocks.append(f"{name}(c, f=relu): {mix} -> f -> {mix} -> f")
    channels = draw(st.integers(1, 6))
    layer = draw(
        st.sampled_from(["", ", tanh", ", f=leaky_relu(0.2)", ", sigmoid", f", {mix[:-3]}({channels}, 1)"])
    )
    if layer.startswith((", conv", ", linear")):
        layer = f", conv({channels}, 1) -> gelu" if shape.spatial else f", linear({channels}) -> gelu"
    return Text(
        f"{name}({channels}{layer})", shape.with_spatial((axis.size for axis in shape.spatial), channels)
    )


_OPTIONS = (
    ("true", "false"),
    ("same", "valid"),
    ("reflect", "replicate", "circular"),
    ("nearest", "nearest-exact", "area", "linear", "bilinear", "bicubic", "trilinear"),
    ("id", "x"),
)
"""Words that stand in each other's place; the last two are sources."""
_OTHERS = {word: [other for other in words if other != word] for words in _OPTIONS for word in words}
_OTHERS |= {plain: ["reflect", "replicate", "circular"] for plain in ("zeros", "constant")}  # of conv, of pad
_BARE = ("true", "false", "id", "x")
_QUOTED = sorted(_OTHERS.keys() - set(_BARE), key=len, reverse=True)
_MUTABLE = re.compile(
    r"(?<![\w.\"'])(?P<number>\d+)(?![\w.])|from\((?P<stage>\w+)\)"
    rf"|(?<![\w.-])(?P<word>{'|'.join(_BARE)})(?![\w.-])|\"(?P<option>{'|'.join(_QUOTED)})\""
)
"""What a mutation replaces: a whole number that stands alone, a word of an option, a source."""


@st.composite
def neighbours(draw: DrawFn, most: int = 8) -> list[Drawn]:
    """Specs of one network, each with one number, word or source replaced: right or wrong."""
    drawn = draw(networks())
    marker = "blocks:" if "blocks:" in drawn.text else "net:"
    head, _, body = drawn.text.partition(marker)
    stages = re.findall(r"^  (s\d):", body, re.MULTILINE)
    edits = [
        (group.span(name), other)
        for group in _MUTABLE.finditer(body)
        for name in [group.lastgroup or ""]
        for other in _replacements(name, group[name], stages)
    ]
    count = min(most, len(edits))
    chosen = (
        draw(st.lists(st.sampled_from(edits), min_size=count, max_size=count, unique=True)) if edits else []
    )
    texts = [head + marker + body[:start] + other + body[end:] for (start, end), other in chosen]
    return [Drawn(text, drawn.input) for text in texts or [drawn.text]]


def _replacements(kind: str, old: str, stages: list[str]) -> list[str]:
    if kind in ("word", "option"):
        return _OTHERS[old]
    if kind == "stage":
        return [name for name in stages if name != old]
    number = int(old)
    near = {number + 1, max(0, number - 1), number * 2, 0, number + 7}
    return [str(other) for other in sorted(near - {number})]


def mutants() -> SearchStrategy[Drawn]:
    """A spec with one number, word or source replaced."""
    return neighbours(most=1).map(lambda found: found[0])
