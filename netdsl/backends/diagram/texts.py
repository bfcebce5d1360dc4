"""The texts of a box, and how wide they are.

Widths are estimated by the number of characters, in a font whose characters are all of one width: so a
drawing looks the same wherever it is shown, and no font needs to be measured.
"""

from __future__ import annotations

from netdsl.backends.diagram.pieces import Box
from netdsl.diagnostics.snippet import harmless, width
from netdsl.graph.figures import figure
from netdsl.graph.graph import Costs
from netdsl.records import record

WIDEST_CHARACTER = 0.62
"""Of a font of one width, as a part of its size: 0.60 in Menlo, DejaVu and Courier, 0.62 in SF Mono."""
LONGEST = 44
"""Characters of a box' text; the rest is left out."""


@record
class Font:
    """A size of the one font."""

    size: float

    def width(self, text: str) -> float:
        """The room that a text takes."""
        return width(text) * self.size * WIDEST_CHARACTER


NAME = Font(12.0)
SMALL = Font(10.5)


@record
class Header:
    """What stands in a box that is closed, and at the top of one that is opened."""

    name: str
    badge: str
    """`×3` of what stands there several times."""
    text: str
    costs: str
    share: float
    """Of the network's multiply-adds, or of its parameters where it has none; from 0 to 1."""

    @property
    def width(self) -> float:
        first = NAME.width(self.name) + (8.0 + NAME.width(self.badge) if self.badge else 0.0)
        return max(first, SMALL.width(self.text), SMALL.width(self.costs), 40.0)

    @property
    def height(self) -> float:
        return 24.0 + 14.0 * (bool(self.text) + bool(self.costs)) + (4.0 if self.costs else 0.0)


def header(box: Box, total: Costs) -> Header:
    """The texts of a box."""
    text = clipped(box.text)
    badge = f"×{box.count}" if box.count > 1 else ""
    return Header(
        clipped(box.name),
        badge,
        "" if text == box.name.rstrip("0123456789") else text,
        costs_text(box.costs, total),
        share(box.costs, total),
    )


def clipped(text: str, longest: int = LONGEST) -> str:
    """A text without what cannot be seen, cut at its end where it is too long."""
    text = harmless(text)
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def costs_text(costs: Costs, total: Costs) -> str:
    """Parameters and multiply-adds; nothing of what has neither."""
    parts = []
    if costs.params:
        parts.append(f"{figure(costs.params)} parameters")
    if costs.macs:
        parts.append(f"{figure(costs.macs)} MACs")
        parts.append(percent(share(costs, total)))
    return " · ".join(parts)


def share(costs: Costs, total: Costs) -> float:
    """The part of a network's multiply-adds, or of its parameters where it has no multiply-adds."""
    if total.macs:
        return min(1.0, costs.macs / total.macs)
    return min(1.0, costs.params / total.params) if total.params else 0.0


def percent(part: float) -> str:
    """A part of a whole.

    >>> percent(0.25), percent(0.0312), percent(0.00001), percent(0.0)
    ('25 %', '3.1 %', '<0.1 %', '0 %')
    """
    if part == 0:
        return "0 %"
    if part < 0.001:
        return "<0.1 %"
    return f"{100 * part:.0f} %" if part >= 0.0995 else f"{100 * part:.1f} %"
