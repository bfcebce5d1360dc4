"""The written-out names of torch's modules are torch's own."""

from __future__ import annotations

from keyword import kwlist

import pytest
from torch import nn

from netdsl.graph.names import FORBIDDEN_NAMES, MODULE_ATTRIBUTES


@pytest.mark.parametrize("module", [nn.Module(), nn.Sequential(), nn.ModuleList()])
def test_every_attribute_of_torchs_modules_is_forbidden(module: nn.Module) -> None:
    """What another torch has besides may stand in the list: a name that is safe everywhere is safe here."""
    added_by_compiling = {name for name in dir(module) if name.startswith("___")}

    assert set(dir(module)) - added_by_compiling <= MODULE_ATTRIBUTES


@pytest.mark.parametrize("name", ["train", "forward", "type", "training", "append", "_modules", "__init__"])
def test_the_list_would_miss_what_is_taken_away(name: str) -> None:
    """The test above can fail: each of these is torch's, and in the list once."""
    assert name in set(dir(nn.Sequential()))
    assert name in MODULE_ATTRIBUTES


def test_keywords_are_forbidden_as_well() -> None:
    assert set(kwlist) <= FORBIDDEN_NAMES


def test_the_usual_names_of_stages_are_free() -> None:
    usual = {
        "stem",
        "body",
        "head",
        "conv1",
        "block1",
        "features",
        "classifier",
        "layer1",
        "encoder",
        "output",
    }

    assert not usual & FORBIDDEN_NAMES
