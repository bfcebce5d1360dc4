"""Explain a diagnostic by its code, or list all of them."""

from __future__ import annotations

import argparse

from netdsl.cli.arguments import Parser
from netdsl.diagnostics import did_you_mean, fault
from netdsl.diagnostics.catalog import PARTS, explain, rules


def configure(parser: Parser) -> None:
    """The verb's options."""
    parser.add_argument("code", nargs="?", metavar="CODE", help="the word in brackets behind `error`")


def run(options: argparse.Namespace) -> int:
    """Prints the documentation of a code, or all codes with a sentence each."""
    known = rules()
    if options.code is None:
        print(_listing(), end="")
    elif options.code in known:
        print(explain(known[options.code]), end="")
    else:
        help = did_you_mean(options.code, known) or "`netdsl rule` lists them"
        raise fault("unknown-rule", f"there is no diagnostic `{options.code}`", help=help)
    return 0


def _listing() -> str:
    known = rules().values()
    widest = max(len(rule.code) for rule in known)
    lines = []
    for part, heading in PARTS.items():
        lines += ["", heading]
        lines += [f"  {rule.code:<{widest}}  {rule.what}" for rule in known if rule.part == part]
    return "\n".join(lines[1:]) + "\n"
