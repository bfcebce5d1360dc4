"""The generated pages of the documentation; `python -m netdsl.cli.pages` writes them.

Each is made from what it documents, and a test compares the page in the repository with the function here, so
that none can grow old.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from netdsl.cli.json_schema import schema_text
from netdsl.cli.pictures import tour_picture
from netdsl.cli.specs_page import specs_page
from netdsl.cli.story_page import story_page
from netdsl.diagnostics.catalog import PARTS, as_markdown, rules
from netdsl.layers import reference
from netdsl.training import reference as recipes

ROOT = Path(__file__).parents[2]
"""The repository: pages are written in a checkout."""


def diagnostics_page() -> str:
    """Every diagnostic with its reason, an example and what to write instead."""
    introduction = (
        "What netdsl may say of a spec, a command line or a run. `netdsl rule CODE` prints the same in a "
        "terminal. This page is written by `make docs`; change what it documents, not the page."
    )
    parts = ["# Diagnostics", introduction]
    for part, heading in PARTS.items():
        members = [rule for rule in rules().values() if rule.part == part]
        parts += [f"## {heading}", *(as_markdown(rule).rstrip() for rule in members)] if members else []
    return "\n\n".join(parts) + "\n"


PAGES: Mapping[str, Callable[[], str]] = {
    "docs/diagnostics.md": diagnostics_page,
    "docs/layers.md": reference.page,
    "docs/netdsl.schema.json": schema_text,
    "docs/pictures/second.svg": tour_picture,
    "docs/recipes.md": recipes.page,
    "docs/story.md": story_page,
    "specs/README.md": specs_page,
}
"""Each page's path in the repository with the function that makes its text."""


if __name__ == "__main__":
    for path, page in PAGES.items():
        (ROOT / path).write_text(page(), encoding="utf-8")
        print(path)
