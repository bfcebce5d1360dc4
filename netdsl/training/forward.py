"""A batch's way through a network: to the device and scaled, through the module, out of it as floats."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from netdsl.training.batches import Inputs
from netdsl.training.device import Placement
from netdsl.training.transforms import Scaling

Outputs = Mapping[str, torch.Tensor]
"""What a network gives, by name: `MAIN` and its heads."""
MAIN = "output"


def moved(inputs: Inputs, placement: Placement, scaling: Scaling) -> Inputs:
    """Inputs on the device; images are scaled, several inputs are taken as they are."""
    if isinstance(inputs, tuple):
        return tuple(placement.images(part) for part in inputs)
    return scaling(placement.images(inputs))


def stand_in(inputs: Inputs) -> Inputs:
    """A sample of zeros for a process without any: it takes part in what processes exchange, and does not
    count."""
    if isinstance(inputs, tuple):
        return tuple(part.new_zeros(1, *part.shape[1:]) for part in inputs)
    return inputs.new_zeros(1, *inputs.shape[1:])


def outputs_of(module: nn.Module, inputs: Inputs, placement: Placement) -> Outputs:
    """What a module gives, in the placement's precision and then as floats."""
    with placement.autocast():
        made = module(*inputs) if isinstance(inputs, tuple) else module(inputs)
    named: Outputs = made if isinstance(made, dict) else {MAIN: made}
    return {name: value.float() for name, value in named.items()}
