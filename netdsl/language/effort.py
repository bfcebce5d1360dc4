"""How much a text may say: its words are counted while it is read."""

from __future__ import annotations

from netdsl.diagnostics import Diagnostic, Faults, Span

MOST_WORDS = 100_000
"""Keys, values, names and numbers of a spec and of what it extends."""


class Words:
    """Counts the words of the files that make a spec."""

    def __init__(self) -> None:
        self.count = 0

    @property
    def are_too_many(self) -> bool:
        """Whether reading has ended."""
        return self.count > MOST_WORDS

    def add(self, count: int, span: Span) -> None:
        """Counts words that end in a place.

        Raises:
            Faults: they are too many.
        """
        self.count += count
        if self.are_too_many:
            raise Faults([too_many_words(span)])


def too_many_words(span: Span) -> Diagnostic:
    """For the place at which the words were too many."""
    message = f"a spec has more than {MOST_WORDS:,} words; here they ran out"
    help = "name what repeats as a block, repeat by `layer * n`, and unroll tables"
    return Diagnostic(code="too-many-words", message=message, span=span, help=help)
