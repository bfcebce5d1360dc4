"""Classes seen against those that are, held against scikit-learn."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from sklearn import metrics

from netdsl.training.confusion import agreement, confusion, draw_confusion


@pytest.mark.parametrize("seed", range(3))
def test_agreement_is_scikit_learn_s(seed: int) -> None:
    random = np.random.default_rng(seed)
    label = random.integers(0, 6, 500)
    seen = np.where(random.random(500) < 0.6, label, random.integers(0, 7, 500))
    label[label == 4] = 3  # a class that is seen and never right

    found = agreement(torch.tensor(label), torch.tensor(seen))

    recalls = metrics.recall_score(label, seen, labels=np.unique(label), average=None, zero_division=0)
    assert found == pytest.approx(
        {
            "overall_accuracy": metrics.accuracy_score(label, seen),
            "average_accuracy": recalls.mean(),
            "kappa": metrics.cohen_kappa_score(label, seen),
        }
    )


def test_chance_alone_has_no_kappa() -> None:
    """Cohen 1960: 0 where classes agree as often as chance has it, 1 where always."""
    half = torch.tensor([0, 0, 1, 1])

    assert agreement(torch.tensor([0, 1, 0, 1]), half)["kappa"] == 0
    assert agreement(half, half)["kappa"] == 1


def test_the_matrix_is_scikit_learn_s() -> None:
    label, seen = np.random.default_rng(0).integers(0, 7, (2, 300))
    label[label == 5] = 2

    found = confusion(torch.tensor(label), torch.tensor(seen), 8)

    assert np.array_equal(found.numpy(), metrics.confusion_matrix(label, seen, labels=range(8)))


@pytest.mark.parametrize("count", [2, 20, 41])
def test_it_is_drawn_with_as_much_as_fits(count: int) -> None:
    """Counts in the cells of few classes, names beside those of some."""
    matrix = torch.eye(count, dtype=torch.int64) * 3

    figure = draw_confusion(matrix, [f"class {number}" for number in range(count)])

    (axes,) = figure.axes
    assert len(axes.texts) == (count if count <= 20 else 0)
    assert ("class 1" in [label.get_text() for label in axes.get_yticklabels()]) == (count <= 40)
    figure.savefig(io.BytesIO())
