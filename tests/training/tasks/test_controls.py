"""Held to targets of other samples, networks learn nothing: figures above chance are of what was learned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from netdsl.training.batches import Batch, Batches
from netdsl.training.runner import train
from netdsl.training.windows import Windows
from tests.training.networks import network, silent
from tests.training.tasks.test_binary import eyes, one_logit
from tests.training.tasks.test_hyperspectral import recipe, told, write_field


@pytest.fixture
def _dealt_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """In training the targets of each batch are dealt out anew; tests, of epoch 0, have their own."""
    for supply in (Batches, Windows):
        monkeypatch.setattr(supply, "epoch", _dealing(supply))


def _dealing(supply: type[Batches] | type[Windows]):  # type: ignore[no-untyped-def]
    made = supply.epoch

    def epoch(batches: Batches | Windows, number: int, first: int = 0) -> Iterator[Batch]:
        generator = torch.Generator().manual_seed(number)
        for given, target in made(batches, number, first):  # type: ignore[arg-type]
            order = torch.randperm(len(target), generator=generator)
            yield given, target[order] if number else target

    return epoch


@pytest.mark.usefixtures("_dealt_out")
def test_digits_of_other_classes_teach_nothing(tmp_path: Path) -> None:
    """Of ten classes one in ten is right, and nine by their own. Measured: 0.07 to 0.15."""
    run = train(network(), out=tmp_path / "run", device="cpu", display=silent())

    assert run.metrics["test_accuracy"] < 0.2
    assert run.metrics["test_top5_accuracy"] < 0.65


def test_digits_of_their_own_classes_do(tmp_path: Path) -> None:
    run = train(network(), out=tmp_path / "run", device="cpu", display=silent())

    assert run.metrics["test_accuracy"] > 0.85
    assert run.metrics["test_top5_accuracy"] > 0.95


@pytest.mark.usefixtures("_dealt_out")
def test_eyes_of_other_diagnoses_teach_nothing(tmp_path: Path) -> None:
    """Two of three are well in training, so that all are taken for well: half are in the tests."""
    run = train(one_logit(), out=tmp_path / "run", root=eyes(tmp_path), device="cpu", display=silent())

    assert run.metrics["test_accuracy"] == 0.5


def sixteen_fields(tmp_path: Path) -> float:
    """Kappa of sixteen fields of a class each: one that is told by luck is little of the whole."""
    made = told(recipe(write_field(tmp_path / "field", along=4), epochs=8), output=(16,))
    return train(made, out=tmp_path / "run", device="cpu", display=silent()).metrics["test_kappa"]


@pytest.mark.usefixtures("_dealt_out")
def test_pixels_of_other_classes_teach_nothing(tmp_path: Path) -> None:
    """Measured: 0.00, at most 0.05 after four epochs."""
    assert abs(sixteen_fields(tmp_path)) < 0.15


def test_pixels_of_their_own_classes_do(tmp_path: Path) -> None:
    """Measured: 0.92 to 0.95."""
    assert sixteen_fields(tmp_path) > 0.8
