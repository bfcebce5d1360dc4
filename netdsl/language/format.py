"""A spec's text → the same text as it is usually written.

Only blanks change, and the order of the document's sections; what is said stays as it is, comments and the
spelling of numbers included. So that this is more than a promise, the result is read again and compared.
"""

from __future__ import annotations

from collections.abc import Sequence

from netdsl.diagnostics import Collector, Faults, Source
from netdsl.language.document import KEYS
from netdsl.language.format_columns import align_columns
from netdsl.language.format_lines import print_lines
from netdsl.language.format_tokens import Path, is_expression, tokens_of
from netdsl.language.scalars import expression_of
from netdsl.language.syntax import Data, Node
from netdsl.language.yaml_text import read_yaml


def format_spec(source: Source) -> str:
    """The text of a spec in the usual layout.

    Raises:
        Faults: it cannot be read.
        AssertionError: the text would say something else afterwards, which is a bug in netdsl.
    """
    before = _read(source)
    meaning = _meaning(before, ())
    ordered = Source(source.name, _in_order(source, before))
    tokens = tokens_of(ordered, _read(ordered))
    align_columns(tokens)
    text = print_lines(tokens)
    after = _read(Source(source.name, text))
    assert _meaning(after, ()) == meaning, f"formatting would change what `{source.name}` says"
    return text


def _read(source: Source) -> Data:
    found = Collector()
    document = read_yaml(source, found)
    if found.has_errors:
        raise Faults(found)
    return document


def _in_order(source: Source, document: Data) -> str:
    """The text with its sections in the order of `KEYS`; the comments above a section go with it."""
    names = [str(key.value) for key, _ in document.entries()]
    ranks = [KEYS.index(name) if name in KEYS else len(KEYS) for name in names]
    if ranks == sorted(ranks) or document.span.text.startswith("{"):
        return source.text
    starts = _section_starts(source, document)
    text = source.text if source.text.endswith("\n") else f"{source.text}\n"
    footer = text.find("\n", _end(document) - 1) + 1
    ends = [*starts[1:], footer]
    sections = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    ordered = [section for _, section in sorted(zip(ranks, sections, strict=True), key=lambda pair: pair[0])]
    return text[: starts[0]] + _separated(ordered) + text[footer:]


def _separated(sections: Sequence[str]) -> str:
    """Sections one after another; a blank line above the first of them is none of its own."""
    return "".join([sections[0].lstrip("\n"), *sections[1:]])


def _section_starts(source: Source, document: Data) -> list[int]:
    """Where each section begins: behind the one before, the first behind the file's header."""
    starts: list[int] = []
    last_line = 0
    for key, value in document.entries():
        first_line = source.position(key.span.start)[0]
        line = first_line
        while line - 1 > last_line and _may_lead(source.line(line - 1)):
            line -= 1
        if not starts:  # comments that a blank line sets off from the first key are about the whole file
            blank = [number for number in range(line, first_line) if not source.line(number).strip()]
            line = blank[-1] + 1 if blank else line
        starts.append(source.offset(line, 1))
        last_line = source.position(max(key.span.end, _end(value)) - 1)[0]
    return starts


def _end(data: Data) -> int:
    """Where the last word of a value ends; the comments below it are left to what follows."""
    is_frame = data.kind != "scalar" and data.span.text[:1] not in ("[", "{")
    last = (data.entries()[-1][1] if data.kind == "mapping" else data.items()[-1]) if is_frame else None
    return _end(last) if last else data.span.end


def _may_lead(line: str) -> bool:
    """Whether a line belongs to the section below it: a comment at the margin, or a blank line."""
    return line.startswith("#") or not line.strip()


def _meaning(data: Data, path: Path) -> object:
    """What a document says, without where it says it: its keys, and its scalars as expressions or as text.

    The order of the document's own keys says nothing.
    """
    if data.kind == "list":
        return [_meaning(item, path) for item in data.items()]
    if data.kind == "mapping":
        said = [(_key(key, path), _meaning(value, (*path, str(key.value)))) for key, value in data.entries()]
        return ("entries", said if path else sorted(said, key=lambda entry: str(entry[0])))
    if is_expression(data, path):
        return _tree(expression_of(data))
    return str(data.value).split()


def _key(key: Data, path: Path) -> object:
    return _tree(expression_of(key)) if path in (("blocks",), ("shared",)) else key.value


def _tree(value: object) -> object:
    """A syntax tree without the places of its nodes."""
    if isinstance(value, Node):
        fields = ((name, field) for name, field in vars(value).items() if not name.endswith("span"))
        return (type(value).__name__, *((name, _tree(field)) for name, field in fields))
    if isinstance(value, tuple):
        return tuple(map(_tree, value))
    return value
