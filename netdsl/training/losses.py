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
class CrossModalLoss(nn.Module):
    """DSCMR's loss of pairs of an image and a text: three losses with their weights; 0 leaves one out.

    In the space of labels, how far what both codes say of the classes is from the class, as the mean distance
    ‖p − y‖ over pairs. In the common space, how well half the cosine of two codes tells whether they are of
    one class, as the mean of log(1 + e^Γ) − SΓ over all pairs of codes, of images, of texts, and of both. And
    between the kinds, how far the two codes of a pair are apart, as the mean distance ‖u − v‖.
    Source: Zhen et al. 2019, Deep Supervised Cross-Modal Retrieval, section 3. There the first and the last
    are a Frobenius norm of the whole batch over its size, which shrinks as batches grow; here they are means
    of each pair's norm, as in the authors' code.
    """

    def __init__(self, label_space: float, common_space: float, between_kinds: float) -> None:
        super().__init__()
        self.label_space, self.common_space, self.between_kinds = label_space, common_space, between_kinds

    def forward(
        self,
        image: torch.Tensor,
        text: torch.Tensor,
        image_class: torch.Tensor,
        text_class: torch.Tensor,
        target: torch.Tensor,
    ) -> torch.Tensor:
        """The loss of a batch: codes `(batch, numbers)`, classes `(batch, classes)`, targets `(batch)`."""
        label = F.one_hot(target, image_class.shape[1]).to(image_class.dtype)
        in_labels = (image_class - label).norm(dim=1).mean() + (text_class - label).norm(dim=1).mean()
        is_same = (target[:, None] == target).to(image.dtype)
        pairs = ((image, image), (image, text), (text, text))
        in_common = torch.stack([_likelihood(first, second, is_same) for first, second in pairs]).sum()
        between = (image - text).norm(dim=1).mean()
        parts = torch.stack([in_labels, in_common, between])
        weights = parts.new_tensor([self.label_space, self.common_space, self.between_kinds])
        return torch.dot(weights, parts)


def _likelihood(first: torch.Tensor, second: torch.Tensor, is_same: torch.Tensor) -> torch.Tensor:
    """The mean negative log-likelihood of codes being of one class, `(batch, numbers)` each."""
    half_cosine = F.normalize(first, dim=1) @ F.normalize(second, dim=1).T / 2
    return torch.mean(F.softplus(half_cosine) - is_same * half_cosine)


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
