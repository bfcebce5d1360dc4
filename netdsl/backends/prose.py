"""Docstrings and types in a printed source: what is said about values, never the values' own text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from netdsl.backends.layout import WIDTH
from netdsl.backends.scopes import Factory
from netdsl.graph.formula import plain
from netdsl.graph.graph import REQUIRED, LayerArgument, Signature
from netdsl.graph.shapes import Shape
from netdsl.layers.layer import spell

QUOTES = '"""'


def docstring(paragraphs: Sequence[str], indent: int) -> list[str]:
    """The lines of a docstring; text of any kind becomes harmless and is wrapped."""
    margin = " " * indent
    width = WIDTH - indent - 2 * len(QUOTES)
    lines: list[str] = []
    for paragraph in paragraphs:
        lines += textwrap.wrap(harmless(paragraph), width, break_on_hyphens=False) or [""]
    if len(lines) == 1:
        return [f"{margin}{QUOTES}{lines[0]}{QUOTES}"]
    spaced = [margin + line if line else "" for line in lines[1:]]
    return [f"{margin}{QUOTES}{lines[0]}", *spaced, f"{margin}{QUOTES}"]


def harmless(text: str) -> str:
    """Text that cannot end a docstring or hide in one.

    >>> harmless("a\\tb \\\\ " + QUOTES)
    "a b \\\\\\\\ '''"
    """
    shown = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(shown.replace("\\", "\\\\").replace(QUOTES, "'''").split())


def annotation(values: Iterable[Any]) -> str:
    """The type of some values.

    >>> annotation([1, None]), annotation([(3, 4)]), annotation([1, 0.5])
    ('int | None', 'tuple[int, ...]', 'float')
    """
    kinds = dict.fromkeys(map(_type_of, values))
    if "float" in kinds:
        kinds.pop("int", None)  # a type checker takes a whole number for a float
    return " | ".join(kinds)


def _type_of(value: Any) -> str:
    if isinstance(value, Factory):
        return "Callable[[], nn.Module]"
    value = plain(value)
    if isinstance(value, tuple):
        return f"tuple[{annotation(value)}, ...]" if value else "tuple[()]"
    return "None" if value is None else type(value).__name__


def batch(shape: Shape) -> str:
    """A batch of samples, as a docstring names its shape.

    >>> batch(Shape.of(3, 224, 224))
    '(batch, 3, 224, 224)'
    """
    return f"({', '.join(['batch', *(str(int(size)) for size in shape.sizes)])})"


def spelled(block: Signature) -> str:
    """A block's signature as the spec spells it."""
    parts = []
    for name, default in block.parameters:
        value = default.text if isinstance(default, LayerArgument) else spell(default)
        parts.append(name if default is REQUIRED else f"{name}={value}")
    return f"{block.name}({', '.join(parts)})" if parts else block.name
