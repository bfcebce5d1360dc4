"""Losses that torch lacks."""

from __future__ import annotations

from typing import final

import torch
from torch import nn
from torch.nn import functional as F


@final
class PenaltyLoss(nn.Module):
    """LeNet-5's loss, of outputs `(batch, classes)` that are penalties: the class with the smallest is seen.

    The mean of y_D + log(e^−j + Σ e^−y_i), where D is the right class: its penalty is pushed down, those of
    the others up, and the less so the further they are above j, the penalty of an image that is none of them.
    Source: LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition, equation 9.
    """

    def __init__(self, j: float) -> None:
        super().__init__()
        self.j = j

    def forward(self, penalties: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The mean over a batch; `target` holds the classes' numbers, `(batch)`."""
        right = penalties.gather(1, target[:, None])[:, 0]
        every = F.pad(-penalties, (0, 1), value=-self.j)
        return (right + every.logsumexp(dim=1)).mean()


@final
class PictureError(nn.Module):
    """DnCNN's loss: half the squared error, summed over a picture's values, the mean over the batch.

    It is written there for the noise; where the network gives the picture less the noise that it finds, the
    difference to the clean picture is the same.
    Source: Zhang et al. 2016, Beyond a Gaussian Denoiser, equation 1.
    """

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The mean over a batch `(batch, channels, height, width)`."""
        return (output - target).square().sum() / (2 * len(output))
