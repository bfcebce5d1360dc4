"""Rankings and what they are worth, held against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, precision_recall_curve
from sklearn.metrics.pairwise import cosine_similarity

from netdsl.training import retrieval
from netdsl.training.retrieval import (
    average_precision,
    hits,
    mean_average_precision,
    precision_at_recall,
)


def codes(count: int = 60) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    labels = torch.randint(5, (count,), generator=generator)
    queries, gallery = torch.randn(2, count, 7, generator=generator)
    return queries + 0.5 * labels[:, None], gallery + 0.5 * labels[:, None], labels


@pytest.mark.parametrize("at_once", [2**24, 100])
def test_mean_average_precision_is_scikit_learn_s(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(retrieval, "RANKED_AT_ONCE", at_once)
    queries, gallery, labels = codes()

    found = mean_average_precision(queries, gallery, labels)

    likeness = cosine_similarity(queries.numpy(), gallery.numpy())
    by_query = [
        average_precision_score(labels.numpy() == int(label), scores)
        for label, scores in zip(labels, likeness, strict=True)
    ]
    assert found == pytest.approx(np.mean(by_query), abs=1e-6)


def test_a_ranking_by_hand() -> None:
    """Of three to find the first, third and fourth: (1/1 + 2/3 + 3/4) / 3."""
    assert average_precision(torch.tensor([[True, False, True, True]])).tolist() == [(1 + 2 / 3 + 3 / 4) / 3]
    assert average_precision(torch.tensor([[False, False]])).tolist() == [0]


def test_equals_stand_in_the_gallery_s_order() -> None:
    gallery = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [3.0, 0.0]])

    found = hits(torch.tensor([[1.0, 0.0]]), gallery, torch.tensor([1]), torch.tensor([0, 1, 1, 0]))

    assert found.tolist() == [[False, True, False, True]]


def test_chance_finds_what_chance_does() -> None:
    """Codes that know nothing have the share of a class, a little more in small galleries."""
    generator = torch.Generator().manual_seed(0)
    queries, gallery = torch.randn(2, 1000, 8, generator=generator)

    found = mean_average_precision(queries, gallery, torch.arange(1000) % 10)

    assert found == pytest.approx(0.1, abs=0.01)


def test_precision_at_recall_is_scikit_learn_s() -> None:
    queries, gallery, labels = codes()
    levels = torch.linspace(0, 1, 11)

    found = precision_at_recall(hits(queries, gallery, labels, labels), levels)

    likeness = cosine_similarity(queries.numpy(), gallery.numpy())
    curves = []
    for label, scores in zip(labels, likeness, strict=True):
        precision, recall, _ = precision_recall_curve(labels.numpy() == int(label), scores)
        precision, recall = precision[:-1], recall[:-1]  # the last is scikit-learn's own, at no threshold
        curves.append([precision[recall >= level - 1e-9].max() for level in levels.tolist()])
    assert found.tolist() == pytest.approx(np.mean(curves, axis=0).tolist(), abs=1e-6)
