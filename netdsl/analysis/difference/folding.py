"""Changes → lines: equal changes are told once, consequences beside what they follow from.

relu → silu in body.0.relu1, relu → silu in body.1.relu1   →   relu → silu in body.0–1.relu1
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from string import digits

from netdsl.analysis.difference.causes import Causes
from netdsl.analysis.difference.compare import Change, Consequence, Difference
from netdsl.analysis.difference.wording import said, sketch
from netdsl.records import record

WIDEST = 32
"""Characters of a path that is spelled out, where that can be helped."""


@record
class Because:
    """Layers that are as they were, on other shapes."""

    places: tuple[str, ...]
    params: int
    macs: int
    line: int | None
    """The line whose changes they follow from; None where there are several."""
    training: bool


@record
class Line:
    """A change, at one place or several."""

    kind: str
    text: str
    places: tuple[str, ...]
    params: int
    macs: int
    changes: tuple[Change, ...]
    training: bool


def fold(difference: Difference) -> tuple[Sequence[Line], Sequence[Because]]:
    """The lines of a difference, and the consequences by the lines that they follow from."""
    groups: dict[tuple[bool, str, object], list[int]] = {}
    for number, change in enumerate(difference.changes):
        alike = change.training, change.place.partition(".")[0], sketch(change)
        groups.setdefault(alike, []).append(number)
    told: dict[object, list[int]] = {}
    for (training, _, what), numbers in groups.items():
        text = said([difference.changes[number] for number in numbers])
        told.setdefault((training, what, text), []).extend(numbers)
    lines = [_line([difference.changes[number] for number in numbers]) for numbers in told.values()]
    line_of = {number: at for at, numbers in enumerate(told.values()) for number in numbers}
    becauses: dict[tuple[bool, int | None], list[Consequence]] = {}
    for consequence in difference.consequences:
        key = consequence.training, _line_behind(consequence.causes, line_of)
        becauses.setdefault(key, []).append(consequence)
    return lines, [_because(found, key[1]) for key, found in becauses.items()]


def _line_behind(causes: Causes, line_of: dict[int, int]) -> int | None:
    lines = {line_of[cause] for cause in causes}
    return lines.pop() if len(lines) == 1 else None


def _line(changes: Sequence[Change]) -> Line:
    return Line(
        changes[0].kind,
        said(changes),
        tuple(change.place for change in changes),
        sum(change.params for change in changes),
        sum(change.macs for change in changes),
        tuple(changes),
        changes[0].training,
    )


def _because(found: Sequence[Consequence], line: int | None) -> Because:
    return Because(
        tuple(consequence.place for consequence in found),
        sum(consequence.params for consequence in found),
        sum(consequence.macs for consequence in found),
        line,
        found[0].training,
    )


def where(places: Sequence[str]) -> str:
    """Several paths as one: `body.0–3.conv1`, `body…relu1`, with how many they are.

    >>> where(["body.0.conv1", "body.1.conv1"]), where(["a.0.x.c1", "a.1.c1", "a.2.c2"])
    ('body.0–1.conv1 ×2', 'a…c* ×3')
    """
    if len(places) == 1:
        return elided(places[0].split("."))
    paths = [place.split(".") for place in places]
    if len({len(path) for path in paths}) == 1:
        parts = [_together(names) for names in zip(*paths, strict=True)]
    else:
        head = _common(paths)
        tail = _together([path[-1] for path in paths])
        parts = [*head, "…", *([tail] if tail != "*" else [])]
    return f"{elided(parts)} ×{len(places)}"


def elided(parts: Sequence[str]) -> str:
    """A path without its middle, where it is long."""
    text = ".".join(parts)
    dropped = 1
    while len(text) > WIDEST and dropped < len(parts) - 1:
        dropped += 1
        text = ".".join((parts[0], "…", *parts[dropped:]))
    return text.replace(".….", "…").replace("….", "…") if text != "…" else "*"


def _common(paths: Iterable[Sequence[str]]) -> list[str]:
    head = []
    for names in zip(*(path[:-1] for path in paths), strict=False):
        if len(set(names)) > 1:
            break
        head.append(names[0])
    return head


def _together(names: Sequence[str]) -> str:
    if len(set(names)) == 1:
        return names[0]
    if all(name.isdigit() for name in names):
        numbers = sorted({int(name) for name in names})
        if numbers == list(range(numbers[0], numbers[-1] + 1)):
            return f"{numbers[0]}–{numbers[-1]}"
        return "*"
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return f"{''.join(letters[0] for letters in alike).rstrip(digits)}*"
