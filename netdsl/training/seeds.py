"""Where chance comes from: numbers that follow from the run's seed and what they are for.

No generator runs through a training: the order of an epoch follows from (seed, epoch), an image's
augmentation from (seed, epoch, image), what is random inside the network from (seed, epoch, step). So a run
that is resumed, or spread over processes, draws what an undisturbed one would have drawn.
"""

from __future__ import annotations

import torch

WEIGHTS, ORDER, SAMPLE, STEP, NOISE, SPLIT = range(6)
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


def order_of(epoch: int, count: int, seed: int) -> torch.Tensor:
    """The order of an epoch: the numbers below `count`, shuffled."""
    generator = torch.Generator().manual_seed(derived(ORDER, seed, epoch))
    return torch.randperm(count, generator=generator)


def reseed_sample(seed: int, epoch: int, index: int) -> None:
    """Sets what an image's augmentation draws from: the CPU's generator alone, which takes microseconds."""
    torch.default_generator.manual_seed(derived(SAMPLE, seed, epoch, index))


def reseed_step(seed: int, epoch: int, step: int, device: torch.device) -> None:
    """Sets what a training step draws from, for dropout and the like, on the CPU and the device it runs on.

    `torch.manual_seed` would reach for every kind of device, which takes milliseconds for one not in use.
    """
    number = derived(STEP, seed, epoch, step)
    torch.default_generator.manual_seed(number)
    if device.type == "cuda":
        torch.cuda.manual_seed(number)
    elif device.type == "mps":
        torch.mps.manual_seed(number)
