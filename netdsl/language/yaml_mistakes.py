"""Why a text is not YAML: libyaml's complaint, told as the mistake that a person made.

libyaml says where it gave up, which is often a line behind the mistake. So the line it names is looked at,
then the one above, for what people write in good faith: an expression in brackets, a key without its space,
a quote that is never closed. What is none of these gets libyaml's own words.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import yaml

from netdsl.diagnostics import Diagnostic, Edit, Source, Span
from netdsl.diagnostics.edits import behind, remove, write

_HELP = (
    "a spec is `key: value` lines; indent what belongs to a key by two spaces, quote text that contains `: `"
)
_VALUE = re.compile(r"(\s*(?:- +)*(?:[^\s#'\"\[{][^#\[{]*?:(?=\s)\s*)?)(\S.*)?")
_GLUED = re.compile(r"\s*(?:- +)*([A-Za-z_]\w*(?:\([^)]*\))?:)(?=[^\s:])")
_DASHED = re.compile(r"\s*(-)(?=[A-Za-z_(\"'])")
_COMMENT = re.compile(r"""^((?:[^'"#]|(?<!\s)\#(?!^)|"[^"]*"|'[^']*')*?)(?:(?:^|\s)\#.*)?$""")
_CLOSING = {"[": "]", "{": "}", '"': '"', "'": "'"}


class _Line(NamedTuple):
    """A line of the text without its comment, and what follows its key or its dash."""

    source: Source
    number: int
    text: str
    value: str
    column: int
    """How many characters stand in front of the value."""

    def place(self, column: int, length: int = 1) -> Span:
        start = self.source.offset(self.number, 1) + column
        return Span(self.source, start, start + length)


def explain_yaml(error: yaml.MarkedYAMLError, source: Source) -> Diagnostic:
    """What a person did to make libyaml refuse a text."""
    mark = error.problem_mark or error.context_mark
    at = min(mark.index, len(source.text)) if mark else 0
    number, _ = source.position(at)
    return (
        _unclosed(error, source)
        or _trap(source, number, at_fault=True)
        or (_trap(source, number - 1, at_fault=False) if number > 1 else None)
        or _mixed(error, source, number)
        or _indentation(source, number)
        or _plain(error, source, at)
    )


def _plain(error: yaml.MarkedYAMLError, source: Source, at: int) -> Diagnostic:
    problem = (error.problem or "this cannot be read").removeprefix("did not find ").strip()
    return Diagnostic(
        code="yaml-syntax",
        message=f"the text is not YAML: {problem}",
        span=Span(source, at, at + 1),
        help=_HELP,
    )


def _unclosed(error: yaml.MarkedYAMLError, source: Source) -> Diagnostic | None:
    """A quote, a bracket or a brace that is still open where the text ends or another key begins."""
    if error.context_mark is None or error.context not in _OPENED:
        return None
    at = min(error.context_mark.index, len(source.text) - 1)
    opening = source.text[at]
    line = _line(source, source.position(at)[0])
    if opening == "[" and (listing := _as_list(line)) is not None:
        return listing
    if error.problem_mark is not None and (inner := _inner_list(source, error.problem_mark.index)):
        return inner
    what, code = _OPENED[error.context]
    return Diagnostic(
        code=code,
        message=f"{what} is never closed",
        span=Span(source, at, at + 1),
        help=f"close it with `{_CLOSING.get(opening, opening)}`",
        fix=_closed(line, opening, at),
    )


def _closed(line: _Line, opening: str, at: int) -> tuple[Edit, ...]:
    """A quote or bracket closed at the end of its line, where it begins the line's value and nothing else in
    it is left open."""
    rest = line.value[1:].rstrip()
    is_value = line.place(line.column).start == at
    others = [character for character in rest if character in "[]{}" or character in "\"'"]
    if not is_value or others or not rest or "\n" in rest or (opening in "[{" and ": " in rest):
        return ()
    end = line.place(line.column + 1 + len(rest)).start
    return behind(Span(line.source, at, end), _CLOSING.get(opening, opening))


_OPENED = {
    "while scanning a quoted scalar": ("a quoted text", "unclosed-string"),
    "while parsing a flow sequence": ("a list in brackets", "unclosed-bracket"),
    "while parsing a flow mapping": ("a mapping in braces", "unclosed-bracket"),
}
"""What libyaml was reading when it gave up."""


def _line(source: Source, number: int) -> _Line:
    text = _COMMENT.sub(r"\1", source.line(number))
    found = _VALUE.fullmatch(text)
    assert found is not None, "every part of the pattern may be missing"
    return _Line(source, number, text, found.group(2) or "", len(found.group(1)))


def _trap(source: Source, number: int, *, at_fault: bool) -> Diagnostic | None:
    """YAML's traps on one line: what looks like an expression and means something else.

    Args:
        at_fault: whether libyaml stopped on this line; of the one above only what must be wrong is said.
    """
    line = _line(source, number)
    indent = len(line.text) - len(line.text.lstrip())
    if "\t" in line.text[:indent]:
        where = line.place(line.text.index("\t"))
        return Diagnostic(
            code="tab",
            message="a tab is used for indentation",
            span=where,
            help="indent with spaces: YAML refuses tabs",
            fix=(Edit(where, "  "),),
        )
    glued = _GLUED.match(line.text)
    if glued and ": " not in line.text:
        return missing_space(line.place(glued.start(1), len(glued.group(1))))
    if listing := _as_list(line):
        return listing
    if line.value[:1] in ("'", '"'):
        return _after_quote(line)
    if at_fault and (dash := _DASHED.match(line.text)):
        return Diagnostic(
            code="missing-space",
            message="a dash has no space behind it, so YAML reads the line as text",
            span=line.place(dash.start(1)),
            help="write `- layer`",
            fix=behind(line.place(dash.start(1)), " "),
        )
    if line.value[:1] and line.value[0] in "*&|>@`%!":
        return _indicator(line) if at_fault else None
    if at_fault and ": " in line.value and line.value[0] != "{":
        return Diagnostic(
            code="yaml-colon",
            message="a value contains `: `, which begins another key",
            span=line.place(line.column + line.value.index(": "), 2),
            help="quote the whole value, or put the inner key on a line of its own",
            fix=_quoted(line),
        )
    return None


def _quoted(line: _Line) -> tuple[Edit, ...]:
    """A sentence in quotes: only those keys hold text that is read by people alone."""
    key = line.text[: line.column].strip(" -:")
    value = line.value.rstrip()
    if key not in ("about", "cite", "wrong") or '"' in value or "\\" in value:
        return ()
    return write(line.place(line.column, len(value)), f'"{value}"')


def missing_space(span: Span) -> Diagnostic:
    """A key whose colon touches its value; the span is that of the key and its colon."""
    key = span.text.rstrip(":")
    return Diagnostic(
        code="missing-space",
        message=f"`{key}:` has no space behind its colon, so YAML reads the line as text",
        span=span,
        help=f"write `{key}: …`",
        fix=(Edit(span, f"{key}: "),),
    )


def _as_list(line: _Line) -> Diagnostic | None:
    """A bracket that was to group: something stands behind the one that closes it."""
    if line.value[:1] != "[":
        return None
    depth, closing = 0, None
    for at, character in enumerate(line.value):
        depth += (character == "[") - (character == "]")
        if depth == 0:
            following = line.value[at + 1 :].strip()
            if not following or following[0] in "#,]}:":
                return None
            closing = line.place(line.column + at).start
            break
    else:
        if " -> " not in line.value:
            return None
    return _listing(line.place(line.column), closing)


def _inner_list(source: Source, at: int) -> Diagnostic | None:
    """The same inside of a list or mapping in brackets: libyaml stops behind the closing one."""
    closing = len(source.text[:at].rstrip()) - 1
    if closing < 0 or source.text[closing] != "]" or "\n" in source.text[closing : at + 1]:
        return None
    depth = 0
    for opening in range(closing, -1, -1):
        depth += (source.text[opening] == "]") - (source.text[opening] == "[")
        if depth == 0:
            is_one = "," not in source.text[opening:closing]  # commas separate where brackets are around
            return _listing(Span(source, opening, opening + 1), closing if is_one else None)
    return None


def _listing(span: Span, closing: int | None) -> Diagnostic:
    """The fault of an expression in brackets; the closing one's place is known where there is one."""
    fix: tuple[Edit, ...] = ()
    if closing is not None:
        fix = (*write(span, "("), *write(Span(span.source, closing, closing + 1), ")"))
    return Diagnostic(
        code="yaml-list",
        message="a value that begins with `[` is a YAML list, not an expression",
        span=span,
        help="group with parentheses instead, `(a -> b)` or `(1, 2)`",
        fix=fix,
    )


def _after_quote(line: _Line) -> Diagnostic | None:
    """A quote that is closed too early, or not on its line."""
    quote = line.value[0]
    closing = line.value.find(quote, 1)
    if closing < 0:
        return Diagnostic(
            code="unclosed-string",
            message="a quoted text is never closed",
            span=line.place(line.column),
            help=f"close it with `{quote}`",
            fix=_closed(line, quote, line.place(line.column).start),
        )
    following = line.value[closing + 1 :]
    if not following.strip() or following.strip()[0] in "#,]}:":
        return None
    return Diagnostic(
        code="yaml-quote",
        message="a value that begins with a quote ends at the next one, and more follows",
        span=line.place(line.column, closing + 1),
        help="quote the whole value, or no part of it",
        fix=_unquoted(line, closing),
    )


def _unquoted(line: _Line, closing: int) -> tuple[Edit, ...]:
    """A layer's name without its quotes, where it was meant to be called: `"conv"(64, 3)`."""
    word, following = line.value[1:closing], line.value[closing + 1 :]
    if not word.isidentifier() or not following.lstrip().startswith(("(", "->")):
        return ()
    return write(line.place(line.column, closing + 1), word)


def _indicator(line: _Line) -> Diagnostic:
    return Diagnostic(
        code="yaml-indicator",
        message=f"a value cannot begin with `{line.value[0]}`: YAML keeps it for itself",
        span=line.place(line.column),
        help="begin an expression with a layer or a value, and put other text into quotes",
        fix=_without_indicator(line),
    )


def _without_indicator(line: _Line) -> tuple[Edit, ...]:
    """`@relu` and `` `relu` `` without what stands around the name."""
    value = line.value.rstrip()
    if value[0] == "`" and value.count("`") == 2 and value.endswith("`") and len(value) > 2:
        return write(line.place(line.column, len(value)), value[1:-1])
    is_marked = value[0] == "@" and value[1:2].isalpha()
    return remove(line.place(line.column)) if is_marked else ()


def _mixed(error: yaml.MarkedYAMLError, source: Source, number: int) -> Diagnostic | None:
    """List items and keys on one level."""
    text = _line(source, number).text
    start = len(text) - len(text.lstrip())
    problem = (error.problem or "").removeprefix("did not find ")
    if problem == "expected key" and text.lstrip().startswith("- "):
        message, help = "a list item stands among keys", "give it a name, or write a dash before the others"
    elif problem == "expected '-' indicator":
        message, help = "a key stands among list items", "write a dash before it, or give the others names"
    else:
        return None
    line = _line(source, number)
    return Diagnostic(code="yaml-mixed", message=message, span=line.place(start), help=help)


def _indentation(source: Source, number: int) -> Diagnostic | None:
    """A line that begins where no line around it does."""
    levels: list[int] = []
    for above in range(number - 1, 0, -1):
        indent = _indent(source.line(above))
        if indent is not None and (not levels or indent < levels[-1]):
            levels.append(indent)
    own = _indent(source.line(number))
    if own is None or own in levels or not levels:
        return None
    near = [level for level in levels if level <= own][:1] + [level for level in levels if level > own][-1:]
    listed = " or ".join(str(level) for level in sorted(near))
    spaces = "space" if own == 1 else "spaces"
    place = _line(source, number).place(0, own)
    return Diagnostic(
        code="indentation",
        message=f"this line is indented by {own} {spaces}, and no line around it is",
        span=_line(source, number).place(0, max(own, 1)),
        help=f"indent it by {listed}, as the lines above it",
        fix=write(place, " " * near[0]) if len(near) == 1 else (),
    )


def _indent(line: str) -> int | None:
    """The spaces a line begins with; None for one that says nothing."""
    text = line.strip()
    return None if not text or text.startswith("#") else len(line) - len(line.lstrip(" "))
