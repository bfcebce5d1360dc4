"""List the layers of the language, or document one of them.

The words of the prelude, which are written in the language itself, are shown as they are written.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from textwrap import dedent

from netdsl.analysis.prelude import prelude
from netdsl.cli.arguments import Parser
from netdsl.diagnostics import did_you_mean, fault
from netdsl.language.syntax import Block
from netdsl.layers.catalog import LAYERS, LAYERS_BY_WORD
from netdsl.layers.reference import as_text, families, summary

BUILT_IN = {
    "x": "the tensor that entered the block, as a layer; as a value its sizes: `x.c`, `x.h`, `x.w`, `x.d`",
    "id": "the current tensor, unchanged",
    "from": "`from(name)` gives back what a named step of this net or block, or an input, gave",
}
"""Words that are neither layers nor blocks."""


def configure(parser: Parser) -> None:
    """The verb's options."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a layer, or a word of the prelude")


def run(options: argparse.Namespace) -> int:
    """Prints one layer's documentation, or all layers with a sentence each."""
    name = options.name
    if name is None:
        print(_listing(), end="")
    elif name in LAYERS_BY_WORD:
        print(as_text(LAYERS_BY_WORD[name]), end="")
    elif name in definition():
        print(f"{definition()[name]}\n\na block of the prelude, written in the language itself")
    elif name in BUILT_IN:
        print(f"{name}\n\n{BUILT_IN[name]}")
    else:
        help = did_you_mean(name, (*LAYERS_BY_WORD, *definition())) or "`netdsl layers` lists them"
        raise fault("unknown-layer", f"there is no layer `{name}`", help=help)
    return 0


def definition() -> Mapping[str, str]:
    """The text of each block of the prelude, with its signature."""
    return {block.name: _text(block) for block in prelude()}


def _text(block: Block) -> str:
    text = block.span.source.text[block.span.start : block.body.span.end]
    head, newline, rest = text.partition("\n")
    return f"{head}{newline}{dedent(rest)}"


def _listing() -> str:
    blocks = prelude()
    names = [*LAYERS_BY_WORD, *BUILT_IN, *(block.name for block in blocks)]
    widest = max(map(len, names))
    lines = []
    for heading, layers in families(LAYERS):
        lines += ["", heading, *(f"  {layer.word:<{widest}}  {summary(layer)}" for layer in layers)]
    lines += ["", "Tensors by name", *(f"  {word:<{widest}}  {about}" for word, about in BUILT_IN.items())]
    lines += ["", "Prelude", *(f"  {block.name:<{widest}}  {block.span.text}" for block in blocks)]
    return "\n".join(lines[1:]) + "\n"
