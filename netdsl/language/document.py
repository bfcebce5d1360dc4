"""A YAML document → the spec it declares.

The document's keys are fixed here; what its expressions mean is not this module's business. Every fault of
form is collected, and what could be read is still returned, so that one run reports them all.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import NoReturn

from netdsl.diagnostics import Collector, Diagnostic, Edit, Faults, Label, Source, Span, did_you_mean, nearest
from netdsl.diagnostics.edits import without_item, write
from netdsl.language import syntax
from netdsl.language.document_mending import (
    as_dashes,
    batch_of,
    in_parentheses,
    is_table_row,
    on_lines,
    renamed,
    shape_meant,
    without_dashes,
)
from netdsl.language.effort import Words
from netdsl.language.expressions import LONGEST_NAME, name_too_long, parse_expression
from netdsl.language.syntax import Data
from netdsl.language.yaml_text import read_yaml

ABOUT = {
    "extends": "another spec, which this one changes",
    "name": "the network's name; required",
    "about": "a sentence on where it comes from",
    "input": "the shape of one sample; required",
    "params": "what can be changed from outside",
    "blocks": "the spec's own building blocks",
    "shared": "modules that are made once and used in several places",
    "net": "the network; required",
    "heads": "side outputs for training",
    "claims": "what a paper or a reference implementation says of it",
    "train": "the recipe of `netdsl train`",
}
"""What each key of a document says."""
KEYS = tuple(ABOUT)
"""The keys of a document, in the order in which they are written."""
MERGED = ("params", "blocks", "claims", "train")
"""The keys whose mappings `extends` merges by key; every other is replaced whole."""
MERGES = ("add", "sub", "mul", "concat")
"""The long forms of `+ - * |`; no stage can be called so."""

LONGEST_CHAIN = 16
"""Specs that may extend each other in a row."""

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
"""The pattern of names."""
_NAME = re.compile(rf"{NAME}\Z")

Open = Callable[[str, Span], Source]
"""Opens the file that an `extends` names; raises Faults where it must not or cannot."""


class Refused(Exception):
    """A part of the document could not be read; its diagnostic is collected already."""


def read_document(source: Source, open_extended: Open, found: Collector) -> syntax.Spec | None:
    """The spec of a source and of the files it extends; None where too little of it could be read.

    Faults are added to `found`.
    """
    words = Words()
    try:
        entries = _with_extended(source, open_extended, (), found, words)
        return _Reader(entries, found, words).spec(source)
    except Faults as faults:
        found.extend(faults.diagnostics)
        return None


def read_blocks(source: Source) -> tuple[syntax.Block, ...]:
    """The blocks of a file that holds nothing else, such as the prelude.

    Raises:
        Faults: the file is wrong.
    """
    found = Collector()
    words = Words()
    blocks = _Reader({}, found, words).blocks(read_yaml(source, found, words))
    if found.has_errors:
        raise Faults(found)
    return blocks


def expression_of(data: Data, words: Words | None = None) -> syntax.Expression:
    """The expression that a scalar says; a list in brackets is a listing of expressions.

    Raises:
        Faults: it says none.
    """
    if data.kind == "list":
        return syntax.Listing(data.span, tuple(expression_of(item, words) for item in data.items()))
    if data.kind == "mapping":
        raise Faults([_wrong_kind(data, "an expression", "write it as one line of text")])
    text, first = written(data)
    if not text.strip():
        raise Faults([_no_value("a key", data.span)])
    return parse_expression(text, partial(_place, data.span.source, first), words)


def _no_value(what: str, span: Span) -> Diagnostic:
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


def _wrong_kind(data: Data, expected: str, help: str, fix: tuple[Edit, ...] = ()) -> Diagnostic:
    if not data.span.text:
        return _no_value("a key", data.span)
    what = {"scalar": "text", "list": "a list", "mapping": "a mapping"}[data.kind]
    return Diagnostic(
        code="wrong-kind",
        message=f"{what} stands where {expected} is expected",
        span=data.span,
        help=help,
        fix=fix,
    )


def _with_extended(
    source: Source, open_extended: Open, above: tuple[str, ...], found: Collector, words: Words
) -> dict[str, tuple[Data, Data]]:
    """The document's entries by key, laid over those of the file it extends."""
    document = read_yaml(source, found, words)
    if document.kind != "mapping":
        raise Faults([_not_a_mapping(document)])
    entries = {str(key.value): (key, value) for key, value in document.entries()}
    if "extends" not in entries or not entries["extends"][1].span.text:
        return entries
    _, target = entries["extends"]
    if target.kind != "scalar":
        raise Faults([_wrong_kind(target, "a file's name", "write `extends: other.yaml`")])
    if len(above) == LONGEST_CHAIN:
        message = f"more than {LONGEST_CHAIN} specs extend each other in a row"
        help = "let this one extend the first of them"
        raise Faults([Diagnostic(code="nesting-too-deep", message=message, span=target.span, help=help)])
    extended = open_extended(str(target.value), target.span)
    if extended.name in (source.name, *above):
        chain = " -> ".join([*above, source.name, extended.name])
        raise Faults(
            [
                Diagnostic(
                    code="extends-cycle",
                    message=f"specs extend each other: {chain}",
                    span=target.span,
                    help="extend another spec, or write out what is wanted of it",
                )
            ]
        )
    merged = dict(_with_extended(extended, open_extended, (*above, source.name), found, words))
    for name, (key, value) in entries.items():
        below = merged.get(name)
        if name in MERGED and below and below[1].kind == value.kind == "mapping":
            value = _merged(below[1], value)
        merged[name] = (key, value)
    return merged


def _merged(below: Data, above: Data) -> Data:
    """Two mappings by key, the upper one's values winning; a block's key is its name without parameters."""

    def name(key: Data) -> str:
        return str(key.value).partition("(")[0].strip()

    entries = {name(key): (key, value) for key, value in below.entries()}
    entries |= {name(key): (key, value) for key, value in above.entries()}
    return Data(above.span, tuple(entries.values()), "mapping")


def _not_a_mapping(document: Data) -> Diagnostic:
    text = document.span.text.partition("\n")[0]
    glued = re.match(r"([A-Za-z_]+):(?=\S)", text)
    if document.kind == "scalar" and glued:
        from netdsl.language.yaml_mistakes import missing_space  # only a wrong spec pays for it

        first = document.span.start
        return missing_space(Span(document.span.source, first, first + glued.end()))
    return _wrong_kind(document, "a spec", "a spec is a mapping with `name`, `input` and `net`")


class _Reader:
    """Reads the document's sections; what a section gets wrong is collected and left out."""

    def __init__(self, entries: dict[str, tuple[Data, Data]], found: Collector, words: Words) -> None:
        self.entries = entries
        self.found = found
        self.words = words
        self.unreadable: set[str] = set()

    def spec(self, source: Source) -> syntax.Spec | None:
        for name, (key, _) in self.entries.items():
            if name not in KEYS:
                self._unknown_key(key, KEYS, "a spec")
        missing = self._missing("the spec", ("name", "input", "net"), self.entries, KEYS, source.whole())
        missing += self._drop_empty()
        name_data = self._value("name")
        name_span = name_data.span if name_data else source.whole()
        train = self._value("train")
        if train is not None and train.kind != "mapping":
            help = "write `key: value` lines, such as `epochs: 10`"
            self.found.add(_wrong_kind(train, "a recipe", help, without_dashes(train)))
            train = None
        net = self._value("net")
        spec = syntax.Spec(
            span=name_span,
            name=self._spec_name(name_data),
            about=self._text(self._value("about")),
            inputs=self._inputs(self._value("input")),
            parameters=self._settings(self._value("params")),
            blocks=self.blocks(self._value("blocks")),
            shared=self.blocks(self._value("shared"), shared=True),
            net=self._body(net) if net else syntax.Broken(name_span),
            heads=self._heads(self._value("heads")),
            claims=self._claims(self._value("claims")),
            cite=self._cite(self._value("claims")),
            train=train,
            unreadable=frozenset(self.unreadable),
        )
        return None if missing else spec

    def _drop_empty(self) -> list[str]:
        """Keys with nothing behind their colon, told and left out."""
        empty = [name for name, (_, value) in self.entries.items() if not value.span.text]
        for name in empty:
            self.found.add(_no_value(f"`{name}`", self.entries.pop(name)[0].span))
        return [name for name in empty if name in ("name", "input", "net")]

    def _missing(
        self, where: str, required: Iterable[str], given: Collection[str], known: tuple[str, ...], span: Span
    ) -> list[str]:
        """The required keys that are not given, told in one diagnostic; a misspelt one is told already."""
        missing = [name for name in required if name not in given]
        misspelt = {nearest(name, known) for name in given if name not in known}
        told = [name for name in missing if name not in misspelt]
        if told:
            listed = " and no ".join(f"`{name}`" for name in told)
            help = "; ".join(_MISSING_HELP[name] for name in told)
            self._add("missing-key", f"{where} has no {listed}", span, help)
        return missing

    def _value(self, key: str) -> Data | None:
        entry = self.entries.get(key)
        return entry[1] if entry else None

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

    def _unknown_key(self, key: Data, known: Iterable[str], where: str) -> None:
        known = list(known)
        help = did_you_mean(str(key.value), known) or f"the keys of {where} are {', '.join(known)}"
        self._add("unknown-key", f"`{key.value}` is not a key of {where}", key.span, help)

    def _mapping(self, data: Data | None, what: str) -> tuple[tuple[Data, Data], ...]:
        if data is None:
            return ()
        if data.kind != "mapping":
            help = "write `name: value` lines, indented below the key"
            self.found.add(_wrong_kind(data, what, help, without_dashes(data)))
            return ()
        return data.entries()

    def _text(self, data: Data | None) -> str:
        if data is None:
            return ""
        if data.kind != "scalar":
            self.found.add(_wrong_kind(data, "text", "write it as one text; quote it if it contains `: `"))
            return ""
        if not data.span.text:
            self.found.add(_no_value("a key", data.span))
        return " ".join(str(data.value).split())

    def _spec_name(self, data: Data | None) -> str:
        name = self._text(data)
        if data is not None and data.kind == "scalar":
            self._check_name(name, data.span, "a spec")
        return name

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

    # Sections

    def _inputs(self, data: Data | None) -> tuple[tuple[str, syntax.Listing], ...]:
        if data is None:
            return ()
        if data.kind == "mapping" and data.entries():
            shapes = {}
            for key, value in data.entries():
                self._check_name(str(key.value), key.span, "an input")
                shapes[str(key.value)] = self._shape(value)
        else:
            shapes = {"input": self._shape(data)}
        known = [(name, shape) for name, shape in shapes.items() if shape is not None]
        return tuple(known) if len(known) == len(shapes) else ()

    def _shape(self, data: Data) -> syntax.Listing | None:
        if data.kind != "list" or not 1 <= len(data.items()) <= 4:
            meant = shape_meant(data)
            example = meant or "[3, 224, 224]"
            self._add(
                "input-shape",
                "an input is a list of 1 to 4 sizes",
                data.span,
                f"write `[channels, height, width]`, without the batch, such as `input: {example}`",
                fix=write(data.span, meant) if meant else (),
            )
            return None
        if batch := batch_of(data):
            self._add(
                "batch-size",
                f"the input begins with `{batch.span.text}`, which is the batch's place",
                batch.span,
                "leave it out: a shape is that of one sample",
                fix=without_item(batch.span),
            )
            return None
        return syntax.Listing(data.span, tuple(self._expression(item) for item in data.items()))

    def _settings(self, data: Data | None) -> tuple[syntax.Setting, ...]:
        settings = []
        if data is not None and data.kind != "mapping":  # told already: no name in it is unknown as well
            self.unreadable.update(re.findall(r"[A-Za-z_]\w*", data.span.text))
        for key, value in self._mapping(data, "a mapping of parameters"):
            self._check_name(str(key.value), key.span, "a parameter")
            settings.append(syntax.Setting(key.span, str(key.value), self._expression(value)))
        return tuple(settings)

    def blocks(self, data: Data | None, shared: bool = False) -> tuple[syntax.Block, ...]:
        what = "a mapping of shared modules" if shared else "a mapping of blocks"
        blocks: dict[str, syntax.Block] = {}
        for key, value in self._mapping(data, what):
            try:
                name, parameters = self._signature(key)
            except Refused:
                self.unreadable.update(re.findall(r"^\w+", str(key.value)))
                self._body(value)
                continue
            if shared and parameters:
                self._add(
                    "shared-parameters",
                    f"the shared module `{name}` cannot have parameters",
                    key.span,
                    "it is made once; write its values into its body",
                )
            if name in blocks:
                first = Label(blocks[name].span, "first here")
                help = "keep one of the two; a block can have parameters with defaults"
                self._add("duplicate-key", f"the block `{name}` stands here twice", key.span, help, first)
                continue
            blocks[name] = syntax.Block(key.span, name, parameters, self._body(value))
        return tuple(blocks.values())

    def _signature(self, key: Data) -> tuple[str, tuple[syntax.Parameter, ...]]:
        """`name(a, b=default)` or `name`."""
        try:
            expression = expression_of(key, self.words)
        except Faults as faults:
            if self.words.are_too_many:
                raise
            self.found.extend(faults.diagnostics)
            raise Refused from None
        arguments: tuple[syntax.Argument, ...] = ()
        if isinstance(expression, syntax.Name):
            name = expression.name
        elif isinstance(expression, syntax.Call):
            name, arguments = expression.name, expression.arguments
        else:
            self._bad_signature(key)
        if not self._check_name(name, key.span, "a block"):
            raise Refused
        parameters: dict[str, syntax.Parameter] = {}
        for argument in arguments:
            parameter = self._parameter(argument, key)
            if parameter.name in parameters:
                self._add(
                    "duplicate-parameter",
                    f"the parameter `{parameter.name}` stands here twice",
                    argument.span,
                    "call one of the two otherwise",
                )
            if parameter.default is None and any(p.default is not None for p in parameters.values()):
                self._add(
                    "parameter-order",
                    f"the parameter `{parameter.name}` without a default follows one with a default",
                    argument.span,
                    "put the parameters with defaults last",
                )
            parameters[parameter.name] = parameter
        return name, tuple(parameters.values())

    def _parameter(self, argument: syntax.Argument, key: Data) -> syntax.Parameter:
        if argument.name is not None:
            name, default = argument.name, argument.value
        elif isinstance(argument.value, syntax.Name):
            name, default = argument.value.name, None
        else:
            self._bad_signature(key)
        if not self._check_name(name, argument.span, "a parameter"):
            raise Refused
        if name == "x":
            message = "`x` is the block's input and cannot be a parameter"
            self._add("reserved-name", message, argument.span, "call it otherwise, such as `f`")
            raise Refused
        return syntax.Parameter(argument.span, name, default)

    def _bad_signature(self, key: Data) -> NoReturn:
        self._add(
            "block-signature",
            f"`{key.value}` is not a block's signature",
            key.span,
            "write `name:` or `name(a, b=default):`",
        )
        raise Refused

    def _body(self, data: Data) -> syntax.Body:
        if data.kind == "scalar":
            return self._expression(data)
        if data.span.text.startswith(("[", "{")):
            return self._flow_body(data)
        if data.kind == "list":
            return syntax.Sequence(data.span, tuple(self._body(item) for item in data.items()))
        entries = data.entries()
        if len(entries) == 1 and entries[0][0].value in MERGES:
            return self._merge(data, *entries[0])
        stages = []
        for key, value in entries:
            name = str(key.value)
            if name in MERGES:
                self._add(
                    "reserved-name",
                    f"`{name}` is the long form of an operator and cannot be the name of a stage",
                    key.span,
                    f"put it alone into a mapping of its own, or call the stage `{name}_`",
                )
                stages.append(syntax.Stage(key.span, f"{name}_", syntax.Broken(value.span)))
            else:
                self._check_name(name, key.span, "a stage")
                stages.append(syntax.Stage(key.span, name, self._body(value)))
        return syntax.Stages(data.span, tuple(stages))

    def _flow_body(self, data: Data) -> syntax.Broken:
        opening = data.span.text[0]
        kind = "list" if opening == "[" else "mapping"
        place = Span(data.span.source, data.span.start, data.span.start + 1)
        if is_table_row(data):
            self._add(
                "layer-as-row",
                "a layer is written as a row of where from, how often, which and with what",
                place,
                "write `conv(64, 3)`: it takes what comes before; `layer * n` repeats, `from(name)` recalls",
            )
            return syntax.Broken(data.span)
        self._add(
            f"yaml-{kind}",
            f"a value that begins with `{opening}` is a YAML {kind}, not an expression",
            place,
            "group with parentheses, `(a -> b)`, or write one item per line below the key",
            fix=in_parentheses(data) if opening == "[" else on_lines(data),
        )
        return syntax.Broken(data.span)

    def _merge(self, data: Data, key: Data, value: Data) -> syntax.Body:
        if value.kind != "list" or value.span.text.startswith("["):
            self._add(
                "merge-branches",
                f"`{key.value}` needs its branches as a list",
                value.span,
                "write one branch per line below it, each after `- `",
                fix=as_dashes(value, key),
            )
            return syntax.Broken(data.span)
        kind: syntax.MergeKind = str(key.value)  # type: ignore[assignment]
        return syntax.Merge(key.span, kind, tuple(self._body(item) for item in value.items()))

    def _heads(self, data: Data | None) -> tuple[syntax.Head, ...]:
        heads = []
        for key, value in self._mapping(data, "a mapping of heads"):
            entries = self._fields(value, _HEAD, "a head")
            if not self._check_name(str(key.value), key.span, "a head") or value.kind != "mapping":
                continue
            given = [str(name.value) for name, _ in value.entries()]
            if not self._missing(f"the head `{key.value}`", ("at", "net"), given, _HEAD, key.span):
                head = self._head(key, entries)
                heads += [head] if head.at else []
        return tuple(heads)

    def _head(self, key: Data, entries: dict[str, Data]) -> syntax.Head:
        weight, keep = 1.0, False
        if "weight" in entries:
            number = self._number(entries["weight"], "write a plain number, such as `0.3`")
            weight = 1.0 if number is None else float(number)
        if "keep" in entries:
            if entries["keep"].value not in ("true", "false"):
                said = _TRUTH.get(str(entries["keep"].value).lower(), "true")
                is_sure = str(entries["keep"].value).lower() in _TRUTH
                fix = write(entries["keep"].span, said) if is_sure else ()
                self.found.add(
                    _wrong_kind(entries["keep"], "`true` or `false`", f"write `keep: {said}`", fix)
                )
            keep = entries["keep"].value == "true"
        at = entries["at"]
        return syntax.Head(
            key.span, str(key.value), self._text(at), at.span, weight, keep, self._body(entries["net"])
        )

    def _fields(self, data: Data, known: tuple[str, ...], where: str) -> dict[str, Data]:
        fields = {}
        for key, value in self._mapping(data, where):
            if key.value in known:
                fields[str(key.value)] = value
            else:
                self._unknown_key(key, known, where.removeprefix("a mapping of "))
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
            self.found.add(_wrong_kind(data, "a number", help))
        return None

    def _claims(self, data: Data | None) -> tuple[syntax.Claim, ...]:
        claims: list[syntax.Claim] = []
        for name, value in self._fields(data, _CLAIMS, "a mapping of claims").items() if data else ():
            if name == "shapes" or (name in CLAIMS_BY_STAGE and not _is_claim(value)):
                for key, item in self._mapping(value, f"a mapping of {name} by stage"):
                    claims += self._claim(f"{name}.{key.value}", key.span, item, shape=name == "shapes")
            elif name != "cite":
                claims += self._claim(name, value.span, value, shape=False)
        return tuple(claims)

    def _claim(self, subject: str, span: Span, data: Data, *, shape: bool) -> list[syntax.Claim]:
        wrong = None
        if data.kind == "mapping":
            fields = self._fields(data, ("value", "wrong"), "a claim")
            wrong = self._text(fields.get("wrong")) or None
            if "value" not in fields:
                self._add("missing-key", "the claim has no `value`", span, "write `value:` and `wrong: why`")
                return []
            data = fields["value"]
        sizes = [self._number(item, _CLAIM_HELP) for item in (data.items() if shape else (data,))]
        if shape and data.kind != "list":
            self.found.add(_wrong_kind(data, "a shape", "write the sizes as a list, such as `[64, 56, 56]`"))
            return []
        if not all(isinstance(size, int) for size in sizes):
            if all(size is not None for size in sizes):
                self.found.add(_wrong_kind(data, "a whole number", _CLAIM_HELP))
            return []
        whole = tuple(int(size) for size in sizes if size is not None)
        return [syntax.Claim(span if shape else data.span, subject, whole if shape else whole[0], wrong)]

    def _cite(self, data: Data | None) -> str | None:
        cite = data.get("cite") if data else None
        return self._text(cite) if cite else None


HEAD_ABOUT = {
    "at": "the stage of `net` whose output it takes; required",
    "weight": "what its loss is multiplied by; 1 unless said otherwise",
    "keep": "`true` where it is part of the network outside of training as well",
    "net": "its layers; required",
}
"""What each key of a head says."""
CLAIMS_ABOUT = {
    "params": "the number of trainable parameters",
    "macs": "the multiply-adds for one sample",
    "neurons": "the sizes of the stages' outputs, summed or by stage",
    "connections": "the connections, as LeCun counts them, summed or by stage",
    "shapes": "the shapes of stages' outputs, by stage",
    "cite": "where it is said",
}
"""What each key of `claims` says."""
_HEAD = tuple(HEAD_ABOUT)
_CLAIM_HELP = "write it in full, such as `25_557_032`"
_CLAIMS = tuple(CLAIMS_ABOUT)
CLAIMS_BY_STAGE = ("neurons", "connections")
"""The figures that are claimed of the whole net or by stage."""
_MISSING_HELP = {
    "name": "add `name: my_network`",
    "input": "add the shape of one sample without the batch, such as `input: [3, 224, 224]`",
    "net": "add the layers, such as `net: conv(64, 3) -> relu`",
    "at": "say which stage of `net` it hangs on: `at: stage`",
}


_TRUTH = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}
"""What YAML and people write for true and false."""


def _as_name(text: str) -> str:
    """The name nearest to a text that is none."""
    words = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")
    return f"n{words}" if words[:1].isdigit() else words or "network"


def _is_claim(data: Data) -> bool:
    """Whether a claim's value is a figure rather than a mapping by stage."""
    return data.kind == "scalar" or data.get("value") is not None
