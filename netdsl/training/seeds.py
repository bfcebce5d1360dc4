"""Where chance comes from: numbers that follow from the run's seed and what they are for.

No generator runs through a training: the order of an epoch follows from (seed, epoch), an image's
augmentation from (seed, epoch, image), what is random inside the network from (seed, epoch, step). So a run
that is resumed, or spread over processes, draws what an undisturbed one would have drawn.
"""

from __future__ import annotations

from typing import final

import torch

WEIGHTS, ORDER, SAMPLE, STEP, NOISE, SPLIT, VALIDATION, MIX = range(8)
"""What a seed is for; the first argument of `derived`."""

_BITS = 2**64 - 1


def derived(purpose: int, *numbers: int) -> int:
    """A seed of 63 bits that follows from the numbers: splitmix64 (Steele et al. 2014) over each in turn.

    >>> derived(ORDER, 0, 1) == derived(ORDER, 0, 1), derived(ORDER, 0, 1) == derived(ORDER, 1, 0)
    (True, False)
    """
    state = 0
    for number in (purpose, *numbers):
        state = state + number + 0x9E3779B97F4A7C15 & _BITS
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & _BITS
        state = (state ^ state >> 27) * 0x94D049BB133111EB & _BITS
        state ^= state >> 31
    return state >> 1


@final
class Chance:
    """What the samples of a batch draw from: a sample's k-th number follows from (seed, epoch, sample, k).

    So it does not depend on the batch that a sample is in, nor on device, process or rank. Each sample has a
    stream of splitmix64 of its own (Steele et al. 2014, Fast Splittable Pseudorandom Number Generators): a
    counter, mixed; all are drawn at once, as integers, so that every machine draws the same.
    """

    def __init__(self, seed: int, epoch: int, samples: torch.Tensor, purpose: int = SAMPLE) -> None:
        """Args: samples: the numbers of the samples, `(N,)`; purpose: what for: others draw other numbers."""
        base = torch.tensor(derived(purpose, seed, epoch))
        self._streams = _mixed(samples.cpu() + base)
        self._drawn = 0

    def __len__(self) -> int:
        return len(self._streams)

    def bits(self, count: int) -> torch.Tensor:
        """The next so many numbers of each sample, of 64 bits, `(N, count)`."""
        counters = torch.arange(self._drawn + 1, self._drawn + count + 1)
        self._drawn += count
        return _mixed(self._streams[:, None] + counters * _GOLDEN)

    def uniform(self, low: float = 0, high: float = 1, count: int = 1) -> torch.Tensor:
        """Doubles from `low` to below `high`, `(N, count)`."""
        return low + (high - low) * ((self.bits(count) >> 11 & 2**53 - 1).double() * 2.0**-53)

    def below(self, bound: int | torch.Tensor) -> torch.Tensor:
        """Whole numbers from 0 to below a bound, or below one for each sample, `(N,)`."""
        return (self.uniform()[:, 0] * bound).long()


_GOLDEN = 0x9E3779B97F4A7C15 - 2**64


def _mixed(state: torch.Tensor) -> torch.Tensor:
    """The mixing of splitmix64, of 64-bit numbers with signs; products wrap."""
    state = (state ^ (state >> 30 & 2**34 - 1)) * (0xBF58476D1CE4E5B9 - 2**64)
    state = (state ^ (state >> 27 & 2**37 - 1)) * (0x94D049BB133111EB - 2**64)
    return state ^ (state >> 31 & 2**33 - 1)


def order_of(epoch: int, count: int, seed: int) -> torch.Tensor:
    """The order of an epoch: the numbers below `count`, shuffled."""
    generator = torch.Generator().manual_seed(derived(ORDER, seed, epoch))
    return torch.randperm(count, generator=generator)


def reseed_step(seed: int, epoch: int, step: int, device: torch.device, rank: int = 0) -> None:
    """Sets what a training step draws from, for dropout and the like, on the CPU and the device it runs on.
    Processes that share a batch draw each their own.

    `torch.manual_seed` would reach for every kind of device, which takes milliseconds for one not in use.
    """
    number = derived(STEP, seed, epoch, step, *([rank] if rank else []))
    torch.default_generator.manual_seed(number)
    if device.type == "cuda":
        torch.cuda.manual_seed(number)
    elif device.type == "mps":
        torch.mps.manual_seed(number)
