"""Classes that were seen against those that are: the matrix of both, and how far they agree.

N samples, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from matplotlib.figure import Figure

NAMED = 40
"""The most classes whose names fit beside a drawn matrix."""
COUNTED = 20
"""The most classes whose counts fit into its cells."""


def confusion(label: torch.Tensor, seen: torch.Tensor, classes: int) -> torch.Tensor:
    """How many samples of each class, by rows, were seen as each, by columns: `(N)`, `(N)` → `(K, K)`."""
    return torch.bincount(label * classes + seen, minlength=classes**2).view(classes, classes)


def agreement(label: torch.Tensor, seen: torch.Tensor) -> dict[str, float]:
    """How far classes that were seen agree with those that are, `(N)` each.

    Overall accuracy is the share of samples that are right, average accuracy the mean over classes of that
    share, and kappa what the overall accuracy is above chance, as a share of what there is above chance
    (Cohen 1960).
    """
    matrix = confusion(label, seen, int(torch.maximum(seen.max(), label.max())) + 1).double()
    total, truth, found = matrix.sum(), matrix.sum(dim=1), matrix.sum(dim=0)
    right = matrix.diagonal()
    overall, chance = right.sum() / total, (truth * found).sum() / total**2
    return {
        "overall_accuracy": float(overall),
        "average_accuracy": float((right / truth)[truth > 0].mean()),
        "kappa": float((overall - chance) / (1 - chance)) if chance < 1 else 0.0,
    }


def draw_confusion(matrix: torch.Tensor, names: Sequence[str]) -> Figure:
    """A matrix of counts, shaded by the share of each row, so that rare classes are seen as well."""
    count = len(names)
    side = min(max(4.0, 1.5 + 0.4 * count), 14.0)
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    shares = matrix.double() / matrix.sum(dim=1, keepdim=True).clamp(min=1)
    axes.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=1)
    axes.set_xlabel("seen")
    axes.set_ylabel("is")
    if count <= NAMED:
        axes.set_xticks(range(count), names, rotation=90 if max(map(len, names)) > 3 else 0)
        axes.set_yticks(range(count), names)
    for row, column in matrix.nonzero().tolist() if count <= COUNTED else []:
        colour = "white" if shares[row, column] > 0.5 else "black"
        number = int(matrix[row, column])
        axes.text(column, row, f"{number:,}", ha="center", va="center", color=colour, fontsize=8)
    return figure
