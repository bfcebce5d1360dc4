"""`a | b -> c`: both ways in which a chain with `|` and without parentheses can be meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import pairwise

from netdsl.diagnostics import Diagnostic, Label, Span

Operands = tuple[tuple[int, int], ...]
"""Where the operands of a row begin and end."""


def mixed_arrow(
    text: str,
    place: Callable[[int, int], Span],
    cuts: list[int],
    bars: Mapping[int, tuple[tuple[int, int], ...]],
    chain: Span,
) -> Diagnostic:
    """Shows both readings of `a | b -> c`: nobody can tell which was meant.

    Args:
        cuts: where the chain begins, where its arrows stand, and where it ends.
        bars: of each step with `|` its operands; a single one where no other reading is possible.
    """
    ends = pairwise(cuts)
    steps = [_line(text[start:end].removeprefix("->")) for start, end in ends]
    readings = [" -> ".join(f"({step})" if n in bars else step for n, step in enumerate(steps))]
    if all(len(operands) > 1 for operands in bars.values()):
        branches: list[list[str]] = [[]]
        for number, step in enumerate(steps):
            first, *others = [_line(text[a:b]) for a, b in bars.get(number, ())] or [step]
            branches[-1].append(first)
            branches += [[other] for other in others]
        readings.append(" | ".join(f"({' -> '.join(b)})" if len(b) > 1 else b[0] for b in branches))
    first_bars = bars[min(bars)]
    return Diagnostic(
        code="mixed-arrow",
        message="`|` and `->` stand side by side without parentheses",
        span=place(first_bars[0][0], first_bars[-1][1]),
        label="which comes first?",
        labels=(Label(chain, "in this chain"),),
        help="write " + " or ".join(f"`{reading}`" for reading in readings),
    )


def _line(text: str) -> str:
    """A part of a text as one line, without comments."""
    return " ".join(re.sub(r"#[^\n]*", "", text).split())
