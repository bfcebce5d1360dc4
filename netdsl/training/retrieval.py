"""How well samples of one kind are found by those of another: ranking by likeness, and what it is worth.

Q queries, N samples of a gallery, C numbers of a code.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

RANKED_AT_ONCE = 2**24
"""Pairs of a query and a sample that are ranked in one go."""


def hits(
    queries: torch.Tensor, gallery: torch.Tensor, labels: torch.Tensor, gallery_labels: torch.Tensor
) -> torch.Tensor:
    """Whether the samples of a gallery are of a query's class, the likest first by the cosine of the codes'
    angle, those alike in the gallery's order: `(Q, C)`, `(N, C)`, `(Q)`, `(N)` → `(Q, N)`."""
    likeness = F.normalize(queries, dim=1) @ F.normalize(gallery, dim=1).T
    order = likeness.argsort(dim=1, descending=True, stable=True)
    return gallery_labels[order] == labels[:, None]


def average_precision(found: torch.Tensor) -> torch.Tensor:
    """The mean, over the samples of a query's class, of the share of such samples down to each in its
    ranking, `(Q, N)` → `(Q)`; 0 where there is none.

    Source: Manning, Raghavan & Schütze 2008, Introduction to Information Retrieval, section 8.4.
    """
    ranks = torch.arange(1, found.shape[1] + 1, dtype=torch.float64, device=found.device)
    precision = found.cumsum(dim=1) / ranks
    return (precision * found).sum(dim=1) / found.sum(dim=1).clamp(min=1)


def mean_average_precision(queries: torch.Tensor, gallery: torch.Tensor, labels: torch.Tensor) -> float:
    """The mean of all queries' average precision, over the whole gallery: queries and gallery are pairs, so
    that the labels, `(N)`, are those of both."""
    size = max(1, RANKED_AT_ONCE // len(gallery))
    parts = [
        average_precision(hits(part, gallery, own, labels))
        for part, own in zip(torch.split(queries, size), torch.split(labels, size), strict=True)
    ]
    return float(torch.cat(parts).mean())


def precision_at_recall(found: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
    """The mean over queries of the highest precision at or beyond each share of the samples found, `(Q, N)`,
    `(levels)` → `(levels)`; queries of whose class there is none are left out.

    Source: Manning, Raghavan & Schütze 2008, section 8.4, interpolated precision.
    """
    found = found[found.any(dim=1)]
    count = found.cumsum(dim=1)
    precision = count / torch.arange(1, found.shape[1] + 1, dtype=torch.float64)
    best = precision.flip(1).cummax(dim=1).values.flip(1)
    recall = (count / count[:, -1:]).contiguous()
    places = torch.searchsorted(recall, levels.double().expand(len(found), -1).contiguous())
    return best.gather(1, places.clamp(max=found.shape[1] - 1)).mean(dim=0)
