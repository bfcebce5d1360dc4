"""A document laid over those that it extends."""

from __future__ import annotations

import re
from collections.abc import Callable

from netdsl.diagnostics import Collector, Diagnostic, Faults, Source, Span
from netdsl.language.effort import Words
from netdsl.language.scalars import wrong_kind
from netdsl.language.syntax import Data
from netdsl.language.yaml_text import read_yaml

MERGED = ("params", "blocks", "claims", "train")
"""The keys whose mappings `extends` merges by key; every other is replaced whole."""
LONGEST_CHAIN = 16
"""Specs that may extend each other in a row."""
Open = Callable[[str, Span], Source]
"""Opens the file that an `extends` names; raises Faults where it must not or cannot."""


def with_extended(
    source: Source, open_extended: Open, above: tuple[str, ...], found: Collector, words: Words
) -> dict[str, tuple[Data, Data]]:
    """The document's entries by key, laid over those of the file it extends."""
    document = read_yaml(source, found, words)
    if document.kind != "mapping":
        raise Faults([_not_a_mapping(document)])
    entries = {str(key.value): (key, value) for key, value in document.entries()}
    if "extends" not in entries or not entries["extends"][1].span.text:
        return entries
    _, target = entries["extends"]
    if target.kind != "scalar":
        raise Faults([wrong_kind(target, "a file's name", "write `extends: other.yaml`")])
    if len(above) == LONGEST_CHAIN:
        message = f"more than {LONGEST_CHAIN} specs extend each other in a row"
        help = "let this one extend the first of them"
        raise Faults([Diagnostic(code="nesting-too-deep", message=message, span=target.span, help=help)])
    extended = open_extended(str(target.value), target.span)
    if extended.name in (source.name, *above):
        chain = " -> ".join([*above, source.name, extended.name])
        raise Faults(
            [
                Diagnostic(
                    code="extends-cycle",
                    message=f"specs extend each other: {chain}",
                    span=target.span,
                    help="extend another spec, or write out what is wanted of it",
                )
            ]
        )
    merged = dict(with_extended(extended, open_extended, (*above, source.name), found, words))
    for name, (key, value) in entries.items():
        below = merged.get(name)
        if name in MERGED and below and below[1].kind == value.kind == "mapping":
            value = _merged(below[1], value)
        merged[name] = (key, value)
    return merged


def _merged(below: Data, above: Data) -> Data:
    """Two mappings by key, the upper one's values winning; a block's key is its name without parameters."""

    def name(key: Data) -> str:
        return str(key.value).partition("(")[0].strip()

    entries = {name(key): (key, value) for key, value in below.entries()}
    entries |= {name(key): (key, value) for key, value in above.entries()}
    return Data(above.span, tuple(entries.values()), "mapping")


def _not_a_mapping(document: Data) -> Diagnostic:
    text = document.span.text.partition("\n")[0]
    glued = re.match(r"([A-Za-z_]+):(?=\S)", text)
    if document.kind == "scalar" and glued:
        from netdsl.language.yaml_mistakes import missing_space  # only a wrong spec pays for it

        first = document.span.start
        return missing_space(Span(document.span.source, first, first + glued.end()))
    return wrong_kind(document, "a spec", "a spec is a mapping with `name`, `input` and `net`")
