"""Diagnostics → what programs read: JSON, GitHub's workflow commands, SARIF.

Separate from `render`, which draws for people. Positions count from 1, in Unicode code points; an end is the
position behind the last character.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from netdsl.diagnostics.diagnostic import Diagnostic, Edit, Label
from netdsl.diagnostics.fixes import edits_of
from netdsl.diagnostics.render import place, trail_step
from netdsl.diagnostics.snippet import harmless
from netdsl.diagnostics.source import Span

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class Region(NamedTuple):
    """Where a span begins and ends."""

    line: int
    column: int
    end_line: int
    end_column: int


def region(span: Span) -> Region:
    """Where a span begins and ends; one that points behind the text ends with the text."""
    end = max(span.start, min(span.end, len(span.source.text)))
    return Region(*span.source.position(span.start), *span.source.position(end))


def as_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """The diagnostic as plain data. A fault without a place has null positions.

    Other places and the uses of blocks that led here stand first among the notes.
    """
    span = diagnostic.span
    positions = region(span)._asdict() if span else dict.fromkeys(Region._fields)
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "file": span.source.name if span else None,
        **positions,
        "notes": _all_notes(diagnostic),
        "help": diagnostic.help,
        "fix": [_edit(edit) for edit in edits_of(diagnostic)] or None,
    }


def _edit(edit: Edit) -> dict[str, Any]:
    return {**region(edit.span)._asdict(), "replacement": edit.replacement}


def _all_notes(diagnostic: Diagnostic) -> list[str]:
    labels = [f"{place(label.span)}: {label.text}" for label in diagnostic.labels]
    return [*labels, *(f"in {trail_step(use)}" for use in diagnostic.trail), *diagnostic.notes]


def as_github(diagnostic: Diagnostic) -> str:
    """A workflow command, one line: GitHub shows it at the place in a pull request's files."""
    properties = {"title": f"{diagnostic.severity}[{diagnostic.code}]"}
    if diagnostic.span is not None:
        line, column, end_line, end_column = region(diagnostic.span)
        properties |= {"file": diagnostic.span.source.name, "line": str(line), "endLine": str(end_line)}
        properties |= {"col": str(column)}
        if line == end_line:  # GitHub refuses columns of different lines
            properties |= {"endColumn": str(end_column)}
    listed = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
    lines = [diagnostic.message, *_all_notes(diagnostic)]
    lines += [f"help: {diagnostic.help}"] if diagnostic.help else []
    message = "\n".join(harmless(part) for line in lines for part in line.splitlines())
    return f"::{diagnostic.severity} {listed}::{_escape(message)}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")


def as_sarif(diagnostics: Iterable[Diagnostic], version: str, rules: Mapping[str, str]) -> dict[str, Any]:
    """A SARIF 2.1.0 log (OASIS 2020) with one run.

    Args:
        version: netdsl's.
        rules: a sentence for each code; only the codes that occur are listed.
    """
    diagnostics = list(diagnostics)
    codes = sorted({diagnostic.code for diagnostic in diagnostics})
    described = [{"id": code, "shortDescription": {"text": rules[code]}} for code in codes]
    driver = {"name": "netdsl", "version": version, "rules": described}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(diagnostic, codes) for diagnostic in diagnostics],
    }
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(diagnostic: Diagnostic, codes: Sequence[str]) -> dict[str, Any]:
    lines = [
        diagnostic.message,
        *diagnostic.notes,
        *([f"help: {diagnostic.help}"] if diagnostic.help else []),
    ]
    others = [*diagnostic.labels, *(Label(use.span, f"in {use.text}") for use in diagnostic.trail)]
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": codes.index(diagnostic.code),
        "level": diagnostic.severity,
        "message": {"text": "\n".join(lines)},
    }
    if diagnostic.span is not None:
        result["locations"] = [_location(diagnostic.span)]
    if others:
        result["relatedLocations"] = [
            {"id": number, **_location(label.span), "message": {"text": label.text}}
            for number, label in enumerate(others)
        ]
    edits = edits_of(diagnostic)
    if edits:
        result["fixes"] = [{"artifactChanges": [_change(edit) for edit in edits]}]
    return result


def _location(span: Span) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": _artifact(span), "region": _sarif_region(span)}}


def _artifact(span: Span) -> dict[str, str]:
    path = span.source.name.replace("\\", "/")
    address = quote(path, safe="/")
    return {"uri": f"file://{address}" if path.startswith("/") else address}


def _sarif_region(span: Span) -> dict[str, int]:
    line, column, end_line, end_column = region(span)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _change(edit: Edit) -> dict[str, Any]:
    replacement = {"deletedRegion": _sarif_region(edit.span), "insertedContent": {"text": edit.replacement}}
    return {"artifactLocation": _artifact(edit.span), "replacements": [replacement]}
