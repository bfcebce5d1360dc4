"""Seeds: each follows from what it is for, and no two from each other."""

from __future__ import annotations

import pytest
import torch
from scipy import stats

from netdsl.training.seeds import Chance, derived, order_of, reseed_step


def test_derived_seeds_do_not_collide() -> None:
    seeds = {derived(p, s, e, i) for p in range(4) for s in range(3) for e in range(10) for i in range(100)}

    assert len(seeds) == 4 * 3 * 10 * 100
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_an_order_is_a_permutation() -> None:
    assert order_of(1, 100, 0).sort().values.tolist() == list(range(100))


def test_what_is_drawn_follows_from_what_it_is_for() -> None:
    def drawn(seed: int, epoch: int, number: int) -> tuple[float, float]:
        sample = float(Chance(seed, epoch, torch.tensor([number])).uniform())
        reseed_step(seed, epoch, number, torch.device("cpu"))
        return sample, float(torch.rand(1))

    assert drawn(1, 2, 3) == drawn(1, 2, 3)
    assert len({value for numbers in ((1, 2, 3), (3, 2, 1), (1, 3, 2)) for value in drawn(*numbers)}) == 6


PUBLISHED = (0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F)
"""The first numbers of splitmix64 from the state 0, as its authors' `splitmix64.c` gives them."""


def test_a_sample_s_numbers_are_those_of_splitmix64() -> None:
    chance = Chance(0, 0, torch.zeros(1, dtype=torch.int64))
    chance._streams = torch.zeros(1, dtype=torch.int64)

    assert [int(number) % 2**64 for number in chance.bits(2)[0]] == list(PUBLISHED[:2])
    assert int(chance.bits(1)) % 2**64 == PUBLISHED[2]


def test_samples_draw_what_is_theirs_whatever_is_drawn_beside_them() -> None:
    samples = torch.tensor([5, 2**40, 0])
    whole, alone = Chance(1, 2, samples), Chance(1, 2, samples[1:2])

    assert torch.equal(whole.bits(3)[1:2], alone.bits(3))
    assert torch.equal(whole.uniform(2, 5)[1:2], alone.uniform(2, 5))


def test_numbers_are_uniform_within_a_sample_and_across_samples() -> None:
    """Kolmogorov and Smirnov's test, and no correlation of neighbours beyond four deviations."""
    drawn = Chance(0, 1, torch.arange(2000)).uniform(count=50)

    for part in (drawn[:, 0], drawn[0], drawn.flatten()):
        assert stats.kstest(part, "uniform").pvalue > 0.001
    centred = drawn - 0.5
    for left, right in ((centred[:, 1:], centred[:, :-1]), (centred[1:], centred[:-1])):
        assert abs(float((left * right).mean())) < 4 / 12 / left.numel() ** 0.5


def test_whole_numbers_stay_below_their_bounds() -> None:
    chance = Chance(0, 1, torch.arange(3000))

    assert torch.bincount(chance.below(3)).min() > 900
    bounds = torch.arange(3000) % 4 + 1
    assert (chance.below(bounds) < bounds).all()


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_a_step_seeds_the_device_it_runs_on_and_no_other(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seeded: list[str] = []
    for name in ("cuda", "mps"):
        monkeypatch.setattr(f"torch.{name}.manual_seed", lambda _, name=name: seeded.append(name))

    reseed_step(0, 1, 2, torch.device("cpu"))
    reseed_step(0, 1, 2, torch.device(kind))

    assert seeded == [kind]
