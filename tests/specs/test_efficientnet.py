"""What EfficientNet's twins do not show: chance is taken out of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models.efficientnet import MBConv

import netdsl
from tests.specs.plain.compact import EFFICIENTNETS
from tests.specs.twin import torchvision_model


def skipped(network: nn.Module) -> list[Any]:
    """The probabilities that whole blocks are skipped, of those that can be."""
    return [module.p for module in network.modules() if type(module).__name__ == "DropPath"]


@pytest.mark.parametrize("settings", [{}, *EFFICIENTNETS.values()], ids=["b0", *EFFICIENTNETS])
def test_blocks_are_skipped_as_often_as_torchvisions(settings: dict[str, Any]) -> None:
    name = next((name for name, given in EFFICIENTNETS.items() if given is settings), "b0")
    with torch.device("meta"):
        ours = netdsl.build("efficientnet_b0", **settings)
        theirs = torchvision_model(f"efficientnet_{name}")
    blocks = [block for block in theirs.modules() if isinstance(block, MBConv)]
    expected = [block.stochastic_depth.p for block in blocks if block.use_res_connect]
    assert skipped(ours) == pytest.approx(expected)
    assert len(set(expected)) == len(expected) > 8
