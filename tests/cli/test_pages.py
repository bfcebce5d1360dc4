"""The generated pages in the repository are what their functions make now."""

from collections.abc import Callable

import pytest

from netdsl.cli.pages import PAGES, ROOT


@pytest.mark.parametrize(("path", "page"), PAGES.items(), ids=list(PAGES))
def test_a_generated_page_is_fresh(path: str, page: Callable[[], str]) -> None:
    """`make docs` writes them; nobody edits them by hand."""
    assert (ROOT / path).read_text("utf-8") == page(), f"{path} is stale: run `make docs`"
