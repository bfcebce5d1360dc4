"""One diagnostic → what a person reads in a terminal.

The form is rustc's: one fact that stands alone, the place with its source line and carets, the other places,
the uses of blocks that led there, then notes and help. Programs read `formats` instead.

    error[add-shapes]: cannot add 256×56×56 and 64×56×56
     --> resnet.yaml:6:5
      |
    6 |     x + conv(64, 3)
      |     - ^ ----------- this is 64×56×56
      |
      = help: …
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import TextIO

from netdsl.diagnostics.diagnostic import Diagnostic, Label
from netdsl.diagnostics.snippet import Mark, Stroke, crop, draw, harmless, mark, width
from netdsl.diagnostics.source import Source, Span
from netdsl.records import record

LONGEST_MENDED = 100
"""Characters of a mended line that is shown."""
REACH = 300
"""Characters on each side of the main mark that are looked at, of a line that is longer."""
LONGEST_TRAIL = 8
"""Uses of blocks that are shown; of a longer trail the two ends."""


@record
class Style:
    """Escape codes by role; empty ones draw plain text."""

    error: str = ""
    warning: str = ""
    strong: str = ""
    frame: str = ""
    secondary: str = ""
    help: str = ""
    faint: str = ""
    end: str = ""

    def paint(self, text: str, code: str) -> str:
        return f"{code}{text}{self.end}" if text and code else text


PLAIN = Style()
COLOURED = Style(
    error="\x1b[1;31m",
    warning="\x1b[1;33m",
    strong="\x1b[1m",
    frame="\x1b[1;34m",
    secondary="\x1b[1;34m",
    help="\x1b[1;32m",
    faint="\x1b[2m",
    end="\x1b[0m",
)


def style_for(stream: TextIO) -> Style:
    """Colour where a person looks: on a terminal that has it, unless NO_COLOR is set (no-color.org)."""
    wanted = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return COLOURED if wanted else PLAIN


def render_all(diagnostics: Iterable[Diagnostic], style: Style = PLAIN) -> str:
    """Diagnostics one below the other with an empty line between; "" for none."""
    return "\n".join(render(diagnostic, style) for diagnostic in diagnostics)


def render(diagnostic: Diagnostic, style: Style = PLAIN) -> str:
    """A diagnostic as lines of a terminal, each ended."""
    labels = _places(diagnostic)
    gutter = max((len(str(label.span.source.position(label.span.start)[0])) for label in labels), default=0)
    lines = [_headline(diagnostic, style)]
    for position, (source, group) in enumerate(_by_source(labels)):
        arrow = "-->" if position == 0 else ":::"
        where = place(group[0].span)
        lines.append(f"{' ' * gutter}{style.paint(arrow, style.frame)} {where}")
        lines += _snippet(source, group, diagnostic, gutter, style)
    footer = _footer(diagnostic, style)
    lines += [f"{' ' * gutter} {style.paint('|', style.frame)}"] if footer and labels else []
    lines += [f"{' ' * gutter} {line}" for entry in footer for line in entry.split("\n")]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def place(span: Span) -> str:
    """`file:line:column` of a span's beginning, as editors and terminals can follow it."""
    line, column = span.source.position(span.start)
    return f"{harmless(span.source.name)}:{line}:{column}"


def trail_step(use: Label) -> str:
    """A use of a block that led to a fault, as a sentence."""
    return f"{use.text}, used at {place(use.span)}"


def _headline(diagnostic: Diagnostic, style: Style) -> str:
    colour = style.error if diagnostic.severity == "error" else style.warning
    kind = style.paint(f"{diagnostic.severity}[{diagnostic.code}]", colour)
    return kind + style.paint(f": {harmless(diagnostic.message)}", style.strong)


def _places(diagnostic: Diagnostic) -> list[Label]:
    """The diagnostic's own place first, then the others."""
    if diagnostic.span is None:
        return list(diagnostic.labels)
    return [Label(diagnostic.span, diagnostic.label), *diagnostic.labels]


def _by_source(labels: Iterable[Label]) -> list[tuple[Source, list[Label]]]:
    groups: dict[int, tuple[Source, list[Label]]] = {}
    for label in labels:
        groups.setdefault(id(label.span.source), (label.span.source, []))[1].append(label)
    return list(groups.values())


def _snippet(
    source: Source, labels: Sequence[Label], diagnostic: Diagnostic, gutter: int, style: Style
) -> list[str]:
    """The source lines that labels begin on, each once, with its marks."""
    by_line: dict[int, list[Label]] = {}
    for label in labels:
        by_line.setdefault(source.position(label.span.start)[0], []).append(label)
    bar = style.paint("|", style.frame)
    lines = [f"{' ' * gutter} {bar}"]
    previous = None
    for number, on_line in sorted(by_line.items()):
        if previous is not None and number > previous + 1:
            lines.append(style.paint("...", style.frame))
        text, marks = _marked(source, number, on_line, diagnostic)
        lines.append(f"{style.paint(str(number).rjust(gutter), style.frame)} {bar} {text}")
        lines += [f"{' ' * gutter} {bar} {_drawn(strokes, diagnostic, style)}" for strokes in draw(marks)]
        previous = number
    return lines


def _marked(
    source: Source, number: int, labels: Sequence[Label], diagnostic: Diagnostic
) -> tuple[str, list[Mark]]:
    """A line as it is shown, with its marks; a mark of several lines reaches to the end of the text here."""
    first, last = source.line_bounds(number)
    main = min(labels, key=lambda label: (label.span is not diagnostic.span, label.span.start)).span.start
    start, end = max(first, main - REACH), min(last, main + REACH)
    front, back = "…" if start > first else "", "…" if end < last else ""
    line = f"{front}{source.text[start:end]}{back}"
    written = len(line.rstrip())
    marks = []
    for label in labels:
        at = label.span.start - start + len(front)
        if at <= len(line):
            to = min(at + label.span.end - label.span.start, max(at + 1, written))
            marks.append(mark(line, at, to, is_primary=label.span is diagnostic.span, text=label.text))
    return crop(line, marks)


def _drawn(strokes: Sequence[Stroke], diagnostic: Diagnostic, style: Style) -> str:
    primary = style.error if diagnostic.severity == "error" else style.warning
    drawn, column = [], 0
    for stroke in strokes:
        drawn.append(" " * (stroke.column - column))
        drawn.append(style.paint(stroke.text, primary if stroke.is_primary else style.secondary))
        column = stroke.column + width(stroke.text)
    return "".join(drawn)


def _footer(diagnostic: Diagnostic, style: Style) -> list[str]:
    lines = [_line("in", step, style.strong, style) for step in map(trail_step, _shortened(diagnostic.trail))]
    hidden = len(diagnostic.trail) - LONGEST_TRAIL
    if hidden > 0:
        lines.insert(LONGEST_TRAIL // 2, _line("in", f"… {hidden} more", style.strong, style))
    lines += [_line("note", note, style.strong, style) for note in diagnostic.notes]
    if diagnostic.help:
        lines.append(_line("help", diagnostic.help, style.help, style))
    mended = mended_line(diagnostic)
    if mended is not None:
        lines.append(_line("mended", mended, style.help, style))
    return lines


def mended_line(diagnostic: Diagnostic) -> str | None:
    """The line as `--fix` writes it; None where the help says all of it, or it is not one short line."""
    edits, help = diagnostic.fix, diagnostic.help or ""
    words = [edit.replacement.strip(" ,\n") for edit in edits]
    if not edits or all(len(word) > 1 and word in help for word in words):
        return None
    source = edits[0].span.source
    first = min(edit.span.start for edit in edits)
    start, end = source.line_bounds(source.position(first)[0])
    if end - start > 10 * LONGEST_MENDED or any(edit.span.end > end for edit in edits):
        return None
    line = source.text[start:end]
    for edit in sorted(edits, key=lambda edit: edit.span.start, reverse=True):
        line = line[: edit.span.start - start] + edit.replacement + line[edit.span.end - start :]
    line = re.sub(r"\s+#.*", "", line.strip())
    return line if line and "\n" not in line and len(line) <= LONGEST_MENDED else None


def _shortened(trail: tuple[Label, ...]) -> tuple[Label, ...]:
    half = LONGEST_TRAIL // 2
    return trail if len(trail) <= LONGEST_TRAIL else trail[:half] + trail[-half:]


def _line(word: str, text: str, colour: str, style: Style) -> str:
    indent = "\n" + " " * len(f"= {word}: ")
    body = indent.join(harmless(line) for line in text.splitlines())
    return f"{style.paint('=', style.frame)} {style.paint(f'{word}:', colour)} {body}"
