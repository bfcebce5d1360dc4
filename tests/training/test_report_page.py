"""A run's page: it stands alone, tells all there is to know, and shows what a network takes for what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from playwright.sync_api import Page

import netdsl
from netdsl.records import replace as changed
from netdsl.training.mistakes import COLUMNS, SHOWN, Worst
from netdsl.training.report import draw_curves
from netdsl.training.report_page import command, html_report
from netdsl.training.run import Run, recipe_lines
from tests.browser import Seen, browser, needs_browser, visit

SPEC = """
name: small
input: [1, 8, 8]
net: flatten -> linear(10)
train: {data: digits, batch: 64, epochs: 2, optimizer: sgd(lr=0.1)}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run that makes mistakes."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "small.yaml").write_text(SPEC)
    return netdsl.train(folder / "small.yaml", out=folder / "run", device="cpu")


@pytest.fixture
def page(run: Run) -> Iterator[Page]:
    """Its page in a browser; afterwards nothing was asked for and nothing was said."""
    with browser() as opened, visit(opened, run.folder / "report.html") as (shown, seen):
        yield shown
    assert seen == Seen([], [])


@needs_browser
def test_a_page_stands_alone_and_shows_all(run: Run, page: Page) -> None:
    assert page.title() == "small on digits"
    assert page.locator("figcaption").all_inner_texts() == [
        "loss and accuracy over the epochs",
        "classes that are, by rows, and classes that were seen, by columns, of the test data",
        "the surest of the mistakes on the test data",
    ]
    drawn = page.locator("figure img").evaluate_all("all => all.every(e => e.naturalWidth > 200)")
    assert drawn
    assert page.locator("svg").get_by_text("epoch").count() == 2  # words stay words
    assert page.locator(".figures b").first.inner_text() == f"{run.metrics['test_accuracy']:.4f}"
    page.click("text=Epoch by epoch")
    assert page.locator("details[open] tr").count() == 3


def test_every_choice_of_the_recipe_is_told(run: Run) -> None:
    told = dict(recipe_lines(run))

    assert list(told) == list(vars(run.recipe))
    assert (told["data"], told["init"], told["freeze"]) == ("digits", "as torch begins", "none")
    assert str(told["optimizer"]).startswith("sgd(lr=0.1, ")


def test_the_command_can_be_typed_again(run: Run) -> None:
    words = ("/usr/bin/netdsl", "train", "a b.yaml", "--optimizer", "sgd(lr=0.1)")

    assert command(replace(run, facts=replace(run.facts, command=words))) == (
        "netdsl train 'a b.yaml' --optimizer 'sgd(lr=0.1)'"
    )


def test_what_a_run_is_called_by_cannot_break_its_page(run: Run) -> None:
    hostile = "<script>alert(1)</script>"
    facts = replace(run.facts, data=hostile, remarks=(hostile,), passed_over=(hostile,), command=(hostile,))

    text = html_report(replace(run, facts=facts), draw_curves(run), {hostile: b""})

    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 5


def test_a_run_that_was_stopped_says_so(run: Run) -> None:
    stopped = replace(run, recipe=changed(run.recipe, epochs=9))

    text = html_report(stopped, Figure(), {})

    assert "Stopped after epoch 2 of 9." in text
    assert "Stopped" not in html_report(run, Figure(), {})


def test_a_run_s_folder_has_its_confusion_and_its_mistakes(run: Run) -> None:
    for name in ("confusion.png", "mistakes.png"):
        assert (run.folder / name).read_bytes().startswith(b"\x89PNG")


def test_the_surest_mistakes_of_all_batches_are_kept_the_surest_first() -> None:
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(100, 4, generator=generator).softmax(dim=1)
    labels = torch.randint(4, (100,), generator=generator)
    images = torch.arange(100, dtype=torch.uint8).reshape(100, 1, 1, 1).expand(100, 1, 2, 2)
    worst = Worst()

    for start in range(0, 100, 7):
        part = slice(start, start + 7)
        worst.add(images[part], labels[part], probabilities[part])

    wrong = [i for i in range(100) if int(probabilities[i].argmax()) != int(labels[i])]
    expected = sorted(wrong, key=lambda i: -float(probabilities[i].max()))[:SHOWN]
    assert [int(mistake.image[0, 0, 0]) for mistake in worst.found] == expected
    assert all(mistake.seen != mistake.label for mistake in worst.found)


def test_a_mistake_is_drawn_with_both_classes() -> None:
    worst = Worst()
    images = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    images[0, 0] = 255
    worst.add(images, torch.tensor([0, 1]), torch.tensor([[0.1, 0.9], [0.2, 0.8]]))

    drawn = worst.draw(["cat", "a name that is far too long"])

    shown = [axes for axes in drawn.axes if axes.images]
    assert len(drawn.axes) == COLUMNS
    assert [axes.get_title() for axes in shown] == ["is cat\nseen a name that i…, 90 %"]
    assert np.asarray(shown[0].images[0].get_array())[0, 0].tolist() == [1, 0, 0]
