"""What is tried: texts of the language's pieces, YAML of any shape, shipped specs spliced with each other."""

from __future__ import annotations

import re
from typing import Any

import yaml
from hypothesis import strategies as st

from netdsl.language.document import KEYS as SPEC_KEYS
from tests.language.test_any_text import HEAD, PIECES, SPECS, TEXTS, WORDS

KEYS = (*SPEC_KEYS, "at", "value", "concat")
EXPRESSIONS = st.lists(st.sampled_from(WORDS.split()), min_size=1, max_size=8).map(" ".join)
SCALARS = EXPRESSIONS | st.sampled_from(["", "relu", "3", "-1", "1e-3", "null", "yes", "lenet5.yaml"])
NAMES = st.sampled_from([*KEYS, "stem", "body", "unit(c, k=3)", "x", "add", "1a"]) | SCALARS

LINES = [line for text in SPECS for line in text.splitlines() if line.strip()]
BLOCKS = [block for text in SPECS for block in re.split(r"\n(?=\w)", text)]


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4)


VALUES = st.recursive(SCALARS, _nested, max_leaves=12)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A document's events: any values under the keys that a spec has, in any of YAML's styles."""
    document = draw(st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1, max_size=6))
    if draw(st.booleans()):
        document = {"name": "net", "input": ["3", "32", "32"], "net": "relu", **document}
    style = draw(st.sampled_from([None, '"', "'", "|", ">"]))
    flow = draw(st.sampled_from([None, False, True]))
    return yaml.safe_dump(
        document, default_style=style, default_flow_style=flow, sort_keys=False, allow_unicode=True
    )


@st.composite
def spliced(draw: st.DrawFn) -> str:
    """Shipped specs cut at their keys or lines and put together anew."""
    if draw(st.booleans()):
        return "\n".join(draw(st.lists(st.sampled_from(BLOCKS), min_size=1, max_size=6)))
    lines = draw(st.sampled_from(SPECS)).splitlines()
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines)))
        end = at + draw(st.integers(0, 2))
        lines[at:end] = draw(st.lists(st.sampled_from(LINES) | PIECES, max_size=2))
    return "\n".join(lines) + "\n"


KINDS = {
    "text": TEXTS,
    "yaml": documents() | EXPRESSIONS.map((HEAD + "net: {}").format),
    "spliced": spliced(),
}
"""Each kind of text with what makes it."""
