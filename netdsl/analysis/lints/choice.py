"""Which warnings are wanted: chosen by code, and set aside where the text says so.

head: linear(10) -> linear(10)  # netdsl: ignore[linear-linear]
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from netdsl.analysis.lints.layers import warning
from netdsl.diagnostics import Diagnostic, Edit, Source, Span
from netdsl.diagnostics.edits import remove, write
from netdsl.records import record

_IGNORE = re.compile(r"#\s*netdsl:\s*ignore\[([^\]\n]*)\]")


@record
class Lints:
    """Which warnings are wanted."""

    select: frozenset[str] = frozenset()
    """Codes that alone are wanted; empty for all."""
    ignore: frozenset[str] = frozenset()
    """Codes that are not wanted."""

    def wants(self, code: str) -> bool:
        return code not in self.ignore and (not self.select or code in self.select)


def choose(found: Iterable[Diagnostic], sources: Sequence[Source], lints: Lints) -> Iterator[Diagnostic]:
    """The warnings that are wanted.

    A comment `# netdsl: ignore[code, …]` sets those aside that begin on its line; alone on a line, those of
    the next. A comment that sets nothing aside is a warning itself, in the spec's own text.

    Args:
        sources: the spec's text, then those that it extends.
    """
    comments = [comment for source in sources for comment in _comments(source)]
    by_line: dict[tuple[Source, int], list[_Comment]] = {}
    for comment in comments:
        by_line.setdefault((comment.span.source, comment.line), []).append(comment)
    used: set[tuple[_Comment, str]] = set()
    for diagnostic in found:
        span, code = diagnostic.span, diagnostic.code
        place = (span.source, span.source.position(span.start)[0]) if span else None
        near = by_line.get(place, []) if place else []
        hits = {(comment, code) for comment in near if code in comment.codes}
        used |= hits
        if not hits and lints.wants(diagnostic.code):
            yield diagnostic
    if lints.wants("unused-ignore"):
        for comment in comments:
            if comment.span.source is sources[0]:
                unused = [code for code in comment.codes if (comment, code) not in used]
                yield from (_unused(comment, code) for code in unused)


@record
class _Comment:
    """A comment that sets warnings aside."""

    span: Span
    line: int
    """The line that it speaks of, from 1."""
    codes: tuple[str, ...]


def _comments(source: Source) -> Iterator[_Comment]:
    for found in _IGNORE.finditer(source.text):
        begins = source.text.rfind("\n", 0, found.start()) + 1
        is_alone = not source.text[begins : found.start()].strip()
        line = source.position(found.start())[0] + is_alone
        codes = tuple(code.strip() for code in found.group(1).split(","))
        yield _Comment(Span(source, found.start(), found.end()), line, codes)


def _unused(comment: _Comment, code: str) -> Diagnostic:
    message = f"nothing here gives `{code}`, which this comment sets aside"
    help = f"take `{code}` out of the comment" if len(comment.codes) > 1 else "take the comment out"
    return warning("unused-ignore", message, comment.span, help, fix=_without_code(comment, code))


def _without_code(comment: _Comment, code: str) -> tuple[Edit, ...]:
    """The comment without a code; with its last one it goes, and with it a line that holds nothing else."""
    span, text = comment.span, comment.span.source.text
    rest = [other for other in comment.codes if other != code]
    if rest:
        return write(span, f"# netdsl: ignore[{', '.join(rest)}]")
    line_end = text.find("\n", span.end) % (len(text) + 1)
    if text[span.end : line_end].strip():
        return ()  # something else is said behind it
    begins = text.rfind("\n", 0, span.start) + 1
    front = text[begins : span.start]
    if not front.strip():
        return remove(Span(span.source, begins, min(line_end + 1, len(text))))
    return remove(Span(span.source, begins + len(front.rstrip()), line_end))
