"""What a layer says to write instead → edits of the place where it is used."""

from __future__ import annotations

import re

from netdsl.analysis.values import LayerUse
from netdsl.diagnostics import Edit, Span
from netdsl.diagnostics.edits import before, is_step, without_item, write
from netdsl.layers.layer import Problem

_LITERAL = re.compile(r"""((?:\w+\s*=\s*)?)("[^"\n]*"|'[^'\n]*'|-?[\d._]+|\[[-\d., ]*\]|\([-\d., ]*\))""")
"""An argument whose value is written out where it is given."""


def remedy(problem: Problem, use: LayerUse) -> tuple[Edit, ...]:
    """The edits that do what a problem's help says; none where its arguments are computed."""
    if problem.before is not None:
        return before(use.span, f"{problem.before} -> ") if is_step(use.span) else ()
    edits: list[Edit] = []
    for name, text in problem.instead:
        span = use.spans.get(name)
        found = _LITERAL.fullmatch(span.text) if span is not None else None
        if span is None or found is None:
            return ()
        value = Span(span.source, span.start + len(found[1]), span.end)
        edits += write(value, text) if text else without_item(span)
    return tuple(edits)
