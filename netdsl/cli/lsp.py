"""Serve editors: diagnostics as one types, shapes at line ends, hover, definitions, renaming, quick fixes.

Speaks the Language Server Protocol on standard input and output; an editor starts it.
"""

from __future__ import annotations

import argparse
import os

from netdsl.cli.arguments import Parser
from netdsl.diagnostics import fault


def configure(parser: Parser) -> None:
    """The verb has no options; editors commonly pass `--stdio`, which is what it does anyway."""
    parser.add_argument("--stdio", action="store_true", help="speak on standard input and output, as always")


def run(options: argparse.Namespace) -> int:  # noqa: ARG001 - every verb takes its options
    """Serves until the editor says goodbye."""
    try:
        from netdsl.editor.server import make_server
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        message = "the language server needs pygls, which is not installed"
        raise fault("missing-library", message, help="`pip install 'netdsl[lsp]'`") from None
    # pygls closes what it was given, and the command's own streams must stay open
    with os.fdopen(os.dup(0), "rb") as words, os.fdopen(os.dup(1), "wb") as answers:
        make_server().start_io(words, answers)
    return 0
