"""A batch's way through a network: several inputs, several outputs, other precisions."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from netdsl.training.device import place
from netdsl.training.evaluation import evaluate, predict
from netdsl.training.forward import MAIN, moved, outputs_of
from netdsl.training.runner import train
from netdsl.training.transforms import Scaling
from tests.training.networks import QUICK, Small, network, rebuild, silent

HALVED = Scaling((0.0,), (0.5,))


class Both(nn.Module):
    """Two inputs, two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, first: Tensor, second: Tensor) -> dict[str, Tensor]:
        return {"output": self.layer(first), "second": self.layer(second)}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_several_inputs_and_outputs_keep_their_places(precision: str) -> None:
    placement, module = place("cpu", precision), Both()
    first, second = torch.rand(2, 5, 3)

    outputs = outputs_of(module, moved((first, second), placement, HALVED), placement)

    assert {output.dtype for output in outputs.values()} == {torch.float32}
    torch.testing.assert_close(outputs[MAIN], module.layer(first), rtol=0.02, atol=0.02)
    torch.testing.assert_close(outputs["second"], module.layer(second), rtol=0.02, atol=0.02)


def test_an_image_is_scaled_and_an_only_output_is_the_main_one() -> None:
    placement = place("cpu", "fp32")
    images = torch.full((1, 1, 2, 2), 255, dtype=torch.uint8)

    outputs = outputs_of(nn.Identity(), moved(images, placement, HALVED), placement)

    assert {name: output.tolist() for name, output in outputs.items()} == {MAIN: [[[[2.0, 2.0], [2.0, 2.0]]]]}


class Keeping(Small):
    """A network whose head is there outside of training as well, as those with `keep: true`."""

    def forward(self, images: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        logits = super().forward(images)
        return {"output": logits, "again": logits}


def test_a_network_that_keeps_a_head_is_trained_measured_and_asked(tmp_path: Path) -> None:
    made = network(QUICK.replace("epochs: 2", "epochs: 1"), Keeping, head_weights={"again": 0.5})
    Image.new("L", (8, 8)).save(tmp_path / "a.png")

    run = train(made, out=tmp_path / "run", device="cpu", display=silent())

    figures = evaluate(run.folder, rebuild(made), device="cpu").figures
    assert figures["accuracy"] == run.metrics["test_accuracy"]
    assert len(predict(run.folder, rebuild(made), [tmp_path / "a.png"], device="cpu")[0].classes) == 3
