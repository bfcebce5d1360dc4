"""The exponential moving average of a module's weights, which often does better than the weights themselves.

Polyak & Juditsky 1992 average the weights of a descent; the exponential form, with the rising decay of its
beginning, is that of TensorFlow's ExponentialMovingAverage. Buffers of fractions, such as the running mean of
a batch normalisation, are averaged with the weights, as in torchvision's reference training; counts are
taken as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import final

import torch
from torch import nn

from netdsl.training.tensors import Tensors, module_tensors


def decay_at(step: int, decay: float) -> float:
    """The decay of a step, counted from 0: it rises to the one that is asked for, so that the first weights,
    which are random, are soon forgotten.

    >>> decay_at(0, 0.999), decay_at(10**6, 0.999)
    (0.1, 0.999)
    """
    return min(decay, (1 + step) / (10 + step))


@final
class MovingAverage:
    """The averaged tensors of a module, under its own names."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._decay = decay
        self._own = module_tensors(module)
        self.tensors: Tensors = {}
        """By the names of the module's own."""
        self.restart()

    def restart(self) -> None:
        """Begins with the weights as they stand."""
        self.tensors = {name: tensor.detach().clone() for name, tensor in self._own.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Takes in the weights as they stand after a step, counted from 0 over the whole training."""
        share = 1 - decay_at(step, self._decay)
        for name, averaged in self.tensors.items():
            if averaged.is_floating_point():
                averaged.lerp_(self._own[name].detach(), share)
            else:
                averaged.copy_(self._own[name])

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Lends the averaged tensors to the module."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        for name, averaged in self.tensors.items():
            kept = averaged.clone()
            averaged.copy_(self._own[name])
            self._own[name].copy_(kept)
