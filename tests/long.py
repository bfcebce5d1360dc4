"""What takes long is marked `long`, and left out unless it is asked for.

`make long` runs all of it; `make faults`, `make trials` and `make kill` run parts. `pytest -m long PATH` runs
what is left out of a path, `pytest -m '' PATH` everything. Of what is tried often, the tests have a slice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest

long = pytest.mark.long


def in_part(values: Iterable[Any], part: Collection[Any]) -> list[Any]:
    """Values to parametrize a test with; those that are no part of the slice are `long`."""
    return [value if value in part else pytest.param(value, marks=long) for value in values]
