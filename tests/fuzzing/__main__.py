"""The long run: `python -m tests.fuzzing [INPUTS [SECONDS]]`; every text that fails is written out."""

from __future__ import annotations

import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzzing.texts import KINDS
from tests.fuzzing.trial import check

INPUTS = 20_000
AT_ONCE = 500
"""Texts that hypothesis draws for one seed."""


def run(inputs: int, most_seconds: float, failures: Path) -> int:
    """Tries texts of each kind in turn; 0 where none of them fails, 1 otherwise."""
    tried: Counter[str] = Counter()
    failed: dict[str, str] = {}
    started, number = time.monotonic(), 0
    with TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        while tried.total() < inputs and time.monotonic() - started < most_seconds:
            kind = list(KINDS)[number % len(KINDS)]
            _try(kind, number, min(AT_ONCE, inputs - tried.total()), path, tried, failed)
            number += 1
            shown = ", ".join(f"{count:,} {kind}" for kind, count in tried.items())
            print(f"{time.monotonic() - started:6.0f} s  {shown}; {len(failed)} failed", flush=True)
    for number, (text, why) in enumerate(failed.items()):
        failures.mkdir(exist_ok=True)
        (failures / f"{number}.yaml").write_text(text, "utf-8", errors="surrogatepass", newline="")
        (failures / f"{number}.txt").write_text(why, "utf-8")
    print(f"{tried.total():,} inputs, {len(failed)} failed" + (f": see {failures}" if failed else ""))
    return 1 if failed else 0


def _try(kind: str, number: int, count: int, path: Path, tried: Counter[str], failed: dict[str, str]) -> None:
    """Tries texts of one kind and one seed, and goes on behind a failure."""

    @seed(number)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(KINDS[kind])
    def one(text: str) -> None:
        tried[kind] += 1
        try:
            check(text, path)
        except Exception:  # noqa: BLE001  # whatever goes wrong is what is looked for
            failed[text] = traceback.format_exc()

    one()


if __name__ == "__main__":
    words = sys.argv[1:]
    wanted = int(words[0]) if words else INPUTS
    limit = float(words[1]) if len(words) > 1 else float("inf")
    sys.exit(run(wanted, limit, Path("fuzz-failures")))
