"""Tasks trained as their articles do, for minutes: `make trials`."""

from __future__ import annotations

from pathlib import Path

import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from netdsl.compiler import compile_spec
from netdsl.training.data.synthetic_scene import read_synthetic_scene
from netdsl.training.progress import Display
from netdsl.training.runner import train
from netdsl.training.session import trainable
from netdsl.training.windows import split_by_blocks
from tests.long import long

pytestmark = long


@pytest.mark.parametrize("seed", [0, 1])
def test_hybridsn_sees_what_no_pixel_alone_tells(tmp_path: Path, seed: int) -> None:
    """On blocks that were not learned from, the same as those of a linear classifier of pixels, which tells
    materials and not how they lie. Measured: 0.69 and 0.74 beside 0.26."""
    settings = {"input": "[1, 15, 11, 11]"}
    overrides = {
        "data": "synthetic_scene",
        "task": 'hyperspectral(train=0.4, split="blocks", block=16)',
        "augment": "hflip -> rotate90",
        "batch": "64",
        "epochs": "8",
        "seed": str(seed),
    }
    network = trainable(compile_spec("hybridsn", settings), settings)

    run = train(
        network, overrides=overrides, out=tmp_path / "run", root=tmp_path, device="cpu", display=Display()
    )

    scene = read_synthetic_scene(tmp_path / "synthetic_scene")
    parts = split_by_blocks(scene, 0.4, 16, (11, 11), seed)
    assert run.facts.train_samples == int(parts.train.sum())
    pixels, truth = scene.cube.numpy(), scene.truth.numpy()
    linear = LinearDiscriminantAnalysis().fit(pixels[parts.train], truth[parts.train])
    by_pixels = linear.score(pixels[parts.test], truth[parts.test])
    assert run.metrics["test_overall_accuracy"] > by_pixels + 0.25


def test_dncnn_s_takes_four_decibels_of_noise_off(tmp_path: Path) -> None:
    """The spec as it ships, at σ = 25, on parts of photographs that it has not seen. Of three epochs 5.1, 6.1
    and 6.4 dB were measured after each."""
    run = train(
        trainable(compile_spec("dncnn"), {}),
        overrides={"epochs": "2"},
        out=tmp_path / "run",
        device="cpu",
        display=Display(),
    )

    assert run.metrics["test_noisy_psnr"] == pytest.approx(20.17, abs=0.05)
    assert run.metrics["test_psnr"] > run.metrics["test_noisy_psnr"] + 4
