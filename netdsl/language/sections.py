"""What the sections of a document are read with: names, texts, numbers, keys."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Iterable, Sequence

from netdsl.diagnostics import Collector, Diagnostic, Edit, Faults, Label, Span, nearest
from netdsl.diagnostics.edits import write
from netdsl.language import syntax
from netdsl.language.document_mending import renamed, without_dashes
from netdsl.language.effort import Words
from netdsl.language.scalars import expression_of, no_value, wrong_kind
from netdsl.language.syntax import Data
from netdsl.language.word_reader import LONGEST_NAME, name_too_long

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
"""The pattern of names."""
_NAME = re.compile(rf"{NAME}\Z")


_ELSEWHERE = {
    **dict.fromkeys(("layers", "model", "network", "architecture"), "net"),
    **dict.fromkeys(("parameters", "variables"), "params"),
    **dict.fromkeys(("training", "recipe"), "train"),
    **dict.fromkeys(("inputs", "input_shape", "input_size"), "input"),
    "description": "about",
    "title": "name",
}
"""What other formats call the keys of a spec, where that holds what it holds here."""


class Refused(Exception):
    """A part of the document could not be read; its diagnostic is collected already."""


class SectionReader:
    """What all sections are read with; what one gets wrong is collected and left out."""

    def __init__(self, entries: dict[str, tuple[Data, Data]], found: Collector, words: Words) -> None:
        self.entries = entries
        self.found = found
        self.words = words
        self.unreadable: set[str] = set()

    def _missing(
        self, where: str, required: Iterable[str], given: Collection[str], known: tuple[str, ...], span: Span
    ) -> list[str]:
        """The required keys that are not given, told in one diagnostic; a misspelt one is told already."""
        missing = [name for name in required if name not in given]
        misspelt = {_meant(name, known) for name in given if name not in known}
        told = [name for name in missing if name not in misspelt]
        if told:
            listed = " and no ".join(f"`{name}`" for name in told)
            help = "; ".join(_MISSING_HELP[name] for name in told)
            self._add("missing-key", f"{where} has no {listed}", span, help)
        return missing

    def _add(
        self,
        code: str,
        message: str,
        span: Span,
        help: str | None = None,
        *labels: Label,
        fix: tuple[Edit, ...] = (),
    ) -> None:
        self.found.add(Diagnostic(code=code, message=message, span=span, help=help, labels=labels, fix=fix))

    def _unknown_key(self, key: Data, known: Sequence[str], where: str, given: Collection[str]) -> None:
        meant = _meant(str(key.value), known)
        help = f"write `{meant}`" if meant else f"the keys of {where} are {', '.join(known)}"
        fix = write(key.span, meant) if meant and meant not in given else ()
        self._add("unknown-key", f"`{key.value}` is not a key of {where}", key.span, help, fix=fix)

    def _mapping(self, data: Data | None, what: str) -> tuple[tuple[Data, Data], ...]:
        if data is None:
            return ()
        if data.kind != "mapping":
            help = "write `name: value` lines, indented below the key"
            self.found.add(wrong_kind(data, what, help, without_dashes(data)))
            return ()
        return data.entries()

    def _text(self, data: Data | None) -> str:
        if data is None:
            return ""
        if data.kind != "scalar":
            self.found.add(wrong_kind(data, "text", "write it as one text; quote it if it contains `: `"))
            return ""
        if not data.span.text:
            self.found.add(no_value("a key", data.span))
        return " ".join(str(data.value).split())

    def _check_name(self, name: str, span: Span, of: str) -> bool:
        """Whether a name can be one in Python as well; a fault is collected."""
        if len(name) > LONGEST_NAME:
            self.found.add(name_too_long(name, span))
        elif not _NAME.match(name):
            self._add(
                "invalid-name",
                f"`{name}` cannot be the name of {of}",
                span,
                f"a name is letters, digits and underscores, such as `{_as_name(name)}`",
                fix=renamed(span, _as_name(name)),
            )
        elif keyword.iskeyword(name) or name in ("true", "false", "none"):
            self._add(
                "reserved-name",
                f"`{name}` is reserved and cannot be the name of {of}",
                span,
                f"try `{name}_`",
                fix=renamed(span, f"{name}_"),
            )
        else:
            return True
        return False

    def _expression(self, data: Data) -> syntax.Expression:
        try:
            return expression_of(data, self.words)
        except Faults as faults:
            if self.words.are_too_many:
                raise
            self.found.extend(faults.diagnostics)
            return syntax.Broken(data.span)

    def _fields(self, data: Data, known: tuple[str, ...], where: str) -> dict[str, Data]:
        fields = {}
        entries = self._mapping(data, where)
        given = [str(key.value) for key, _ in entries]
        for key, value in entries:
            if key.value in known:
                fields[str(key.value)] = value
            else:
                self._unknown_key(key, known, where.removeprefix("a mapping of "), given)
        return fields

    def _number(self, data: Data, help: str) -> int | float | None:
        if re.fullmatch(r"\d{1,3}(,\d{3})+", data.span.text):
            meant = data.span.text.replace(",", "_")
            message = "a number is written with commas"
            self._add("number-commas", message, data.span, f"write `{meant}`", fix=write(data.span, meant))
            return None
        expression = self._expression(data)
        if isinstance(expression, syntax.Number):
            return expression.value
        if not isinstance(expression, syntax.Broken):
            self.found.add(wrong_kind(data, "a number", help))
        return None


_MISSING_HELP = {
    "name": "add `name: my_network`",
    "input": "add the shape of one sample without the batch, such as `input: [3, 224, 224]`",
    "net": "add the layers, such as `net: conv(64, 3) -> relu`",
    "at": "say which stage of `net` it hangs on: `at: stage`",
}


def _as_name(text: str) -> str:
    """The name nearest to a text that is none."""
    words = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")
    return f"n{words}" if words[:1].isdigit() else words or "network"


def _meant(name: str, known: Sequence[str]) -> str | None:
    """The key that a name was written for."""
    elsewhere = _ELSEWHERE.get(name.lower())
    return elsewhere if elsewhere in known else nearest(name, known)
