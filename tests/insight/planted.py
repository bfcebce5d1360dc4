"""Images with a planted object: a striped patch on noise; how its stripes run is the class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from netdsl.insight.localization import Box
from netdsl.insight.subject import Subject
from tests.insight.subjects import written

SIZE, PATCH, WINDOW, NOISE = 32, 10, 5, 0.1
SPEC = f"""
name: planted
input: [1, {SIZE}, {SIZE}]
net:
  body: conv(8, {WINDOW}, padding={WINDOW // 2}) -> relu
  head: global_avgpool -> flatten -> linear(2)
"""


@dataclass(frozen=True)
class Planted:
    """An image with its patch."""

    pixels: torch.Tensor
    """Bytes, `(1, SIZE, SIZE)`."""
    label: int
    """0 for stripes that lie, 1 for stripes that stand."""
    box: Box


def plant(seed: int) -> Planted:
    """An image: grey noise, and a patch at a random place."""
    chance = np.random.default_rng(seed)
    pixels = chance.normal(0.5, NOISE, (SIZE, SIZE))
    label, top, left = seed % 2, *chance.integers(0, SIZE - PATCH + 1, 2)
    lying = stripes(PATCH, 0)
    pixels[top : top + PATCH, left : left + PATCH] = lying.T if label else lying
    as_bytes = torch.from_numpy((pixels.clip(0, 1) * 255).astype(np.uint8))[None]
    return Planted(as_bytes, label, (float(left), float(top), float(left + PATCH), float(top + PATCH)))


def stripes(size: int, phase: int) -> np.ndarray:
    """Lying stripes, two cells thick, that begin so many cells before the window."""
    return np.tile(((np.arange(size) + phase) // 2 % 2)[:, None], (1, size)).astype(np.float32)


def detector(folder: Path) -> Subject:
    """A network that tells the stripes apart, its weights set by hand: a filter for each phase and direction.

    Noise stays below the filters' threshold, so that nothing but the patch decides.
    """
    subject = written(SPEC, folder)
    lying = [stripes(WINDOW, phase) for phase in range(4)]
    filters = torch.from_numpy(np.stack([one - one.mean() for one in lying + [one.T for one in lying]]))
    with torch.no_grad():
        subject.module.get_parameter("body.conv1.weight").copy_(filters[:, None])
        subject.module.get_parameter("body.conv1.bias").fill_(-4.5)
        weights = subject.module.get_parameter("head.linear1.weight")
        weights.copy_(torch.tensor([[1.0] * 4 + [-1.0] * 4, [-1.0] * 4 + [1.0] * 4]) * 10)
        subject.module.get_parameter("head.linear1.bias").zero_()
    return subject
