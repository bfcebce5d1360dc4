"""The documentation of layers, made from their classes."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from netdsl.layers.catalog import LAYERS
from netdsl.layers.layer import Layer
from netdsl.layers.reference import as_markdown, as_text, page, summary, torch_calls

PAGE = Path(__file__).parents[2] / "docs" / "layers.md"


def test_the_page_is_fresh() -> None:
    """The page in the repository is what the classes say; `make docs` writes it anew."""
    assert PAGE.read_text("utf-8") == page()


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.word)
def test_a_layer_documents_all_that_it_is(layer: type[Layer]) -> None:
    """Its word, a sentence, the shapes, and every argument with its default and what it takes."""
    text, markdown = as_text(layer), as_markdown(layer)

    assert text.startswith(layer.word)
    assert "\n" not in summary(layer)
    assert "nput" in text
    for argument in layer.arguments().values():
        assert argument.about in text
        assert argument.about in markdown
        assert argument.expects in text


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.word)
def test_a_layer_becomes_a_module_of_torchs_or_one_that_it_brings(layer: type[Layer]) -> None:
    for call in torch_calls(layer):
        if call.helper is None:
            assert issubclass(getattr(nn, call.target.removeprefix("nn.")), nn.Module)
        else:
            assert call.helper.startswith(f"class {call.target}(nn.")
