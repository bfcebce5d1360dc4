"""A YAML document → the spec it declares.

The document's keys are fixed here; what its expressions mean is not this module's business. Every fault of
form is collected, and what could be read is still returned, so that one run reports them all.
"""

from __future__ import annotations

import re

from netdsl.diagnostics import Collector, Faults, Source, Span
from netdsl.diagnostics.edits import without_item, write
from netdsl.language import syntax
from netdsl.language.bodies import BodyReader
from netdsl.language.document_mending import batch_of, shape_meant, without_dashes
from netdsl.language.effort import Words
from netdsl.language.extension import Open, with_extended
from netdsl.language.scalars import no_value, wrong_kind
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


def read_document(source: Source, open_extended: Open, found: Collector) -> syntax.Spec | None:
    """The spec of a source and of the files it extends; None where too little of it could be read.

    Faults are added to `found`.
    """
    words = Words()
    try:
        entries = with_extended(source, open_extended, (), found, words)
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


class _Reader(BodyReader):
    """Reads the document's sections."""

    def spec(self, source: Source) -> syntax.Spec | None:
        for name, (key, _) in self.entries.items():
            if name not in KEYS:
                self._unknown_key(key, KEYS, "a spec", self.entries)
        missing = self._missing("the spec", ("name", "input", "net"), self.entries, KEYS, source.whole())
        missing += self._drop_empty()
        name_data = self._value("name")
        name_span = name_data.span if name_data else source.whole()
        train = self._value("train")
        if train is not None and train.kind != "mapping":
            help = "write `key: value` lines, such as `epochs: 10`"
            self.found.add(wrong_kind(train, "a recipe", help, without_dashes(train)))
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
            self.found.add(no_value(f"`{name}`", self.entries.pop(name)[0].span))
        return [name for name in empty if name in ("name", "input", "net")]

    def _value(self, key: str) -> Data | None:
        entry = self.entries.get(key)
        return entry[1] if entry else None

    def _spec_name(self, data: Data | None) -> str:
        name = self._text(data)
        if data is not None and data.kind == "scalar":
            self._check_name(name, data.span, "a spec")
        return name

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
                self.found.add(wrong_kind(entries["keep"], "`true` or `false`", f"write `keep: {said}`", fix))
            keep = entries["keep"].value == "true"
        at = entries["at"]
        return syntax.Head(
            key.span, str(key.value), self._text(at), at.span, weight, keep, self._body(entries["net"])
        )

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
            self.found.add(wrong_kind(data, "a shape", "write the sizes as a list, such as `[64, 56, 56]`"))
            return []
        if not all(isinstance(size, int) for size in sizes):
            if all(size is not None for size in sizes):
                self.found.add(wrong_kind(data, "a whole number", _CLAIM_HELP))
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
_TRUTH = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}
"""What YAML and people write for true and false."""


def _is_claim(data: Data) -> bool:
    """Whether a claim's value is a figure rather than a mapping by stage."""
    return data.kind == "scalar" or data.get("value") is not None
