"""The documentation of layers, made from their classes: the same facts for the terminal and for the docs.

conv(out_channels, kernel_size, stride=1, padding=0, …)

Convolution over one, two or three spatial axes, as many as the input has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.resources import files
from itertools import groupby
from textwrap import indent
from typing import Any

from netdsl.graph.shapes import Shape
from netdsl.layers.catalog import LAYERS
from netdsl.layers.layer import Argument, Boolean, Choice, Integers, Layer, Real, TorchCall, spell

FAMILIES = {
    "convolution": "Convolutions",
    "linear": "Linear layers",
    "pooling": "Pooling",
    "normalization": "Normalisation",
    "activation": "Activations",
    "regularization": "Regularisation",
    "reshape": "Shapes",
    "rearrange": "Shapes",
    "resize": "Sizes",
}
"""The heading of each module of layers."""


def signature(layer: type[Layer]) -> str:
    """How a layer is called, with its defaults."""
    parts = [
        name if argument.required else f"{name}={spell(argument.default)}"
        for name, argument in layer.arguments().items()
    ]
    parts += ["…"] if layer.extra is not None else []
    return f"{layer.word}({', '.join(parts)})" if parts else layer.word


def summary(layer: type[Layer]) -> str:
    """What a layer does, in its docstring's first sentence."""
    return _paragraphs(layer)[0]


def details(layer: type[Layer]) -> str:
    """The shapes of input and output, and the source."""
    return "\n\n".join(_paragraphs(layer)[1:])


def _paragraphs(layer: type[Layer]) -> list[str]:
    text = layer.__doc__ or ""
    return [
        "\n".join(line.strip() for line in part.strip().splitlines()) for part in text.strip().split("\n\n")
    ]


def arguments(layer: type[Layer]) -> list[tuple[str, str, str, str]]:
    """Each argument's name, default, what it takes, and what it means."""
    rows = [
        (name, "" if argument.required else spell(argument.default), argument.expects, argument.about)
        for name, argument in layer.arguments().items()
    ]
    return rows + ([("…", "", layer.extra.expects, layer.extra.about)] if layer.extra is not None else [])


def torch_modules(layer: type[Layer]) -> str:
    """The modules that a layer becomes, for inputs of every rank it takes and every kind of argument.

    >>> from netdsl.layers.pooling import MaxPool
    >>> torch_modules(MaxPool)
    '`nn.MaxPool1d/2d/3d`'
    """
    calls = list(torch_calls(layer))
    own = [call.target for call in calls if call.helper is None]
    made = dict.fromkeys(f"`{call.target}`" for call in calls if call.helper is not None)
    parts = [", ".join(_by_rank(own))] if own else []
    parts += [f"{' or '.join(made)}, printed into the source"] if made else []
    return "; or ".join(parts)


def _by_rank(targets: Iterable[str]) -> list[str]:
    """Names of torch, those that differ in their rank alone together."""
    ranks: dict[str, list[str]] = {}
    for target in dict.fromkeys(targets):
        stem, rank = (target[:-2], target[-2:]) if target[-2:] in ("1d", "2d", "3d") else (target, "")
        ranks.setdefault(stem, []).append(rank)
    return [f"`{stem}{'/'.join(found)}`" for stem, found in ranks.items()]


def torch_calls(layer: type[Layer]) -> Iterator[TorchCall]:
    """Constructions of a layer's module, at least one of every module that it may become."""
    examples = {name: argument.example for name, argument in layer.arguments().items()}
    variants = [examples]
    for name, argument in layer.arguments().items():
        variants += [{**examples, name: option} for option in _options(argument)]
    for count in layer.spatial or (0, 1, 2, 3):
        for values in variants:
            yield layer(**values).torch(Shape.of(*(1,) * (count + 1)))


def _options(argument: Argument[Any]) -> tuple[Any, ...]:
    """Values that may decide which module a layer becomes."""
    match argument:
        case Choice(options=options):
            return options
        case Boolean():
            return (True, False)
        case Integers(single=True):
            return ((1, 1),)
        case Real():
            return (1.0,)
        case _:
            return ()


def families(layers: Iterable[type[Layer]]) -> list[tuple[str, list[type[Layer]]]]:
    """The layers under their headings, in their own order."""
    return [(name, list(group)) for name, group in groupby(layers, key=_family)]


def _family(layer: type[Layer]) -> str:
    return FAMILIES[layer.__module__.rpartition(".")[2]]


def as_text(layer: type[Layer]) -> str:
    """A layer's documentation as one reads it in a terminal."""
    parts = [signature(layer), summary(layer)]
    if details(layer):
        parts.append(details(layer))
    parts.append(f"In torch: {torch_modules(layer)}.")
    rows = arguments(layer)
    if rows:
        names = [f"{name} = {default}" if default else name for name, default, _, _ in rows]
        widest = max(map(len, names))
        listed = [
            f"{name:<{widest}}  {about}; {expects}"
            for name, (_, _, expects, about) in zip(names, rows, strict=True)
        ]
        parts.append("arguments:\n" + indent("\n".join(listed), "  "))
    return "\n\n".join(parts) + "\n"


def as_markdown(layer: type[Layer]) -> str:
    """A layer's documentation as a section of a page."""
    parts = [f"### `{layer.word}`", f"```\n{signature(layer)}\n```", summary(layer)]
    if details(layer):
        parts.append(details(layer))
    parts.append(f"In torch: {torch_modules(layer)}.")
    rows = arguments(layer)
    if rows:
        table = ["| argument | default | takes | meaning |", "|---|---|---|---|"]
        table += [
            f"| `{name}` | {f'`{default}`' if default else ''} | {expects} | {about} |"
            for name, default, expects, about in rows
        ]
        parts.append("\n".join(table))
    return "\n\n".join(parts) + "\n"


def page() -> str:
    """The page of the documentation that describes every layer and shows the prelude."""
    parts = [_INTRODUCTION]
    for heading, layers in families(LAYERS):
        parts += [f"## {heading}\n", *(as_markdown(layer) for layer in layers)]
    prelude = files("netdsl.layers").joinpath("prelude.yaml").read_text("utf-8")
    parts.append(f"## Prelude\n\n```yaml\n{prelude}```\n")
    return "\n".join(parts)


_INTRODUCTION = """\
# Layers

Made from the classes in `netdsl/layers`; change those, not this page. `netdsl layers NAME` shows one of them.

Arguments have torch's names, order and defaults; what torch asks for and the input tells is left out, such as
`in_channels`. One number stands for every spatial axis, a list gives each its own. Shapes are written
`(batch, channels, *spatial)`, with `…` for any axes.
"""
