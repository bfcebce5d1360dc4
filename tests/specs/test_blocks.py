"""Blocks shown alone: residual blocks and squeeze-and-excitation, written out and from the prelude."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from torch import Tensor, nn

from tests.specs import test_twins
from tests.specs.plain.resnets import biased_block
from tests.specs.twin import Twin


class SqueezeExcitation(nn.Module):
    """Hu et al. 2017, figure 2: every channel weighted by what all of them say on average."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, channels // reduction)
        self.fc2 = nn.Linear(channels // reduction, channels)

    def forward(self, maps: Tensor) -> Tensor:
        gates: Tensor = self.fc2(self.fc1(maps.mean((2, 3))).relu()).sigmoid()
        return maps * gates[:, :, None, None]


class ConvolvedExcitation(nn.Module):
    """The same by 1x1 convolutions."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels // reduction, 1)
        self.conv2 = nn.Conv2d(channels // reduction, channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        gates: Tensor = self.conv2(self.conv1(maps.mean((2, 3), keepdim=True)).relu()).sigmoid()
        return maps * gates


CONVS = "conv(3, 3, padding=1) -> batchnorm -> relu -> conv(3, 3, padding=1) -> batchnorm"
WIDER = "conv(6, 3, stride=2, padding=1) -> batchnorm -> relu -> conv(6, 3, padding=1) -> batchnorm"
GATES = "global_avgpool -> flatten -> linear(16) -> relu -> linear(256) -> sigmoid -> reshape([256, 1, 1])"

BLOCKS: list[tuple[str, str, str, Callable[[], nn.Module]]] = [
    ("residual_block_3_3", "[3, 6, 6]", f"({CONVS}) + x -> relu", partial(biased_block, 3, 3)),
    ("residual_block_3_3", "[3, 6, 6]", f"residual(({CONVS})) -> relu", partial(biased_block, 3, 3)),
    (
        "residual_block_3_6_s2",
        "[3, 6, 6]",
        f"({WIDER}) + conv(6, 1, stride=2) -> relu",
        partial(biased_block, 3, 6, 2),
    ),
    ("se_block_256_r16", "[256, 14, 14]", f"x * ({GATES})", partial(SqueezeExcitation, 256, 16)),
]
"""The published leaves, the input, the block in the language, and in plain torch."""


def twin(folder: Path, input: str, net: str, make: Callable[[], nn.Module], leaves: str = "") -> Twin:
    file = folder / "block.yaml"
    file.write_text(f"name: block\ninput: {input}\nnet: {net}\n", "utf-8")
    return Twin(str(file), make, leaves=leaves)


@pytest.mark.parametrize(("leaves", "input", "net", "make"), BLOCKS)
def test_a_block_has_the_published_leaves_and_computes_what_torch_does(
    leaves: str, input: str, net: str, make: Callable[[], nn.Module], tmp_path: Path
) -> None:
    block = twin(tmp_path, input, net, make, leaves)
    test_twins.test_leaves_are_those_published(block)
    assert_same(block)


def test_the_preludes_gate_is_the_block_in_convolutions(tmp_path: Path) -> None:
    assert_same(twin(tmp_path, "[256, 14, 14]", "se(16)", partial(ConvolvedExcitation, 256, 16)))


def assert_same(block: Twin) -> None:
    """Figures, outputs and gradients are the twin's."""
    made = test_twins.make_pair(block)
    test_twins.test_figures_are_those_of_the_twin(block)
    test_twins.test_outputs_are_those_of_the_twin(made)
    test_twins.test_gradients_in_training_are_those_of_the_twin(made)
