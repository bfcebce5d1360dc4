"""YAML text → data with a span on everything.

netdsl reads YAML's events rather than its values: scalars stay as they were written and are typed by what
expects them, so `no` is not a Boolean and `1e-3` is a number. What makes YAML files dangerous or ambiguous
(anchors, aliases, merge keys, tags, duplicate keys, several documents) is refused, each with a diagnostic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from netdsl.diagnostics import Diagnostic, Edit, Faults, Label, Source, Span
from netdsl.language.syntax import Data

LARGEST_FILE = 2**20
"""Characters of the longest text that is read."""
DEEPEST_NESTING = 64
"""Levels of lists and mappings inside each other."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times as fast
_UNSEEN = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u0080-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)


def read_yaml(source: Source) -> Data:
    """The document of a source.

    Raises:
        Faults: the text is not YAML that netdsl takes.
    """
    text = source.text
    if len(text) > LARGEST_FILE:
        _refuse(
            "file-too-large", f"the file has {len(text)} characters, more than {LARGEST_FILE}", source.whole()
        )
    for found in _UNSEEN.finditer(text):
        if found.start() == 0 and found.group() == "\ufeff":
            continue  # a byte order mark is how some editors begin a file
        character = f"U+{ord(found.group()):04X}"
        place = Span(source, found.start(), found.end())
        _refuse(
            "unseen-character", f"the file contains the invisible character {character}", place, "delete it"
        )
    try:
        return _Reader(source).document()
    except yaml.MarkedYAMLError as error:
        raise Faults([_explain(error, source)]) from None
    except yaml.YAMLError as error:
        raise Faults([Diagnostic(code="yaml-syntax", message=str(error), span=source.whole())]) from None


def _refuse(code: str, message: str, span: Span, help: str | None = None, *labels: Label) -> None:
    raise Faults([Diagnostic(code=code, message=message, span=span, help=help, labels=labels)])


class _Reader:
    """Builds data from libyaml's events."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.events: Iterator[Any] = iter(yaml.parse(source.text, Loader=_Loader))

    def document(self) -> Data:
        next(self.events)  # the stream's start
        if isinstance(next(self.events), yaml.StreamEndEvent):
            _refuse(
                "empty-file",
                "the file says nothing",
                self.source.whole(),
                "a spec needs `name`, `input` and `net`",
            )
        data = self.value(next(self.events), 0)
        next(self.events)  # the document's end
        following = next(self.events)
        if not isinstance(following, yaml.StreamEndEvent):
            _refuse(
                "several-documents",
                "a second document begins here",
                self._span(following),
                "keep one per file",
            )
        return data

    def value(self, event: Any, depth: int) -> Data:
        span = self._span(event)
        if isinstance(event, yaml.AliasEvent):
            _refuse(
                "yaml-alias",
                f"`*{event.anchor}` is a YAML alias",
                span,
                "aliases are refused: write it out, or give it a name under `params` or `blocks`",
            )
        if event.anchor is not None:
            _refuse(
                "yaml-anchor", f"`&{event.anchor}` is a YAML anchor", span, "anchors are refused: remove it"
            )
        if event.tag is not None:
            _refuse(
                "yaml-tag",
                f"`{event.tag}` is a YAML tag",
                span,
                "tags are refused: remove it, or quote the text",
            )
        if depth > DEEPEST_NESTING:
            _refuse("nesting-too-deep", f"the text is nested more than {DEEPEST_NESTING} levels deep", span)
        if isinstance(event, yaml.ScalarEvent):
            return Data(span, event.value, "scalar")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(event, depth)
        return self._mapping(event, depth)

    def _list(self, start: Any, depth: int) -> Data:
        items = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.value(event, depth + 1))
        return Data(self._span(start, event), tuple(items), "list")

    def _mapping(self, start: Any, depth: int) -> Data:
        entries: list[tuple[Data, Data]] = []
        seen: dict[str, Data] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.value(event, depth + 1)
            if key.kind != "scalar":
                _refuse("yaml-key", "a key must be a name, not a list or a mapping", key.span)
            name = str(key.value)
            if name == "<<":
                _refuse(
                    "yaml-merge-key", "`<<` is a YAML merge key", key.span, "use `extends`, or write it out"
                )
            if name in seen:
                first = Label(seen[name].span, "first here")
                _refuse(
                    "duplicate-key",
                    f"the key `{name}` stands here twice",
                    key.span,
                    "keep one of the two",
                    first,
                )
            seen[name] = key
            entries.append((key, self.value(next(self.events), depth + 1)))
        return Data(self._span(start, event), tuple(entries), "mapping")

    def _span(self, start: Any, end: Any = None) -> Span:
        last: int = (end or start).end_mark.index
        first: int = start.start_mark.index
        while last > first and self.source.text[last - 1 : last].isspace():
            last -= 1  # block scalars and collections end where the next thing begins
        return Span(self.source, first, max(first, min(last, len(self.source.text))))


def _explain(error: yaml.MarkedYAMLError, source: Source) -> Diagnostic:
    """What a person did to make libyaml refuse a text."""
    mark = error.problem_mark or error.context_mark
    at = min(mark.index, len(source.text)) if mark else 0
    number, _ = source.position(at)
    for line_number in (number, number - 1):
        found = _trap(source, line_number) if 0 < line_number <= source.line_count else None
        if found is not None:
            return found
    problem = (error.problem or "this is not YAML").removeprefix("did not find ").strip()
    return Diagnostic(
        code="yaml-syntax",
        message=f"the text is not YAML: {problem}",
        span=Span(source, at, at + 1),
        help="a spec is `key: value` lines; indent what belongs to a key by two spaces, and quote text that contains `: `",
    )


_VALUE = re.compile(r"^(\s*(?:- +)*(?:[^\s#'\"][^#]*?:(?=\s)\s*)?)(\S.*)?$")


def _trap(source: Source, number: int) -> Diagnostic | None:
    """YAML's traps, met on the line of the error: what looks like an expression and means something else."""
    line = source.line(number)
    start = source.offset(number, 1)

    def place(column: int, length: int = 1) -> Span:
        return Span(source, start + column, start + column + length)

    tab = len(line) - len(line.lstrip())
    if "\t" in line[:tab]:
        where = place(line.index("\t"))
        return Diagnostic(
            code="tab",
            message="a tab is used for indentation",
            span=where,
            help="indent with spaces: YAML refuses tabs",
            fix=(Edit(where, "  "),),
        )
    found = _VALUE.match(line)
    if found is None or not found.group(2):
        return None
    value, at = found.group(2), len(found.group(1))
    if value[0] == "[":
        return Diagnostic(
            code="yaml-list",
            message="a value that begins with `[` is a YAML list, not an expression",
            span=place(at),
            help="group with parentheses, `(a, b)`, or quote the whole value",
        )
    if value[0] in "*&|>@`%!":
        return Diagnostic(
            code="yaml-indicator",
            message=f"a value cannot begin with `{value[0]}`: YAML keeps it for itself",
            span=place(at),
            help="put the whole value into parentheses or quotes",
        )
    if ": " in value and value[0] not in "'\"{":
        return Diagnostic(
            code="yaml-colon",
            message="a value contains `: `, which begins another key",
            span=place(at + value.index(": "), 2),
            help="quote the whole value, or put the inner key on a line of its own",
        )
    return None
