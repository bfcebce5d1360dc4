"""Print the JSON schema of a spec, by which editors complete keys and words and check their form."""

from __future__ import annotations

import argparse

from netdsl.cli.arguments import Parser
from netdsl.cli.json_schema import schema_text


def configure(parser: Parser) -> None:
    """The verb has no options."""


def run(options: argparse.Namespace) -> int:  # noqa: ARG001 - every verb takes its options
    """Prints the schema."""
    print(schema_text(), end="")
    return 0
