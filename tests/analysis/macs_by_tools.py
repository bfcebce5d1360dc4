"""Multiply-adds as the tools themselves count them, of a built network that runs."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping

import torch
import torchinfo
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # both were written for older Pythons
    import fvcore.nn
    import thop


def by_torch(model: nn.Module, inputs: list[torch.Tensor]) -> int:
    counter = FlopCounterMode(display=False)
    with counter:
        model(*inputs)
    return counter.get_total_flops() // 2


def by_fvcore(model: nn.Module, inputs: list[torch.Tensor]) -> int:
    analysis = fvcore.nn.FlopCountAnalysis(model, tuple(inputs))
    return int(analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())


def by_thop(model: nn.Module, inputs: list[torch.Tensor]) -> int:
    return int(thop.profile(model, tuple(inputs), verbose=False)[0])


def by_torchinfo(model: nn.Module, inputs: list[torch.Tensor]) -> int:
    return int(torchinfo.summary(model, input_data=inputs, verbose=0).total_mult_adds)


TOOLS: Mapping[str, Callable[[nn.Module, list[torch.Tensor]], int]] = {
    "torch": by_torch,
    "fvcore": by_fvcore,
    "thop": by_thop,
    "torchinfo": by_torchinfo,
}


def counted(tool: str, model: nn.Module, inputs: list[torch.Tensor]) -> int:
    """What the tool counts."""
    logging.disable(logging.WARNING)  # of what it does not count
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            return TOOLS[tool](model, inputs)
    finally:
        logging.disable(logging.NOTSET)
