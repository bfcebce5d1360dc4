"""Seeds: each follows from what it is for, and no two from each other."""

from __future__ import annotations

import pytest
import torch

from netdsl.training.seeds import derived, order_of, reseed_sample, reseed_step


def test_derived_seeds_do_not_collide() -> None:
    seeds = {derived(p, s, e, i) for p in range(4) for s in range(3) for e in range(10) for i in range(100)}

    assert len(seeds) == 4 * 3 * 10 * 100
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_an_order_is_a_permutation() -> None:
    assert order_of(1, 100, 0).sort().values.tolist() == list(range(100))


def test_what_is_drawn_follows_from_what_it_is_for() -> None:
    def drawn(seed: int, epoch: int, number: int) -> tuple[float, float]:
        reseed_sample(seed, epoch, number)
        sample = float(torch.rand(1))
        reseed_step(seed, epoch, number, torch.device("cpu"))
        return sample, float(torch.rand(1))

    assert drawn(1, 2, 3) == drawn(1, 2, 3)
    assert len({value for numbers in ((1, 2, 3), (3, 2, 1), (1, 3, 2)) for value in drawn(*numbers)}) == 6


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_a_step_seeds_the_device_it_runs_on_and_no_other(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seeded: list[str] = []
    for name in ("cuda", "mps"):
        monkeypatch.setattr(f"torch.{name}.manual_seed", lambda _, name=name: seeded.append(name))

    reseed_step(0, 1, 2, torch.device("cpu"))
    reseed_step(0, 1, 2, torch.device(kind))

    assert seeded == [kind]
