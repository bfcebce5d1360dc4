"""The options of `netdsl check` that ask for further figures; `figures` answers, and is loaded only then."""

from __future__ import annotations

import argparse
import re

from netdsl.cli.arguments import Parser, one_of, whole_number
from netdsl.diagnostics import fault

CONVENTIONS = ("torch", "fvcore", "thop", "torchinfo")
"""The tools whose multiply-adds are known."""

_UNITS = {"": 1, "b": 1} | {
    f"{prefix}{suffix}": base**power
    for power, prefix in enumerate("kmgt", 1)
    for suffix, base in (("b", 1000), ("ib", 1024))
}
"""Bytes by the unit, in small letters."""


def add_figure_options(parser: Parser) -> None:
    """The options."""
    parser.add_argument(
        "--macs",
        type=one_of(*CONVENTIONS),
        metavar="TOOL",
        help=f"count multiply-adds as another tool does: {', '.join(CONVENTIONS)}",
    )
    parser.add_argument(
        "--activations", action="store_true", help="show the values that come out, and MACs per byte moved"
    )
    parser.add_argument(
        "--receptive-field", action="store_true", help="show what part of the input a unit depends on"
    )
    parser.add_argument(
        "--memory",
        type=byte_count,
        metavar="BYTES",
        help="show the memory of inference and training, and the largest batch that fits: --memory 24GiB",
    )
    parser.add_argument(
        "--batch", type=whole_number(1), metavar="N", help="samples at once, for --memory; the recipe's"
    )
    parser.add_argument(
        "--precision",
        type=one_of("fp32", "bf16"),
        metavar="TYPE",
        help="of activations, for --memory: fp32 by default, or bf16",
    )


def are_asked(options: argparse.Namespace) -> bool:
    """Whether any figure is asked for.

    Raises:
        Faults: an option is given that says something only of another, which is not.
    """
    for name in ("batch", "precision"):
        if getattr(options, name) is not None and options.memory is None:
            message = f"`--{name}` says for what `--memory` is to be shown, which is not given"
            raise fault("command-line", message, help="add it, such as `--memory 24GiB`, or leave this out")
    return bool(options.macs or options.activations or options.receptive_field or options.memory)


def byte_count(word: str) -> int:
    """The type of an option that takes an amount of memory: `24GiB`, `80GB`, `500 MB`."""
    found = re.fullmatch(r"(\d+)(?:\.(\d+))?\s*([a-z]*)", word.strip().lower())
    amount = 0
    if found and found[3] in _UNITS:
        whole, behind = found[1], found[2] or ""
        amount = int(whole + behind) * _UNITS[found[3]] // 10 ** len(behind)
    if amount < 1:
        message = f"`{word}` is no amount of memory"
        raise fault("option-value", message, help="write one such as `24GiB`, `80GB` or `512MiB`")
    return amount
