"""What netdsl has to say about a spec: one fault, its places, its remedy.

A diagnostic is data. It is made where the fault is found, collected, sorted, and only then drawn (see
`render`), so that a terminal, an editor and a CI job read the same thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from netdsl.diagnostics.source import Span
from netdsl.records import replace, value_record

Severity = Literal["error", "warning"]
MOST_FAULTS = 1000
"""Faults of a spec that are told: nobody reads so many, and a file can hold a hundred thousand."""


@value_record()
class Label:
    """A second place that belongs to a fault, with what it is, in a few words."""

    span: Span
    text: str


@value_record()
class Edit:
    """Characters to replace."""

    span: Span
    replacement: str


@value_record()
class Diagnostic:
    """One fault of a spec."""

    code: str
    """The fault's name in kebab-case; each stands in `catalog.RULES`."""
    message: str
    """One fact that can stand alone: lower case, no full stop."""
    span: Span | None
    """The place; None for a fault of the command line or the machine."""
    label: str = ""
    """What the place is, in a few words."""
    severity: Severity = "error"
    labels: tuple[Label, ...] = ()
    """Other places that belong to the fault, such as the other operand."""
    trail: tuple[Label, ...] = ()
    """The uses of blocks that led here, outermost first."""
    notes: tuple[str, ...] = ()
    help: str | None = None
    """What to write instead."""
    fix: tuple[Edit, ...] = ()
    """The help as edits that a program can apply."""

    @property
    def order(self) -> tuple[str, int, str]:
        if self.span is None:
            return ("", 0, self.code)
        return (self.span.source.name, self.span.start, self.code)


class Faults(Exception):
    """Raised with the diagnostics of an input that cannot be used further.

    `exit_code` is the command line's: 1 the spec is wrong, 2 the command line, 3 data, 4 device or memory,
    5 checkpoint.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic], exit_code: int = 1) -> None:
        self.diagnostics = tuple(diagnostics)
        self.exit_code = exit_code
        super().__init__("\n".join(f"{d.severity}[{d.code}]: {d.message}" for d in self.diagnostics))

    def with_note(self, note: str) -> Faults:
        """The same, with a note to the last of them."""
        *others, last = self.diagnostics
        return Faults([*others, replace(last, notes=(*last.notes, note))], self.exit_code)


def fault(code: str, message: str, *, exit_code: int = 2, help: str | None = None) -> Faults:
    """A fault that has no place in a text: of the command line, the data, the device or a checkpoint."""
    return Faults([Diagnostic(code=code, message=message, span=None, help=help)], exit_code)


class TooManyFaults(Exception):
    """Raised when a collector is full, so that who filled it stops; `diagnostic` says so to the user."""

    def __init__(self, last: Diagnostic) -> None:
        super().__init__(last.message)
        self.diagnostic = Diagnostic(
            code="too-many-faults",
            message=f"there are more than {MOST_FAULTS:,} faults; the rest was not looked at",
            span=last.span,
            severity=last.severity,
            help="mend those that are told: many may have one cause",
        )


class Collector:
    """Gathers diagnostics, each fault once: the same code at the same place is one cause.

    One that is `bounded` takes MOST_FAULTS of them and raises TooManyFaults at the next.
    """

    def __init__(self, *, bounded: bool = False) -> None:
        self._bounded = bounded
        self._found: dict[tuple[object, ...], Diagnostic] = {}
        self.told = 0
        """How often a fault was told, those that were told before included."""

    def add(self, diagnostic: Diagnostic) -> None:
        self.told += 1
        span = diagnostic.span
        place = (span.source, span.start, span.end) if span else (diagnostic.message,)
        self._found.setdefault((diagnostic.code, *place), diagnostic)
        if self._bounded and len(self._found) > MOST_FAULTS:
            self._found.popitem()
            raise TooManyFaults(diagnostic)

    def tells(self, code: str, span: Span) -> bool:
        """Whether a fault of that code is told of a place already."""
        is_told = (code, span.source, span.start, span.end) in self._found
        self.told += is_told
        return is_told

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        for diagnostic in diagnostics:
            self.add(diagnostic)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(sorted(self._found.values(), key=lambda diagnostic: diagnostic.order))

    def __len__(self) -> int:
        return len(self._found)

    @property
    def has_errors(self) -> bool:
        return any(diagnostic.severity == "error" for diagnostic in self._found.values())
