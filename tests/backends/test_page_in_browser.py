"""The page of `netdsl show --graph html` in a browser: it opens, it points, it counts, and it is alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

import netdsl
from netdsl.cli.main import main
from netdsl.specs import find_spec
from tests.backends.test_diagram_page import HOSTILE
from tests.browser import Seen, browser, needs_browser, visit

pytestmark = needs_browser


@pytest.fixture(scope="module")
def opened() -> Iterator[Browser]:
    """One browser for all of these tests."""
    with browser() as started:
        yield started


def shown(spec: str, folder: Path) -> Path:
    """The page that a user gets."""
    file = folder / "network.html"
    assert main(["show", spec, "--graph", "html", "-o", str(file)]) == 0
    return file


@pytest.fixture
def alone(opened: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The page of the spec that a test is given; afterwards, nothing was asked for and nothing was said."""
    with visit(opened, shown(request.param, tmp_path)) as (page, seen):
        yield page
    assert seen == Seen([], [])


def box(page: Page, path: str) -> Any:
    return page.locator(f'[data-path="{path}"]')


def visible(page: Page) -> int:
    """How many boxes are to be seen."""
    return int(page.locator("[data-node]").evaluate_all("all => all.filter(e => e.checkVisibility()).length"))


def facts(page: Page) -> list[str]:
    return page.locator("#facts p").all_inner_texts()


@pytest.mark.parametrize("alone", ["resnet50"], indirect=True)
def test_boxes_open_and_close_by_a_click(alone: Page) -> None:
    """Stage, block, layer: a click shows a box's inside, and another hides it again."""
    alone.click("#close")
    stage, block, layer = (
        box(alone, path) for path in ("body", "body.0.bottleneck1", "body.0.bottleneck1.relu1")
    )
    assert stage.is_visible()
    assert not block.is_visible()

    for opens in ("body", "body.0"):
        box(alone, opens).locator("> .head").click()
    assert block.is_visible()
    assert not layer.is_visible()
    block.locator("> .head").click()
    assert layer.is_visible()
    assert block.locator("> .head").get_attribute("aria-expanded") == "true"

    block.locator("> .head").click()
    assert not layer.is_visible()
    stage.locator("> .head").click()
    assert not block.is_visible()


@pytest.mark.parametrize("alone", ["googlenet"], indirect=True)
def test_all_open_and_close_at_once(alone: Page) -> None:
    """By the two buttons, and a box by the keyboard."""
    alone.click("#open")
    every = visible(alone)
    alone.click("#close")
    top = visible(alone)
    assert 0 < top < every == alone.locator("[data-node]").count()

    alone.locator("[aria-expanded=false]").first.press("Enter")
    assert top < visible(alone) < every


@pytest.mark.parametrize("alone", ["resnet50"], indirect=True)
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("stem.maxpool1", "maxpool(3, stride=2, padding=1)"),
        ("head.linear1", "linear(classes)"),
        ("stem.conv_bn1", "conv_bn(64, 7, s=2)"),
    ],
)
def test_hovering_names_the_line(alone: Page, path: str, text: str) -> None:
    """Beside the drawing stand file and line, and there what made the box is marked."""
    alone.click("#open")
    box(alone, path).locator("> .head").hover()
    source = find_spec("resnet50").text.splitlines()
    (number,) = (n for n, line in enumerate(source, 1) if text in line)

    assert facts(alone)[0] == path
    assert facts(alone)[-1].endswith(f"resnet50.yaml:{number}")
    assert alone.locator("#spec mark").all_inner_texts() == [text]


@pytest.mark.parametrize("alone", ["resnet50"], indirect=True)
def test_a_line_shows_what_it_made(alone: Page) -> None:
    """Pointing at a line of the spec lights its boxes, or the closed ones that they are in."""
    alone.click("#close")
    source = find_spec("resnet50").text.splitlines()
    (number,) = (n for n, line in enumerate(source, 1) if line.startswith("  head:"))
    alone.locator(f"#spec li:nth-child({number})").first.hover()

    assert alone.locator("[data-node].lit").evaluate_all("all => all.map(one => one.dataset.path)") == [
        "head"
    ]


@pytest.mark.parametrize("alone", ["lenet5", "resnet50", "unet", "googlenet", "se_resnet50"], indirect=True)
def test_the_numbers_are_those_of_check(alone: Page) -> None:
    """Above the drawing the whole network's, and of each box what pointing at it says."""
    report = netdsl.check(alone.title())
    figures = {node.path: (node.output, node.params, node.macs) for node in report.nodes}
    figures |= {stage.name: (stage.output, stage.params, stage.macs) for stage in report.stages}
    found = {path: read(said) for path, *said in alone.evaluate(POINT_AT_ALL) if not repeated(said)}
    (total,) = alone.locator("header p").all_inner_texts()[-1:]

    assert rounded(total) == [pytest.approx(report.params, rel=0.005), pytest.approx(report.macs, rel=0.005)]
    assert found.keys() > {stage.name for stage in report.stages}
    assert {path: found[path] for path in found.keys() & figures} == {
        path: figures[path] for path in found.keys() & figures
    }


POINT_AT_ALL = """() => [...document.querySelectorAll("[data-node]")].map((box) => {
  box.querySelector(".head").dispatchEvent(new MouseEvent("mouseover", {bubbles: true}));
  return [...document.querySelectorAll("#facts p")].map((one) => one.textContent);
})"""


def repeated(said: list[str]) -> bool:
    """Whether a box stands for several of the network's."""
    return any(" times, together " in line for line in said)


def read(said: list[str]) -> tuple[tuple[int, ...], int, int]:
    """Output, parameters and multiply-adds from what is said of a box."""
    shapes = next(line for line in said if " → " in line)
    params, macs = numbers(next(line for line in said if " parameters, " in line))
    return tuple(map(int, shapes.rpartition(" → ")[2].split("×"))), params, macs


def rounded(line: str) -> list[float]:
    """The amounts of `61.7 k parameters · 417 k MACs`."""
    units = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
    return [float(number) * units[unit] for number, unit in re.findall(r"([\d.]+) ?([kMG]?) [pM]", line)]


def numbers(line: str) -> list[int]:
    return [int(found.replace(",", "")) for found in re.findall(r"[\d,]+(?= parameters| MACs)", line)]


def test_hostile_text_runs_nothing(opened: Browser, tmp_path: Path) -> None:
    """A description and a comment with scripts in them are shown as they were written."""
    spec = tmp_path / "hostile.yaml"
    spec.write_text(HOSTILE, "utf-8")
    with visit(opened, shown(str(spec), tmp_path)) as (page, seen):
        page.click("#open")
        box(page, "b").locator("> .head").hover()

        assert page.locator("header p").first.inner_text().startswith("</script><script>alert(1)")
        assert page.locator("#spec mark").all_inner_texts() == ["b: tanh"]
    assert seen == Seen([], [])


def test_what_a_page_asks_for_and_says_is_seen(opened: Browser, tmp_path: Path) -> None:
    """The tests above can fail: a request, an error and a dialog are each noticed."""
    file = tmp_path / "page.html"
    file.write_text(
        "<img src='other.png'><script>console.error('oh'); alert('here'); nothing.at.all</script>", "utf-8"
    )
    with visit(opened, file) as (_, seen):
        assert [address.rpartition("/")[2] for address in seen.requests] == ["other.png"]
        assert any("oh" in said for said in seen.said)
        assert any("dialog" in said for said in seen.said)
        assert any("nothing is not defined" in said for said in seen.said)
