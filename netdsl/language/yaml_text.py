"""YAML text → data with a span on everything.

netdsl reads YAML's events rather than its values: scalars stay as they were written and are typed by what
expects them, so `no` is not a Boolean and `1e-3` is a number. What makes YAML files dangerous or ambiguous
(anchors, aliases, merge keys, tags, duplicate keys, several documents) is refused, each with a diagnostic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import Any

import yaml

from netdsl.diagnostics import MOST_FAULTS, Collector, Diagnostic, Edit, Faults, Label, Source, Span
from netdsl.diagnostics.edits import remove
from netdsl.language.effort import Words
from netdsl.language.syntax import Data

LARGEST_FILE = 2**20
"""Bytes of the largest file that is read."""
DEEPEST_NESTING = 64
"""Levels of lists and mappings inside each other."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times as fast
_UNSEEN = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\u00ad\u061c\u115f\u1160\u180e\u3164\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Characters that cannot be seen or that turn the direction of reading: controls, fillers, tags."""


def read_yaml(source: Source, found: Collector, words: Words | None = None) -> Data:
    """The document of a source. A key that stands twice is added to `found`, and its first value holds.

    Args:
        words: what counts the words of the whole spec.

    Raises:
        Faults: the text is not YAML that netdsl takes.
    """
    text = source.text
    if len(text) > LARGEST_FILE:
        message = f"the file has {len(text):,} characters, more than {LARGEST_FILE:,}"
        _refuse("file-too-large", message, source.whole(), "name what repeats as a block")
    if _UNSEEN.search(text):
        raise Faults([_unseen(source)])
    reader = _Reader(source, found, words or Words())
    try:
        data = reader.document()
    except yaml.MarkedYAMLError as error:
        from netdsl.language.yaml_mistakes import explain_yaml  # only a wrong spec pays for it

        raise Faults([explain_yaml(error, source)]) from None
    except yaml.YAMLError as error:
        help = "write plain text in UTF-8"
        fault = Diagnostic(code="yaml-syntax", message=str(error), span=source.whole(), help=help)
        raise Faults([fault]) from None
    if reader.refused:
        raise Faults(reader.refused)
    return data


def _unseen(source: Source) -> Diagnostic:
    """For a text with invisible characters, all of which go with one edit each."""
    spans = [
        Span(source, one.start(), one.end()) for one in islice(_UNSEEN.finditer(source.text), MOST_FAULTS)
    ]
    return Diagnostic(
        code="unseen-character",
        message=f"the file contains the invisible character U+{ord(spans[0].text):04X}",
        span=spans[0],
        help="delete it",
        fix=tuple(Edit(span, "") for span in spans) if len(spans) < MOST_FAULTS else (),
    )


def _refuse(code: str, message: str, span: Span, help: str | None = None, *labels: Label) -> None:
    raise Faults([Diagnostic(code=code, message=message, span=span, help=help, labels=labels)])


class _Reader:
    """Builds data from libyaml's events."""

    def __init__(self, source: Source, found: Collector, words: Words) -> None:
        self.source = source
        self.found = found
        self.words = words
        self.refused: list[Diagnostic] = []
        """What YAML has and a spec must not: all of it is named before the text is given up."""
        self.events: Iterator[Any] = iter(yaml.parse(source.text, Loader=_Loader))

    def document(self) -> Data:
        next(self.events)  # the stream's start
        opening = next(self.events)
        if isinstance(opening, yaml.StreamEndEvent):
            self._empty()
        data = self.value(next(self.events), 0)
        next(self.events)  # the document's end
        following = next(self.events)
        if not isinstance(following, yaml.StreamEndEvent):
            place = self._span(following)
            _refuse("several-documents", "a second document begins here", place, "keep one per file")
        if data.kind == "scalar" and not data.span.text:
            self._empty()
        return data

    def _empty(self) -> None:
        _refuse(
            "empty-file",
            "the file says nothing",
            self.source.whole(),
            "a spec needs `name`, `input` and `net`",
        )

    def _refuse(self, code: str, message: str, span: Span, help: str, fix: tuple[Edit, ...] = ()) -> None:
        self.refused.append(Diagnostic(code=code, message=message, span=span, help=help, fix=fix))

    def value(self, event: Any, depth: int) -> Data:
        span = self._span(event)
        if depth > DEEPEST_NESTING:
            message = f"the text is nested more than {DEEPEST_NESTING} levels deep"
            _refuse("nesting-too-deep", message, span, "give its parts names under `blocks` or `params`")
        self.words.add(1, span)
        self._check_properties(event, span)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(event, depth)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(event, depth)
        if isinstance(event, yaml.AliasEvent):
            return Data(span, "", "scalar")
        self._check_escapes(event, span)
        return Data(span, event.value, "scalar")

    def _check_escapes(self, event: Any, span: Span) -> None:
        """Refuses an invisible character that an escape in double quotes stands for."""
        if event.style == '"' and (unseen := _UNSEEN.search(event.value)):
            message = f"an escape stands for the invisible character U+{ord(unseen.group()):04X}"
            self._refuse("unseen-character", message, span, "leave it out")

    def _check_properties(self, event: Any, span: Span) -> None:
        """Refuses what stands in front of a value, or for it."""
        word = Span(span.source, span.start, span.start + len((span.text.split() or [""])[0]))
        if isinstance(event, yaml.AliasEvent):
            self._refuse(
                "yaml-alias",
                f"`*{event.anchor}` is a YAML alias",
                span,
                "aliases are refused: write it out, or give it a name under `params` or `blocks`",
            )
        elif event.anchor is not None:
            help = "anchors are refused: remove it, or quote the text"
            fix = () if event.anchor in self.recalled else _without_property(word)
            self._refuse("yaml-anchor", f"`&{event.anchor}` is a YAML anchor", word, help, fix)
        elif event.tag is not None:
            help = "tags are refused: remove it, or quote the text"
            self._refuse("yaml-tag", f"`{word.text}` is a YAML tag", word, help, _without_property(word))

    @cached_property
    def recalled(self) -> frozenset[str]:
        """What may be anchors' names behind asterisks."""
        return frozenset(re.findall(r"\*([^\s,\]}]+)", self.source.text))

    def _list(self, start: Any, depth: int) -> Data:
        items = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.value(event, depth + 1))
        return Data(self._span(start, event), tuple(items), "list")

    def _mapping(self, start: Any, depth: int) -> Data:
        entries: dict[str, tuple[Data, Data]] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.value(event, depth + 1)
            value = self.value(next(self.events), depth + 1)
            name = str(key.value)
            if key.kind != "scalar":
                message = "a key must be a name, not a list or a mapping"
                self._refuse("yaml-key", message, key.span, "write `name: value`")
            elif name == "<<":
                help = "use `extends`, or write it out"
                self._refuse("yaml-merge-key", "`<<` is a YAML merge key", key.span, help)
            elif name in entries:
                first = Label(entries[name][0].span, "first here")
                self.found.add(_twice(name, key.span, first))
            else:
                entries[name] = (key, value)
        return Data(self._span(start, event), tuple(entries.values()), "mapping")

    def _span(self, start: Any, end: Any = None) -> Span:
        last: int = (end or start).end_mark.index
        first: int = start.start_mark.index
        while last > first and self.source.text[last - 1 : last].isspace():
            last -= 1  # block scalars and collections end where the next thing begins
        return Span(self.source, first, max(first, min(last, len(self.source.text))))


def _without_property(word: Span) -> tuple[Edit, ...]:
    """What stands in front of a value taken out, with the space behind it."""
    spaces = re.compile(" *").match(word.source.text, word.end)
    return remove(Span(word.source, word.start, spaces.end() if spaces else word.end))


def _twice(name: str, span: Span, first: Label) -> Diagnostic:
    return Diagnostic(
        code="duplicate-key",
        message=f"the key `{name}` stands here twice",
        span=span,
        labels=(first,),
        help="keep one of the two",
    )
