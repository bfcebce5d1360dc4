"""The SVG: well formed, nothing over anything else, every text in its box."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest

from netdsl import compiler, shipped_specs
from netdsl.backends.diagram.drawing import draw
from netdsl.backends.diagram.members import levels_within
from netdsl.backends.diagram.pieces import boxes
from netdsl.backends.diagram.svg import DARK, LIGHT, svg
from netdsl.diagnostics import Source

SVG = "{http://www.w3.org/2000/svg}"
CHARACTER = 0.602
"""The width of a character of DejaVu Sans Mono, as a part of the font's size."""
SLACK = 0.11
"""Coordinates are rounded to a tenth."""

Rectangle = tuple[float, float, float, float]


def parsed(spec: str, levels: int | None = None) -> ET.Element:
    network = compiler.network_of(compiler.compile_spec(spec, to_print=False))
    text = svg(draw(network, levels or levels_within(network, 44)))
    return ET.fromstring(text)  # noqa: S314 - our own text


def groups(element: ET.Element) -> list[ET.Element]:
    return [child for child in element if child.tag == f"{SVG}g" and child.get("class") == "box"]


def rectangle(group: ET.Element) -> Rectangle:
    """The border of a box: the first rectangle of its group."""
    found = group.find(f"{SVG}rect")
    assert found is not None
    x, y, width, height = (float(found.get(name, "nan")) for name in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


def faults(element: ET.Element, around: Rectangle) -> Iterator[str]:
    """Boxes that touch each other or leave the one around them, and texts that leave theirs."""
    inner = groups(element)
    places = [rectangle(group) for group in inner]
    for number, (group, one) in enumerate(zip(inner, places, strict=True)):
        name = group.get("data-path", "")
        if not (one[0] >= around[0] and one[1] >= around[1] and one[2] <= around[2] and one[3] <= around[3]):
            yield f"{name} leaves what is around it"
        for other in places[number + 1 :]:
            if one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]:
                yield f"{name} lies over another"
        yield from text_faults(group, one)
        yield from faults(group, one)


def text_faults(group: ET.Element, around: Rectangle) -> Iterator[str]:
    for text in group.findall(f"{SVG}text"):
        size = 12.0 if "name" in text.get("class", "") else 10.5
        x, y = float(text.get("x", "nan")), float(text.get("y", "nan"))
        end = x + CHARACTER * size * len(text.text or "")
        if not (around[0] <= x and end <= around[2] + SLACK and around[1] <= y - size and y <= around[3]):
            yield f"{text.text!r} leaves {group.get('data-path')}"


def page_of(root: ET.Element) -> Rectangle:
    return 0.0, 0.0, float(root.get("width", "nan")), float(root.get("height", "nan"))


@pytest.mark.parametrize("spec", shipped_specs())
@pytest.mark.parametrize("levels", [None, 64], ids=["a page", "expanded"])
def test_nothing_lies_over_anything_else(spec: str, levels: int | None) -> None:
    """Siblings stand apart, boxes inside of those around them, texts in their boxes, all in the picture."""
    root = parsed(spec, levels)

    assert groups(root)
    assert list(faults(root, page_of(root))) == []


def test_the_faults_are_found() -> None:
    """The test above can fail, in each way."""
    root = parsed("lenet5", 1)
    first, second = groups(root)[:2]
    border, other = first.find(f"{SVG}rect"), second.find(f"{SVG}rect")
    assert border is not None
    assert other is not None
    other.set("y", border.get("y", ""))
    border.set("width", "20")
    border.set("x", "-30")

    found = " ".join(faults(root, page_of(root)))

    assert "c1 leaves what is around it" in found
    assert "'c1' leaves c1" in found
    border.set("width", "2000")
    assert "lies over another" in " ".join(faults(root, page_of(root)))


@pytest.mark.parametrize("spec", ["resnet50", "googlenet", "unet", "dscmr", "lenet5_1998", "densenet121"])
def test_every_box_and_layer_is_in_the_picture(spec: str) -> None:
    """Each box of the drawing is a group with its path and its count."""
    network = compiler.network_of(compiler.compile_spec(spec, to_print=False))
    drawing = draw(network, 64)
    root = ET.fromstring(svg(drawing))  # noqa: S314 - our own text

    shown = [
        (g.get("data-path"), g.get("data-count")) for g in root.iter(f"{SVG}g") if g.get("class") == "box"
    ]

    assert sorted(shown) == sorted((box.path, str(box.count)) for box in boxes(drawing.tracks))


def test_lines_end_in_the_picture() -> None:
    """Also those from afar, which lead around all boxes."""
    for spec in ("unet", "googlenet", "dscmr"):
        root = parsed(spec)
        _, _, width, height = page_of(root)
        for path in root.iter(f"{SVG}path"):
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", path.get("d", ""))]
            assert min(numbers[::2]) >= 0
            assert max(numbers[::2]) <= width
            assert min(numbers[1::2]) >= 0
            assert max(numbers[1::2]) <= height


def test_a_picture_stands_alone_and_knows_both_backgrounds() -> None:
    """No address is loaded from, and every colour is there for light and for dark."""
    network = compiler.network_of(compiler.compile_spec("lenet5", to_print=False))
    text = svg(draw(network, 1))

    assert re.findall(r"https?://[^\s\"']*", text) == ["http://www.w3.org/2000/svg"]
    assert "<script" not in text
    assert "@import" not in text
    assert "url(" not in text
    assert LIGHT.keys() == DARK.keys()
    light, dark = text.split("@media (prefers-color-scheme: dark)")
    assert all(rule in light for rule in LIGHT.values())
    assert all(rule in dark for rule in DARK.values())


def contrast(one: str, other: str) -> float:
    """The ratio of two colours' luminances (WCAG 2.2, 1.4.3)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_can_be_read(colours: dict[str, str]) -> None:
    """At the ratio that WCAG asks of texts, on every ground that they stand on."""
    grounds = [colours[name][6:13] for name in ("paper", "even", "odd", "pill")]

    for ink in ("ink", "faint"):
        assert min(contrast(colours[ink][6:13], ground) for ground in grounds) >= 4.5


def test_hostile_text_is_text() -> None:
    """What a spec says cannot become markup, nor what no XML may hold."""
    text = 'name: net\nabout: "</title><script>alert(1)</script> & more"\ninput: [4]\nnet: relu\n'
    found = compiler.compile_source(Source("<b>&.yaml", text), to_print=False)
    out = svg(draw(compiler.network_of(found), 1))

    root = ET.fromstring(out)  # noqa: S314 - our own text

    assert "<script" not in out
    assert "</title><script>alert(1)</script>" in (root.findtext(f"{SVG}desc") or "")
