"""The pictures of the documentation: what `netdsl show` draws of the specs that its pages speak of."""

from __future__ import annotations

import re
from pathlib import Path

from netdsl import compiler
from netdsl.backends.diagram.drawing import draw
from netdsl.backends.diagram.svg import svg
from netdsl.diagnostics import Source

TOUR = Path(__file__).parents[2] / "docs" / "tour.md"
"""In a checkout: where pictures are made, as pages are."""
TOUR_LEVELS = 4
"""How deep the tour's network is opened up: as far as its residual units and their gates."""


def tour_picture() -> str:
    """The tour's second network, from the text that stands there."""
    found = re.search(r"```yaml\n# second\.yaml\n(.*?)```", TOUR.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None, "the tour shows `second.yaml`"
    compilation = compiler.compile_source(Source("second.yaml", found[1]), to_print=False)
    return svg(draw(compiler.network_of(compilation), TOUR_LEVELS))
