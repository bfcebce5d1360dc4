"""What torch and the machine raise under a training → what a person can do about it."""

from __future__ import annotations

import math

import torch

from netdsl.analysis.memory import Device
from netdsl.diagnostics import Faults, fault
from netdsl.training.choices import Recipe
from netdsl.training.device import Placement, is_out_of_memory, memory_for_training
from netdsl.training.network import TrainableNetwork
from netdsl.training.optimizer_state import values_per_parameter

GIB = 2**30
_DEVICE_WORDS = ("CUDA error", "CUDA driver error", "cuDNN error", "CUBLAS_STATUS", "MPS backend")


def as_fault(
    error: BaseException, network: TrainableNetwork, recipe: Recipe, placement: Placement, samples: str
) -> Faults | None:
    """An exception as a fault of the machine; None where it is none.

    Args:
        error: what was raised.
        network: what was trained.
        recipe: how.
        placement: where.
        samples: what a sample is, in the plural.
    """
    if isinstance(error, RuntimeError | MemoryError) and is_out_of_memory(error):
        return _out_of_memory(network, recipe, placement, samples)
    if isinstance(error, torch.AcceleratorError) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in _DEVICE_WORDS)
    ):
        first = str(error).strip().partition("\n")[0]
        help = "go on with `--resume`, on another device if it happens again"
        return fault("device-failed", f"{placement.name} failed: {first}", exit_code=4, help=help)
    return None


def _out_of_memory(network: TrainableNetwork, recipe: Recipe, placement: Placement, samples: str) -> Faults:
    together = math.ceil(recipe.batch / recipe.accumulate)
    message = f"the memory of {placement.name} ran out with {together} {samples} at a time"
    fitting = together // 2
    free = memory_for_training(placement.device)
    if network.memory is not None:
        device: Device = "cpu" if placement.device.type == "cpu" else "cuda"
        memory = network.memory(placement.precision, values_per_parameter(recipe.optimizer), device)
        message += f": such a step takes at least {memory.training(together) / GIB:.2f} GiB"
        if free is not None:
            message += f", {free / GIB:.2f} GiB are there for it"
            fitting = min(fitting, memory.largest_batch(free, training=True))
    if fitting < 1:
        help = "not even one fits: take a larger device, a smaller input, or an optimizer that keeps less"
    else:
        fewer, pieces = fitting * recipe.accumulate, math.ceil(recipe.batch / fitting)
        help = f"train with fewer, `--batch {fewer}`, or with as many in pieces, `--accumulate {pieces}`"
    return fault("out-of-memory", message, exit_code=4, help=help)
