"""A drawing as an SVG: no fonts, scripts or style sheets from elsewhere, readable on light and dark.

Colours are written twice rather than as variables, which several programs that show SVG do not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from textwrap import wrap

from netdsl.backends.diagram.layout import lay_out, pill_text
from netdsl.backends.diagram.pieces import Box, Drawing
from netdsl.backends.diagram.sheet import (
    PADDING,
    PORT_HEIGHT,
    RADIUS,
    Circle,
    Frame,
    Label,
    Line,
    Pill,
    Rect,
    Sheet,
    inside_of,
    items_of,
)
from netdsl.backends.diagram.texts import NAME, SMALL, costs_text
from netdsl.diagnostics.snippet import harmless

MARGIN = 20.0
NARROWEST = 520.0
"""Room for the heading of a narrow network."""
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

FAMILIES = {
    "convolution": "#3f83d1",
    "linear": "#8f63cf",
    "normalization": "#4f9c97",
    "activation": "#cf9225",
    "pooling": "#479e5c",
}
"""The colour at a layer's left side, by the file of `netdsl.layers` that it stands in."""
OTHER = "#8a9199"

LIGHT = {
    "paper": "fill: #ffffff",
    "ink": "fill: #1f2328",
    "faint": "fill: #59636e",
    "even": "fill: #f4f6f8; stroke: #b8c0c8",
    "odd": "fill: #ffffff; stroke: #b8c0c8",
    "pill": "fill: #e8ecf0; stroke: #b8c0c8",
    "flow": "stroke: #7d8690",
    "far": "stroke: #b8477c",
    "track": "fill: #dde2e7",
    "share": "fill: #d9692f",
}
DARK = {
    "paper": "fill: #0d1117",
    "ink": "fill: #e6edf3",
    "faint": "fill: #9aa4af",
    "even": "fill: #171c24; stroke: #454d57",
    "odd": "fill: #0d1117; stroke: #454d57",
    "pill": "fill: #262d36; stroke: #454d57",
    "flow": "stroke: #7d8690",
    "far": "stroke: #e07aa8",
    "track": "fill: #2a313a",
    "share": "fill: #e07b45",
}


def svg(drawing: Drawing) -> str:
    """The drawing as an SVG document."""
    sheet = lay_out(drawing.tracks, drawing.costs)
    heading = list(_heading(drawing, max(NARROWEST, sheet.left + sheet.right)))
    top = MARGIN + 18.0 * len(heading) + 10.0
    wide = max(sheet.left + sheet.right, *(NAME.width(text) for text, _ in heading))
    width, height = wide + 2 * MARGIN, top + sheet.height + MARGIN
    axis = MARGIN + sheet.left + (wide - sheet.left - sheet.right) / 2
    name = escape(harmless(drawing.name))
    size = f'width="{_n(width)}" height="{_n(height)}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {_n(width)} {_n(height)}" role="img">',
        f"<title>{name}</title>",
        f"<desc>{escape(harmless(drawing.about))}</desc>" if drawing.about else "",
        f"<style>{_style()}</style>",
        f'<rect class="paper" {size} rx="6"/>',
        *(_text(text, kind, MARGIN, MARGIN + 14.0 + 18.0 * row) for row, (text, kind) in enumerate(heading)),
        *_sheet(sheet, axis, top, 0),
        "</svg>",
    ]
    return "".join(f"{line}\n" for line in lines if line)


def _heading(drawing: Drawing, width: float) -> Iterator[tuple[str, str]]:
    yield harmless(drawing.name), "name ink"
    columns = int(width / NAME.width("m"))
    for line in wrap(harmless(drawing.about), columns):
        yield line, "small faint"
    costs = costs_text(drawing.costs, drawing.costs).removesuffix(" · 100 %")
    if costs:
        yield costs, "small ink"


def _style() -> str:
    shown = {
        "text": f"font-family: {FONT}; font-size: {SMALL.size}px",
        ".name": f"font-size: {NAME.size}px; font-weight: 600",
        ".even, .odd, .pill": "stroke-width: 1",
        ".flow, .far": "fill: none; stroke-width: 1.3",
        ".far": "stroke-width: 1.6",
        ".middle": "text-anchor: middle",
        ".training": "stroke-dasharray: 5 3",
        ".many": "fill: none; stroke-dasharray: 2 3",
        ".other": f"fill: {OTHER}",
        **{f".{family}": f"fill: {colour}" for family, colour in FAMILIES.items()},
    }
    plain = _rules(shown) + _rules({f".{name}": text for name, text in LIGHT.items()})
    dark = _rules({f".{name}": text for name, text in DARK.items()})
    return f"{plain}@media (prefers-color-scheme: dark) {{{dark}.many {{fill: none}}}} .many {{fill: none}}"


def _rules(rules: Mapping[str, str]) -> str:
    return "".join(f"{name} {{{text}}} " for name, text in rules.items())


def _sheet(sheet: Sheet, x: float, y: float, level: int) -> Iterator[str]:
    """Everything of a sheet, lines from afar over all else."""
    far = []
    for left, top, item in items_of(sheet, x, y):
        match item:
            case Rect():
                yield from _rect(item, left, top, level)
            case Pill(port=port, width=width):
                yield (
                    f'<rect class="pill" x="{_n(left)}" y="{_n(top)}" width="{_n(width)}" '
                    f'height="{_n(PORT_HEIGHT)}" rx="{_n(PORT_HEIGHT / 2)}"/>'
                )
                label = f"{pill_text(port)}"
                yield _text(label, "small ink", left + PADDING, top + 14.0)
            case Circle(merge=merge):
                path = escape(merge.path)
                yield f'<g class="merge" data-path="{path}"><title>{path} {merge.output}</title>'
                yield f'<circle class="pill" cx="{_n(left)}" cy="{_n(top)}" r="{_n(RADIUS)}"/>'
                yield _text(merge.symbol, "name ink middle", left, top + 4.0)
                yield "</g>"
            case Line(is_far=True):
                far.append(_line(item, left, top))
            case Line():
                yield _line(item, left, top)
            case Label(text=text):
                yield _text(text, "small faint", left, top)
            case Frame(width=width, height=height):
                yield (
                    f'<rect class="even many" x="{_n(left)}" y="{_n(top)}" width="{_n(width)}" '
                    f'height="{_n(height)}" rx="5"/>'
                )
    yield from far


def _rect(rect: Rect, x: float, y: float, level: int) -> Iterator[str]:
    box, head = rect.box, rect.header
    kind = "even" if level % 2 == 0 else "odd"
    training = " training" if box.is_training_only else ""
    paths = f'data-path="{escape(box.path)}" data-last="{escape(box.last_path)}"'
    yield f'<g class="box" {paths} data-count="{box.count}">'
    yield f"<title>{escape(hint(box))}</title>"
    yield (
        f'<rect class="{kind}{training}" x="{_n(x)}" y="{_n(y)}" width="{_n(rect.width)}" '
        f'height="{_n(rect.height)}" rx="4"/>'
    )
    if not box.has_inside and box.family != "head":
        family = box.family if box.family in FAMILIES else "other"
        yield f'<rect class="{family}" x="{_n(x)}" y="{_n(y)}" width="4" height="{_n(rect.height)}" rx="2"/>'
    left, line = x + PADDING, y + 16.0
    yield _text(head.name, "name ink", left, line)
    if head.badge:
        yield _text(head.badge, "name faint", left + NAME.width(head.name) + 8.0, line)
    for text, look in ((head.text, "small ink"), (head.costs, "small faint")):
        if text:
            line += 14.0
            yield _text(text, look, left, line)
    if head.costs:
        yield from _bar(head.share, left, line + 5.0, rect.width - 2 * PADDING)
    if rect.inside is not None:
        yield from _sheet(rect.inside, *inside_of(rect, x, y), level + 1)
    yield "</g>"


def _bar(share: float, x: float, y: float, width: float) -> Iterator[str]:
    """The share of the network's costs, as a part of the box' width."""
    for kind, part in (("track", 1.0), ("share", share)):
        if part > 0:
            long = _n(max(0.5, part * width))
            yield f'<rect class="{kind}" x="{_n(x)}" y="{_n(y)}" width="{long}" height="2.5"/>'


def hint(box: Box) -> str:
    """What hovering over a box says."""
    where = box.path if box.path == box.last_path else f"{box.path} to {box.last_path}"
    times = f" ×{box.count}" if box.count > 1 else ""
    line, _ = box.span.source.position(box.span.start)
    parts = [f"{where}{times}", box.text, f"{box.input} → {box.output}"]
    parts.append(f"{box.costs.params:,} parameters, {box.costs.macs:,} MACs")
    parts.append(f"{box.span.source.name}:{line}")
    return harmless_lines(parts)


def harmless_lines(parts: list[str]) -> str:
    """Lines without what cannot be seen."""
    return "\n".join(harmless(part) for part in parts if part)


def _line(line: Line, x: float, y: float) -> str:
    """A line with round corners."""
    points = [(x + dx, y + dy) for dx, dy in line.points]
    path = [f"M{_n(points[0][0])} {_n(points[0][1])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        begin, end = _towards(corner, before), _towards(corner, after)
        path.append(
            f"L{_n(begin[0])} {_n(begin[1])}Q{_n(corner[0])} {_n(corner[1])} {_n(end[0])} {_n(end[1])}"
        )
    path.append(f"L{_n(points[-1][0])} {_n(points[-1][1])}")
    return f'<path class="{"far" if line.is_far else "flow"}" d="{"".join(path)}"/>'


def _towards(corner: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """A point on the way from a corner to another point, where its rounding begins."""
    length = abs(other[0] - corner[0]) + abs(other[1] - corner[1])
    part = min(6.0, length / 2) / length if length else 0.0
    return corner[0] + (other[0] - corner[0]) * part, corner[1] + (other[1] - corner[1]) * part


def _text(text: str, kind: str, x: float, y: float) -> str:
    return f'<text class="{kind}" x="{_n(x)}" y="{_n(y)}">{escape(text)}</text>'


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
