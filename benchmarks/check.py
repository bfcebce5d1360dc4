"""How long `netdsl check` takes, against what one would run instead. Prints ratios; both sides take turns.

1. The whole process `netdsl check specs/googlenet.yaml` against `python -c "import torch"`, which every tool
   that builds the network pays before it begins.
2. In one process: checking resnet152 from its text against building torchvision's on the meta device and
   running `torchinfo.summary`.
3. Checking a resnet of 16,000 layers against checking resnet50: what is repeated is checked once.

    python benchmarks/check.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def in_turn(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int
) -> tuple[float, float, float]:
    """The medians of both sides and of the ratio theirs / ours, pair by pair, after one warm-up of each."""
    ours(), theirs()
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    ratio = statistics.median(their / our for our, their in pairs)
    return statistics.median(our for our, _ in pairs), statistics.median(their for _, their in pairs), ratio


def whole_process() -> None:
    # both sides run from compiled bytecode, as installed packages do; some machines switch that off
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def run(*words: str) -> None:
        subprocess.run(
            [sys.executable, *words], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL
        )

    ours, theirs, ratio = in_turn(
        lambda: run("-m", "netdsl", "check", "specs/googlenet.yaml"),
        lambda: run("-c", "import torch"),
        rounds=9,
    )
    line("netdsl check specs/googlenet.yaml", ours, 'python -c "import torch"', theirs, ratio, at_least=8)


def in_one_process() -> None:
    import torch
    import torchinfo
    import torchvision

    import netdsl

    def build_and_summarise() -> None:
        with torch.device("meta"):
            network = torchvision.models.resnet152()
        torchinfo.summary(network, (1, 3, 224, 224), device="meta", verbose=0)

    def check() -> None:
        assert netdsl.check("resnet152").ok

    ours, theirs, ratio = in_turn(check, build_and_summarise, rounds=9)
    line("check resnet152", ours, "torchvision on meta + torchinfo", theirs, ratio, at_least=30)


def deep_against_shallow() -> None:
    import netdsl

    shallow = ROOT / "specs" / "resnet50.yaml"
    deep = [1333, 1334, 1334, 1332]  # bottlenecks of three convolutions: 15,999 of them and the stem
    assert netdsl.check(shallow, depths=deep).layers is not None

    def check(depths: list[int]) -> None:
        assert netdsl.check(shallow, depths=depths).params

    ours, theirs, ratio = in_turn(lambda: check([3, 4, 6, 3]), lambda: check(deep), rounds=15)
    line("check resnet50", ours, "resnet of 16,000 convolutions", theirs, ratio, at_most=3)


def line(
    our_name: str,
    ours: float,
    their_name: str,
    theirs: float,
    ratio: float,
    at_least: float | None = None,
    at_most: float | None = None,
) -> None:
    target = f"at least {at_least}" if at_least else f"at most {at_most}"
    holds = ratio >= at_least if at_least else ratio <= (at_most or 0)
    print(
        f"{our_name}: {ours * 1000:.0f} ms   {their_name}: {theirs * 1000:.0f} ms   "
        f"ratio {ratio:.1f} ({target}: {'met' if holds else 'MISSED'})"
    )


if __name__ == "__main__":
    whole_process()
    in_one_process()
    deep_against_shallow()
