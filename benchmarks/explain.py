"""How long Score-CAM and SS-CAM take, against torchcam's on the same network. Prints ratios.

ResNet-18 with random weights, an image of noise, its first 64 maps, in one process; both sides take turns,
and medians are told. Both run the network on every masked image, so that neither can be much quicker.
torchcam scales masks before it enlarges them: the correlation of both maps is told as well.

    python benchmarks/explain.py
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torchcam.methods import SSCAM, ScoreCAM

from netdsl.insight.explanation import Question
from netdsl.insight.loading import subject_of
from netdsl.insight.score_cam import score_cam, ss_cam

LAYER = "body.0"
SAMPLES = 2
"""Of SS-CAM's noise: its time is so many times Score-CAM's, on both sides."""


def question() -> Question:
    subject = subject_of("resnet18", device="cpu", say=lambda _: None)
    pixels = torch.randint(
        0, 256, (3, 224, 224), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    return Question(subject, subject.picture_of(pixels, ""), 7, subject.place(LAYER))


def torchcams(kind: type[Any], asked: Question, **options: Any) -> np.ndarray:
    with kind(asked.subject.module, asked.place.path, **options) as other:
        with torch.no_grad():
            asked.subject.module(asked.picture.input)
        (found,) = other(asked.class_number, normalized=False)
    return np.asarray(found[0])


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def compare(name: str, ours: Callable[[], np.ndarray], theirs: Callable[[], np.ndarray], rounds: int) -> None:
    alike = float(np.corrcoef(ours().ravel(), theirs().ravel())[0, 1])  # which warms both up
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    ratio = statistics.median(their / our for our, their in pairs)
    our, their = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(f"{name}: netdsl {our:.2f} s, torchcam {their:.2f} s, ratio {ratio:.2f}; correlation {alike:.4f}")


def main() -> None:
    warnings.simplefilter("ignore")
    asked = question()
    compare("Score-CAM", lambda: score_cam(asked).values, lambda: torchcams(ScoreCAM, asked), 3)
    compare(
        f"SS-CAM, {SAMPLES} samples",
        lambda: ss_cam(asked, samples=SAMPLES).values,
        lambda: torchcams(SSCAM, asked, num_samples=SAMPLES),
        3,
    )


if __name__ == "__main__":
    main()
