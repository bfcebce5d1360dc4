"""Batch normalisation over the batch of all processes, so that they learn what one would.

`nn.SyncBatchNorm` does so on GPUs alone. This one is plain tensor operations and one exchange each way, on
any device that processes can exchange tensors of.
"""

from __future__ import annotations

from typing import Any, final

import torch
import torch.distributed as dist
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _BatchNorm


class Counted:
    """Whether the samples that a process computes count; one that has none computes one that does not."""

    def __init__(self) -> None:
        self.weight = 1.0


class _Gather(torch.autograd.Function):
    """Every process' row, `(values)` → `(ranks, values)`; a row's gradient is the sum over all processes."""

    @staticmethod
    def forward(_: Any, row: torch.Tensor) -> torch.Tensor:
        rows = [torch.empty_like(row) for _ in range(dist.get_world_size())]
        dist.all_gather(rows, row.contiguous())
        return torch.stack(rows)

    @staticmethod
    @once_differentiable
    def backward(_: Any, gradient: torch.Tensor) -> torch.Tensor:
        summed = gradient.contiguous()
        dist.all_reduce(summed)
        return summed[dist.get_rank()]


@final
class GlobalBatchNorm(_BatchNorm):
    """`nn.BatchNorm1d`, `2d` and `3d` with the statistics of all processes' samples while it is trained."""

    counted: Counted

    def _check_input_dim(self, input: torch.Tensor) -> None:
        """Any number of dimensions from `(batch, channels)` on: the checker has judged them."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """`(batch, channels, …)`, normalised over all axes but the channels."""
        if not self.training and self.running_mean is not None:
            return super().forward(input)
        mean, variance, count = self._statistics(input.float())
        if self.training and self.running_mean is not None:
            self._remember(mean.detach(), variance.detach(), count)
        shape = (1, -1) + (1,) * (input.ndim - 2)
        scale = (variance + self.eps).rsqrt()
        if self.affine:
            scale = scale * self.weight
        normal = (input.float() - mean.view(shape)) * scale.view(shape)
        return (normal + self.bias.view(shape) if self.affine else normal).to(input.dtype)

    def _statistics(self, input: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Mean and biased variance of each channel over all processes' samples, and their count.

        Each process' own are merged as in Chan et al. 1979, which no large mean disturbs.
        """
        axes = [axis for axis in range(input.ndim) if axis != 1]
        variance, mean = torch.var_mean(input, axes, correction=0)
        values = input.numel() // input.shape[1]
        count = mean.new_full((1,), values * self.counted.weight)
        rows = _Gather.apply(torch.cat([mean, variance, count]))
        channels = input.shape[1]
        means, variances, counts = rows.split([channels, channels, 1], dim=1)
        total = counts.sum()
        shares = counts / total
        mean = (shares * means).sum(0)
        return mean, (shares * (variances + (means - mean).square())).sum(0), total

    @torch.no_grad()
    def _remember(self, mean: torch.Tensor, variance: torch.Tensor, count: torch.Tensor) -> None:
        """Takes the statistics into the running ones, as torch does: the variance unbiased."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share: Any = self.momentum if self.momentum is not None else 1 / self.num_batches_tracked
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance * (count / (count - 1)), share)


def exchange_batchnorm(module: nn.Module, counted: Counted) -> None:
    """Puts the like of every batch normalisation in its place; parameters, buffers and names stay.

    Args:
        module: changed in place; it is no batch normalisation itself.
        counted: says at every step whether this process' samples count.
    """
    made: dict[nn.Module, GlobalBatchNorm] = {}  # what stands in two places stays one
    for parent in list(module.modules()):
        for name, child in parent._modules.items():
            if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
                made[child] = made.get(child) or _exchanged(child, counted)
                parent._modules[name] = made[child]


def _exchanged(norm: _BatchNorm, counted: Counted) -> GlobalBatchNorm:
    made = GlobalBatchNorm(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
    made.counted = counted
    for name, parameter in norm.named_parameters(recurse=False):
        made.register_parameter(name, parameter)
    for name, buffer in norm.named_buffers(recurse=False):
        made.register_buffer(name, buffer)
    made.train(norm.training)
    return made
