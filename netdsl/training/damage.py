"""Images that cannot be read: named and refused, or, by choice, named and left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import final

from netdsl.diagnostics import Diagnostic, Faults

MOST_REFUSED = 10
"""Damaged images that are named before reading stops."""


@final
@dataclass(slots=True)
class Damaged:
    """What was found damaged, and what is done about it."""

    skips: bool
    """Whether damaged images are left out."""
    say: Callable[[str], None]
    """Told of each, the first time it is met."""
    left_out: dict[str, None] = field(default_factory=dict)
    """What is wrong with each image that was left out, each once, in the order they were met."""

    def add(self, found: Iterable[Diagnostic]) -> None:
        """Takes note of damaged images.

        Raises:
            Faults: they are refused; exit code 3.
        """
        faults = sorted(found, key=lambda diagnostic: diagnostic.message)
        if faults and not self.skips:
            raise Faults(faults, exit_code=3)
        for diagnostic in faults:
            if diagnostic.message not in self.left_out:
                self.left_out[diagnostic.message] = None
                self.say(f"left out: {diagnostic.message}")

    @property
    def remarks(self) -> tuple[str, ...]:
        """What has to be known of the data, if anything: how many images are left out, and which."""
        if not self.left_out:
            return ()
        count = len(self.left_out)
        images = "1 damaged image is" if count == 1 else f"{count:,} damaged images are"
        return (f"{images} left out: {'; '.join(self.left_out)}",)
