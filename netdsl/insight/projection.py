"""Backward passes with another rule: rectified on the way back.

Both walk from a value inside the network back to the pixels through transposed filters and recorded switches,
which is what a gradient does. They differ from it, and from each other, in rectifiers:

    gradient    passes where the way forward was open
    deconvnet   passes what is positive
    guided      passes what is positive where the way forward was open
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import nn

from netdsl.insight.capture import replaced_outputs

Rule = Literal["deconvnet", "guided"]

RECTIFIERS = (nn.ReLU, nn.ReLU6)


class _Rectified(torch.autograd.Function):
    """A rectifier that forwards as it did, and on the way back lets through by another rule."""

    @staticmethod
    def forward(ctx: Any, input: torch.Tensor, output: torch.Tensor, guided: bool) -> torch.Tensor:
        ctx.is_open = input > 0 if guided else None
        return output.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        passed = gradients[0].clamp(min=0)
        return passed if ctx.is_open is None else passed * ctx.is_open, None, None


@contextmanager
def rectified(module: nn.Module, rule: Rule) -> Iterator[None]:
    """Lets gradients of a module follow a rule, for as long as the context lasts.

    Under `deconvnet`, contrast normalisation passes everything, and average pooling gives each cell of a
    window the pooled value (Zeiler & Fergus 2013, section 2.1; Zeiler et al. 2011).
    """

    def replace(part: nn.Module, input: torch.Tensor, output: torch.Tensor) -> torch.Tensor | None:
        if isinstance(part, RECTIFIERS):
            return _Rectified.apply(input, output.detach(), rule == "guided")  # type: ignore[no-any-return]
        if rule == "guided":
            return None
        if isinstance(part, nn.LocalResponseNorm):
            return input + (output - input).detach()
        cells = _averaged_cells(part, input, output)
        return None if cells == 1 else cells * output - ((cells - 1) * output).detach()

    with replaced_outputs(module, replace):
        yield


def _averaged_cells(part: nn.Module, input: torch.Tensor, output: torch.Tensor) -> float:
    """How many cells an average pooling divides by; 1 for any other module."""
    if isinstance(part, nn.AvgPool2d):
        sizes = (part.kernel_size,) * 2 if isinstance(part.kernel_size, int) else part.kernel_size
        return math.prod(sizes)
    if isinstance(part, nn.AdaptiveAvgPool2d):
        return math.prod(input.shape[2:]) / math.prod(output.shape[2:])
    return 1


def projected(value: torch.Tensor, seed: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """A seed, in the place of a value inside the network, brought back to the image: of the image's shape."""
    (pixels,) = torch.autograd.grad(value, image, seed)
    return pixels
