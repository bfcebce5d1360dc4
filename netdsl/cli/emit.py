"""Print a spec as a standalone PyTorch file: one class per block, no import of netdsl."""

from __future__ import annotations

import argparse
from pathlib import Path

from netdsl import compiler
from netdsl.cli.arguments import Parser, add_spec_options, plugins, settings
from netdsl.diagnostics import fault


def configure(parser: Parser) -> None:
    """The verb's options."""
    parser.add_argument("spec", metavar="SPEC", help="a file, or the name of a shipped spec")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="the file to write; without it the source is printed"
    )
    add_spec_options(parser)


def run(options: argparse.Namespace) -> int:
    """Prints or writes the source."""
    source = compiler.emit(options.spec, settings(options.settings), plugins(options.plugins))
    if options.output is None:
        print(source, end="")
        return 0
    try:
        Path(options.output).write_text(source, encoding="utf-8")
    except OSError as error:
        message = f"`{options.output}` cannot be written: {(error.strerror or str(error)).lower()}"
        raise fault(
            "unwritable-file", message, help="name a file in a folder that exists and is yours"
        ) from None
    return 0
