"""Draw a network: a tree in the terminal, an SVG, or a page in which blocks open and close.

    netdsl show resnet50
    netdsl show resnet50 --graph svg --depth 2 -o resnet50.svg
    netdsl show resnet50 --graph html -o resnet50.html

Unless told how deep, the drawing is opened up as far as fits a page.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from netdsl import compiler
from netdsl.backends.diagram.drawing import draw
from netdsl.backends.diagram.members import DEEPEST, box_count, levels_within
from netdsl.cli.arguments import Parser, add_spec_options, one_of, plugins, settings, whole_number
from netdsl.cli.table import columns_of
from netdsl.cli.tree_table import tree_table
from netdsl.diagnostics import Source, fault
from netdsl.diagnostics.render import style_for
from netdsl.graph.graph import Network

PAGE = 44
"""Boxes that a drawing has unless one asks for more."""
MOST_BOXES = 20_000
"""Boxes of the largest drawing."""
MOST_IN_PAGE = 4_000
"""Boxes that are put into an HTML page to be opened there."""


def configure(parser: Parser) -> None:
    """The verb's options."""
    parser.add_argument("spec", metavar="SPEC", help="a file, or the name of a shipped spec")
    depth = parser.add_mutually_exclusive_group()
    depth.add_argument(
        "--depth", type=whole_number(1), metavar="N", help="how many levels of blocks are opened up"
    )
    depth.add_argument("--expanded", action="store_true", help="open up everything")
    parser.add_argument(
        "--graph",
        type=one_of("svg", "html"),
        metavar="FORMAT",
        help="svg, or html (a page that stands alone: blocks open and close, and point to the spec's lines)",
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="the file to write; without it the drawing is printed"
    )
    add_spec_options(parser)


def run(options: argparse.Namespace) -> int:
    """Draws the network.

    Raises:
        Faults: the spec is wrong, the drawing would be too large, or the file cannot be written.
    """
    modules = plugins(options.plugins)
    compilation = compiler.compile_spec(options.spec, settings(options.settings), modules, to_print=False)
    network = compiler.network_of(compilation)
    levels = levels_of(network, options)
    if options.output is None and options.graph is None:
        style, columns = style_for(sys.stdout), columns_of(sys.stdout)
        print(tree_table(draw(network, levels), style, columns), end="")
        return 0
    text = drawn(network, compilation.sources, levels, options.graph or format_of(options.output))
    if options.output is None:
        print(text, end="")
    else:
        write(options.output, text)
    return 0


def levels_of(network: Network, options: argparse.Namespace) -> int:
    """How deep the drawing is opened up.

    Raises:
        Faults: so deep it would have too many boxes to be of use to anybody.
    """
    if options.depth is None and not options.expanded:
        return levels_within(network, PAGE)
    levels = min(options.depth or DEEPEST, DEEPEST)
    number = box_count(network, levels)
    if number > MOST_BOXES:
        fits = levels_within(network, MOST_BOXES)
        raise fault(
            "option-value",
            f"the drawing of `{network.name}` would have {number:,} boxes, and {MOST_BOXES:,} are the most",
            help=f"open up less: `--depth {fits}`",
        )
    return levels


def drawn(network: Network, sources: Sequence[Source], levels: int, format: str) -> str:
    """The text of a drawing: `tree`, `svg` or `html`."""
    if format == "tree":
        return tree_table(draw(network, levels))
    if format == "svg":
        from netdsl.backends.diagram.svg import svg

        return svg(draw(network, levels))
    from netdsl.backends.diagram.page import page

    inside = max(levels, levels_within(network, MOST_IN_PAGE))
    return page(draw(network, inside), sources, levels)


def format_of(file: str) -> str:
    """What a file is to hold, by the end of its name; the tree unless that says otherwise."""
    return {".svg": "svg", ".html": "html", ".htm": "html"}.get(Path(file).suffix.lower(), "tree")


def write(file: str, text: str) -> None:
    """Writes a drawing.

    Raises:
        Faults: the file cannot be written.
    """
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"`{file}` cannot be written: {(error.strerror or str(error)).lower()}"
        raise fault(
            "unwritable-file", message, help="name a file in a folder that exists and is yours"
        ) from None
