"""What all tests of tasks share: one thread, since tiny tensors gain nothing by two, and curves not drawn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from matplotlib.figure import Figure


@pytest.fixture(autouse=True, scope="module")
def _small_world() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("netdsl.training.report.draw_curves", lambda run: Figure(figsize=(1, 1)))
        yield
    torch.set_num_threads(threads)
