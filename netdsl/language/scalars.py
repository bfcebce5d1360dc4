"""What a scalar of a document says: its text without quotes, and the expression that it is."""

from __future__ import annotations

from functools import partial

from netdsl.diagnostics import Diagnostic, Edit, Faults, Source, Span
from netdsl.diagnostics.edits import write
from netdsl.language import syntax
from netdsl.language.effort import Words
from netdsl.language.expressions import parse_expression
from netdsl.language.syntax import Data


def expression_of(data: Data, words: Words | None = None) -> syntax.Expression:
    """The expression that a scalar says; a list in brackets is a listing of expressions.

    Raises:
        Faults: it says none.
    """
    if data.kind == "list":
        return syntax.Listing(data.span, tuple(expression_of(item, words) for item in data.items()))
    if data.kind == "mapping":
        raise Faults([wrong_kind(data, "an expression", "write it as one line of text")])
    text, first = written(data)
    if not text.strip():
        raise Faults([no_value("a key", data.span)])
    return parse_expression(text, partial(_place, data.span.source, first), words)


def no_value(what: str, span: Span) -> Diagnostic:
    return Diagnostic(
        code="missing-value",
        message=f"{what} has no value",
        span=Span(span.source, span.start, max(span.end, span.start + 1)),
        help="write its value, or leave it out",
    )


def _place(source: Source, first: int, start: int, end: int) -> Span:
    return Span(source, first + start, first + end)


def written(data: Data) -> tuple[str, int]:
    """A scalar's text as it stands in the file, without quotes, and where it begins there."""
    raw, start = data.span.text, data.span.start
    if raw[:1] in ("'", '"') and raw[-1:] == raw[0] and len(raw) > 1:
        if (raw[0] == '"' and "\\" in raw) or (raw[0] == "'" and "''" in raw[1:-1]):
            message = "an expression in quotes cannot contain escapes"
            help = "leave the outer quotes out, or use the other kind of quote inside"
            fix = _other_quotes(data.span)
            raise Faults(
                [Diagnostic(code="yaml-escape", message=message, span=data.span, help=help, fix=fix)]
            )
        return raw[1:-1], start + 1
    if raw[:1] in ("|", ">"):
        header, _, rest = raw.partition("\n")
        return rest, start + len(header) + 1
    return raw, start


def _other_quotes(span: Span) -> tuple[Edit, ...]:
    """The text in the other kind of quotes, where it holds none of them and nothing else is escaped."""
    raw = span.text
    inner, other = (
        (raw[1:-1].replace('\\"', '"'), "'") if raw[0] == '"' else (raw[1:-1].replace("''", "'"), '"')
    )
    is_plain = other not in inner and "\\" not in inner
    return write(span, f"{other}{inner}{other}") if is_plain else ()


def wrong_kind(data: Data, expected: str, help: str, fix: tuple[Edit, ...] = ()) -> Diagnostic:
    if not data.span.text:
        return no_value("a key", data.span)
    what = {"scalar": "text", "list": "a list", "mapping": "a mapping"}[data.kind]
    return Diagnostic(
        code="wrong-kind",
        message=f"{what} stands where {expected} is expected",
        span=data.span,
        help=help,
        fix=fix,
    )
