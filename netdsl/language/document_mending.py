"""Misread parts of a document → the edits that give them the form that was meant.

input: 3, 32, 32            →   input: [3, 32, 32]
net: [conv(8, 3), relu]     →   net: (conv(8, 3), relu)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from netdsl.diagnostics import Edit, Span
from netdsl.diagnostics.edits import write
from netdsl.language.syntax import Data

Edits = tuple[Edit, ...]

_BATCH_WORDS = ("batch", "batch_size", "n", "b", "none", "null", "~", "-1", "?", "bs")
_NAME = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)


def shape_meant(data: Data) -> str | None:
    """The list of sizes that a text without brackets gives: `3, 32, 32`, `(3, 32, 32)`, `3x32x32`, `784`."""
    if data.kind != "scalar":
        return None
    sizes = re.split(r"\s*[,x×*]\s*|\s+", data.span.text.strip("()\"' "))
    if not 1 <= len(sizes) <= 4 or not all(size.isascii() and size.isdigit() for size in sizes):
        return None
    return f"[{', '.join(sizes)}]"


def batch_of(data: Data) -> Data | None:
    """The size of an input that stands in the batch's place and is none."""
    first, *others = data.items()
    is_batch = first.kind == "scalar" and str(first.value).lower() in _BATCH_WORDS
    return first if is_batch and others and first.span.text == str(first.value) else None


def renamed(span: Span, name: str) -> Edits:
    """A name written otherwise, where nothing else in the text calls it by the old or the new one."""
    old, text = span.text, span.source.text
    uses = re.findall(rf"(?<!\w){re.escape(old)}(?!\w)", text)
    is_free = not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)
    return write(span, name) if len(uses) == 1 and is_free and _NAME.match(name) else ()


def in_parentheses(data: Data) -> Edits:
    """A list in brackets as an expression in parentheses; one item needs no comma to be what it is."""
    text, source = data.span.text, data.span.source
    if "\n" in text or not text.endswith("]") or "#" in text or "{" in text or ": " in text:
        return ()
    first = Span(source, data.span.start, data.span.start + 1)
    last = Span(source, data.span.end - 1, data.span.end)
    return (*write(first, "("), *write(last, ")"))


def on_lines(data: Data) -> Edits:
    """A mapping in braces with each of its entries on a line of its own."""
    text, source = data.span.text, data.span.source
    texts = [(key.span.text, value.span.text) for key, value in data.entries()]
    if "\n" in text or any(not _is_whole(word) for entry in texts for word in entry):
        return ()
    begins = source.text.rfind("\n", 0, data.span.start) + 1
    line = source.text[begins : data.span.start]
    indent = len(line) - len(line.lstrip(" -")) + 2
    if not re.fullmatch(r"[ -]*[^\s:]+:\s*", line):
        return ()
    space = len(line) - len(line.rstrip())
    lines = "".join(f"\n{' ' * indent}{key}: {value}" for key, value in texts)
    return write(Span(source, data.span.start - space, data.span.end), lines)


def _is_whole(text: str) -> bool:
    """Whether no bracket of a text was split from another by a comma."""
    return bool(text) and all(text.count(a) == text.count(b) for a, b in ("()", "[]", "{}"))


def without_dashes(data: Data) -> Edits:
    """A list of single entries as one mapping: `- a: 1` → `a: 1`."""
    if data.kind != "list" or data.span.text.startswith("["):
        return ()
    entries = [item.entries() if item.kind == "mapping" else () for item in data.items()]
    keys = [str(key.value) for entry in entries for key, _ in entry]
    if any(len(entry) != 1 for entry in entries) or len(set(keys)) != len(keys):
        return ()
    return tuple(edit for entry in entries for edit in _without_dash(entry[0][0].span))


def _without_dash(key: Span) -> Iterator[Edit]:
    dash = re.search(r"- *\Z", key.source.text[: key.start])
    if dash:
        yield from write(Span(key.source, dash.start(), key.start), "  ")


def as_dashes(value: Data, key: Data) -> Edits:
    """Branches in brackets with each on a line of its own, below the key."""
    text, source = value.span.text, value.span.source
    items = [item.span.text for item in value.items()] if value.kind == "list" else []
    if len(items) < 2 or "\n" in text or not all(map(_is_whole, items)):
        return ()
    begins = source.text.rfind("\n", 0, key.span.start) + 1
    indent = key.span.start - begins + 2
    lines = "".join(f"\n{' ' * indent}- {item}" for item in items)
    return write(Span(source, key.span.end + 1, value.span.end), lines)


def is_table_row(data: Data) -> bool:
    """Whether a list is a layer as YOLO's files write it: `[-1, 1, Conv, [64, 3, 2]]`."""
    items = data.items() if data.kind == "list" else ()
    if len(items) < 3:
        return False
    first, second, third = items[:3]
    is_from = re.fullmatch(r"-?\d+|\[[-\d, ]+\]", first.span.text) is not None
    return is_from and second.span.text.isdigit() and re.match(r"[A-Za-z]", third.span.text) is not None
