"""The blocks that every spec may use, written in the language itself.

Reading them takes as long as reading a spec, and most specs need none; so their names are known before they
are read.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import netdsl.layers
from netdsl.diagnostics import Source
from netdsl.language import syntax
from netdsl.language.document import read_blocks

PRELUDE = "prelude.yaml"
"""What the prelude's source is called."""


@cache
def prelude() -> tuple[syntax.Block, ...]:
    """The prelude's blocks."""
    return read_blocks(Source(PRELUDE, _text()))


def prelude_words() -> frozenset[str]:
    """The names of the prelude's blocks: the words that begin its lines."""
    return frozenset(re.findall(r"^\w+", _text(), re.MULTILINE))


@cache
def _text() -> str:
    return (Path(netdsl.layers.__path__[0]) / "prelude.yaml").read_text("utf-8")
