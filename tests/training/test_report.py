"""A run's figures as a picture, as a page and as data."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from netdsl.training.choices import Recipe
from netdsl.training.report import draw_curves, outcome, page, summary, write_report
from netdsl.training.run import Facts, Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run of two epochs out of ten, with figures of its own."""
    facts = Facts(
        network="small",
        settings={},
        input=(1, 8, 8),
        output=(10,),
        parameters=1234,
        macs=56789,
        data="digits",
        passed_over=("`cifar10` is not there",),
        fingerprint="",
        classes=("0", "1"),
        samples="images",
        metric="accuracy",
        train_samples=1437,
        test_samples=360,
        remarks=("the writers are the same",),
        mean=None,
        std=None,
        seed=0,
        device="a machine",
        precision="fp32",
        versions={},
        command=(),
        started="",
    )
    rows = tuple(
        {
            "epoch": epoch,
            "train_loss": 2.5 / epoch,
            "train_accuracy": 0.4 * epoch,
            "test_loss": 3.5 / epoch,
            "test_accuracy": 0.3 * epoch,
            "seconds": 1.5,
        }
        for epoch in (1, 2)
    )
    return Run(tmp_path, Recipe(), facts, rows)


def points(line: Line2D) -> list[list[float]]:
    values: list[list[float]] = np.asarray(line.get_xydata()).tolist()
    return values


def test_the_curves_are_the_rows_labelled(run: Run) -> None:
    figure = draw_curves(run)

    loss, accuracy = figure.axes
    assert [points(line) for line in loss.lines] == [[[1, 2.5], [2, 1.25]], [[1, 3.5], [2, 1.75]]]
    assert [points(line) for line in accuracy.lines] == [[[1, 0.4], [2, 0.8]], [[1, 0.3], [2, 0.6]]]
    assert [line.get_label() for line in loss.lines] == ["train (1.2500)", "test (1.7500)"]
    assert (loss.get_xlabel(), loss.get_ylabel(), accuracy.get_ylabel()) == ("epoch", "loss", "accuracy")
    assert figure.get_suptitle() == "small on digits"


def test_the_page_says_what_was_reached_on_what(run: Run) -> None:
    text = page(run)

    assert text.startswith("# small on digits\n\n> **A fallback was used.** `cifar10` is not there\n")
    assert "\n> the writers are the same\n" in text
    assert "**Test accuracy 0.6000** after epoch 2 of 10; stopped before the end, on 360 images" in text
    assert "| optimizer | `adamw(lr=0.001, " in text
    assert "netdsl predict" in text
    assert "| 2 | 1.2500 | 0.8000 | 1.7500 | 0.6000 |" in text


def test_the_outcome_is_a_line_that_leads_to_the_page(run: Run) -> None:
    assert outcome(run) == (
        "test accuracy 0.6000 on 360 images that took no part in training, after 2 epochs and 3 seconds: "
        f"see {run.folder / 'report.html'}"
    )


def test_the_data_are_those_of_the_page(run: Run) -> None:
    content = summary(run)

    assert content["final"] == run.rows[-1]
    assert (content["finished"], content["epochs"], content["seconds"]) == (False, 2, 3.0)


def test_a_report_is_four_files(run: Run) -> None:
    write_report(run, {})

    assert sorted(path.name for path in run.folder.iterdir()) == [
        "curves.png",
        "report.html",
        "report.json",
        "report.md",
    ]
    assert "at the end" not in (run.folder / "report.md").read_text()
    assert json.loads((run.folder / "report.json").read_text())["data"] == "digits"
    with Image.open(run.folder / "curves.png") as picture:
        assert picture.size == (1080, 432)
        assert len(picture.convert("RGB").getcolors(2**20) or []) > 50


def test_a_task_s_pictures_and_further_figures_are_shown(run: Run) -> None:
    rows = tuple(dict(row) | {"train_auroc": 0.9, "test_auroc": 0.8} for row in run.rows)
    figure = Figure(figsize=(1, 1))

    write_report(replace(run, rows=rows), {"roc.png": figure})

    text = (run.folder / "report.md").read_text()
    assert "![roc](roc.png)" in text
    assert "| auroc | 0.9000 | 0.8000 |" in text
    assert (run.folder / "roc.png").read_bytes().startswith(b"\x89PNG")
