"""A spec as an editor holds it: its text compiled once, and the answers to what is asked of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from netdsl import compiler
from netdsl.analysis.lints.choice import Lints
from netdsl.diagnostics import Diagnostic, Edit, Source, Span
from netdsl.diagnostics.fixes import apply, edits_of
from netdsl.editor.symbols import Occurrence, at, occurrences
from netdsl.editor.uses import Figures, figures_at, figures_of
from netdsl.graph.graph import Network
from netdsl.language import syntax
from netdsl.layers.catalog import LAYERS_BY_WORD
from netdsl.records import record

MOST_USES = 6
"""Shapes at which a block is used that hovering lists."""

_NAME = re.compile(r"[A-Za-z_]\w*\Z")


@record
class Hint:
    """What stands behind a line's end without being in the text."""

    offset: int
    text: str


@record
class Fix:
    """An edit that a diagnostic offers."""

    title: str
    diagnostic: Diagnostic
    edits: tuple[Edit, ...]


class RenameRefused(Exception):
    """A name cannot be given; the message says why."""


class EditorDocument:
    """The text of a spec, and what is known of it."""

    def __init__(self, path: str, text: str) -> None:
        self.source = Source(path, text)
        self.compilation = compiler.compile_source(self.source, to_print=False)

    @property
    def spec(self) -> syntax.Spec | None:
        return self.compilation.spec

    @property
    def network(self) -> Network | None:
        return self.compilation.network

    @cached_property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What is wrong; of a spec without faults, what is probably not meant."""
        if not self.compilation.report.ok:
            return self.faults
        return tuple(compiler.warnings(self.compilation, Lints()))

    @property
    def faults(self) -> tuple[Diagnostic, ...]:
        """What is wrong, which is known sooner than what is not meant."""
        return self.compilation.report.diagnostics

    @cached_property
    def names(self) -> list[Occurrence]:
        return occurrences(self.spec) if self.spec is not None else []

    def hover(self, offset: int) -> str | None:
        """What is under the pointer, as Markdown: its shapes and costs at each use, and what it is."""
        parts = []
        if self.network is not None:
            found = figures_at(self.network, self.source, offset)
            parts += [_figures_text(one) for one in found[:MOST_USES]]
            parts += [f"and {len(found) - MOST_USES} more shapes"] if len(found) > MOST_USES else []
        word = self._word(offset)
        if word in LAYERS_BY_WORD and not any(name.span.text == word for name in self.names):
            parts.append((LAYERS_BY_WORD[word].__doc__ or "").partition("\n\n")[0].strip())
        return "\n\n".join(parts) or None

    def _word(self, offset: int) -> str:
        text = self.source.text
        start = end = offset
        while start > 0 and (text[start - 1].isalnum() or text[start - 1] == "_"):
            start -= 1
        while end < len(text) and (text[end].isalnum() or text[end] == "_"):
            end += 1
        return text[start:end]

    def hints(self) -> Iterator[Hint]:
        """Behind each stage's line its output and parameters, where they are known."""
        if self.network is None or self.spec is None:
            return
        graph = self.network.graph
        lines = [(node.span, node) for node in graph.nodes if node.name]
        heads = zip(self.spec.heads, self.network.heads, strict=True)
        for span, node in [*lines, *((written.span, head.node) for written, head in heads)]:
            if span.source is self.source:
                figures = figures_of(graph, node)
                end = self.source.text.find("\n", span.start)
                params = f" · {figures.params:,}" if figures.params else ""
                yield Hint(end if end >= 0 else len(self.source.text), f"→ {figures.output}{params}")

    def definition(self, offset: int) -> Span | None:
        """Where the name at a character is declared."""
        found = at(self.names, self.source, offset)
        return found.declaration if found is not None else None

    def references(self, offset: int) -> list[Span]:
        """Every place that the name at a character stands at."""
        found = at(self.names, self.source, offset)
        if found is None:
            return []
        return [one.span for one in self.names if one.declaration == found.declaration]

    def rename(self, offset: int, name: str) -> list[Edit]:
        """The edits that give the name at a character another.

        Raises:
            RenameRefused: it is no name of the text, or the spec would not mean the same.
        """
        places = self.references(offset)
        if not places:
            message = "there is no name that the spec declares"
            raise RenameRefused(message)
        if not _NAME.match(name):
            message = f"`{name}` is no name: letters, digits and underscores"
            raise RenameRefused(message)
        if any(span.source is not self.source for span in places):
            message = "the name is declared in a file that this one extends"
            raise RenameRefused(message)
        edits = [Edit(span, name) for span in places]
        self._check_rename(edits)
        return edits

    def _check_rename(self, edits: list[Edit]) -> None:
        """A new name may hide another, or be one that is taken: then the renamed text says so."""
        renamed = EditorDocument(self.source.name, apply(self.source, edits))
        before, after = self.compilation.report, renamed.compilation.report
        if len(after.diagnostics) > len(before.diagnostics):
            raise RenameRefused(after.diagnostics[0].message)
        if (before.params, before.macs, before.output) != (after.params, after.macs, after.output):
            message = "the network would be another: the name is taken"
            raise RenameRefused(message)

    def fixes(self, start: int, end: int) -> Iterator[Fix]:
        """The edits that diagnostics between two characters offer."""
        for diagnostic in self.diagnostics:
            span, edits = diagnostic.span, edits_of(diagnostic)
            if span is None or not edits or span.end < start or span.start > end:
                continue
            if all(edit.span.source is self.source for edit in edits):
                yield Fix(_title(diagnostic), diagnostic, edits)


def _title(diagnostic: Diagnostic) -> str:
    return diagnostic.help or diagnostic.message


def _figures_text(figures: Figures) -> str:
    costs = [f"{figures.params:,} parameters"] if figures.params else []
    costs += [f"{figures.macs:,} MACs"] if figures.macs else []
    return "  \n".join([f"`{figures.what}`", f"{figures.input} → {figures.output}", *costs])
