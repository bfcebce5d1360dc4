"""The JSON schema of a spec, by which editors complete keys and words, explain them and check their form.

Made from what documents and judges specs: the keys of `document`, the classes of layers, the catalogue of
recipes. It knows YAML and words, not shapes: `netdsl check` has the last word. Draft 7, which is the one that
YAML's language server reads; `defaultSnippets` are that server's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from netdsl.analysis.prelude import prelude
from netdsl.cli.train import ABOUT as KEY_ABOUT
from netdsl.language.bodies import MERGES
from netdsl.language.document import ABOUT, CLAIMS_ABOUT, CLAIMS_BY_STAGE, HEAD_ABOUT
from netdsl.language.sections import NAME
from netdsl.layers.arguments import Integer
from netdsl.layers.catalog import LAYERS
from netdsl.layers.layer import Layer
from netdsl.layers.reference import signature, summary
from netdsl.training.catalog.data import DATASETS, PATHS
from netdsl.training.catalog.entry import Entry
from netdsl.training.choices import CHOICES, NUMBERS, WORDS
from netdsl.training.choices import KEYS as RECIPE_KEYS
from netdsl.training.reference import SECTIONS

Schema = dict[str, Any]

_SCALAR = ["string", "number", "boolean"]
_FIGURE = {"type": ["integer", "string"], "pattern": r"^[0-9][0-9_]*$"}
_REQUIRED = ("name", "input", "net")


def schema_text() -> str:
    """The schema as it is printed."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def schema() -> Schema:
    """The schema of a spec."""
    sections = _sections()
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "netdsl spec",
        "description": "A network as a short text. Made by `netdsl schema`.",
        "type": "object",
        "properties": {key: _described(about, sections[key]) for key, about in ABOUT.items()},
        "additionalProperties": False,
        "anyOf": [{"required": ["extends"]}, {"required": list(_REQUIRED)}],
        "definitions": {
            "expression": {"type": _SCALAR},
            "value": {"anyOf": [_ref("expression"), {"type": "array", "items": _ref("value")}]},
            "shape": {"type": "array", "items": _ref("expression"), "minItems": 1, "maxItems": 4},
            "body": _body(),
            "figure": _figure(_FIGURE),
            "claimed_shape": _figure({"type": "array", "items": _FIGURE}),
        },
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _described(about: str, value: Schema) -> Schema:
    """A value with what it is; draft 7 ignores what stands beside a reference."""
    return {"description": about, **({"allOf": [value]} if "$ref" in value else value)}


def _named(value: Schema, pattern: str = NAME) -> Schema:
    """A mapping of names to values."""
    return {"type": "object", "patternProperties": {f"^{pattern}$": value}, "additionalProperties": False}


def _keyed(about: Mapping[str, str], values: Mapping[str, Schema]) -> Schema:
    """A mapping of fixed keys, all of which say what they are."""
    properties = {key: _described(text, values[key]) for key, text in about.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _sections() -> dict[str, Schema]:
    signature = rf"{NAME}\s*(\(.*\))?"
    return {
        "extends": {"type": "string", "examples": ["resnet50.yaml"]},
        "name": {"type": "string", "pattern": f"^{NAME}$"},
        "about": {"type": "string"},
        "input": {"anyOf": [_ref("shape"), _named(_ref("shape"))], "examples": [[3, 224, 224]]},
        "params": _named(_ref("value")),
        "blocks": _named(_ref("body"), signature),
        "shared": _named(_ref("body")),
        "net": _ref("body"),
        "heads": _named(_head()),
        "claims": _claims(),
        "train": _recipe(),
    }


# Bodies


def _body() -> Schema:
    """An expression, a list, named steps or the long form of an operator."""
    branches = {word: {"type": "array", "items": _ref("body")} for word in MERGES}
    merge = {"type": "object", "properties": branches, "additionalProperties": False, "minProperties": 1}
    stages = _named(_ref("body"), rf"(?!({'|'.join(MERGES)})$){NAME}")
    return {
        "anyOf": [
            {"type": _SCALAR, "defaultSnippets": _snippets()},
            {"type": "array", "items": _ref("body")},
            {**merge, "maxProperties": 1},
            {**stages, "minProperties": 1},
        ]
    }


def _snippets() -> list[Schema]:
    """A call of each layer and of each block of the prelude, with places for what must be given."""
    layers = [_snippet(signature(layer), _required(layer), summary(layer)) for layer in LAYERS]
    blocks = [
        _snippet(
            block.span.text,
            [parameter.name for parameter in block.parameters if parameter.default is None],
            "A block of the prelude, written in the language itself.",
        )
        for block in prelude()
    ]
    return layers + blocks


def _required(layer: type[Layer]) -> list[str]:
    return [name for name, argument in layer.arguments().items() if argument.required]


def _snippet(label: str, required: Iterable[str], description: str) -> Schema:
    """What an editor puts in for a word: `conv(${1:out_channels}, ${2:kernel_size})`."""
    places = ", ".join(f"${{{number}:{name}}}" for number, name in enumerate(required, 1))
    word = label.partition("(")[0]
    return {"label": label, "description": description, "body": f"{word}({places})" if places else word}


# Heads, claims and recipes


def _head() -> Schema:
    values: dict[str, Schema] = {
        "at": {"type": "string", "pattern": f"^{NAME}$"},
        "weight": {"type": ["number", "string"]},
        "keep": {"type": ["boolean", "string"]},
        "net": _ref("body"),
    }
    return {**_keyed(HEAD_ABOUT, values), "required": ["at", "net"]}


def _figure(value: Schema) -> Schema:
    """A claimed value, alone or with why it is known to be wrong."""
    wrong = {"type": "string", "description": "why the figure in print is known to be wrong"}
    known = {"type": "object", "properties": {"value": value, "wrong": wrong}, "required": ["value"]}
    return {"anyOf": [value, {**known, "additionalProperties": False}]}


def _claims() -> Schema:
    figure = _ref("figure")
    values: dict[str, Schema] = dict.fromkeys(CLAIMS_ABOUT, figure)
    values |= {key: {"anyOf": [figure, _named(figure)]} for key in CLAIMS_BY_STAGE}
    values |= {"shapes": _named(_ref("claimed_shape")), "cite": {"type": "string"}}
    return _keyed(CLAIMS_ABOUT, values)


def _recipe() -> Schema:
    return {
        "type": "object",
        "properties": {key: _recipe_value(key) for key in RECIPE_KEYS},
        "additionalProperties": False,
    }


def _recipe_value(key: str) -> Schema:
    """What a key of a recipe takes."""
    if key in WORDS:
        return _word(SECTIONS[key][0], WORDS[key][1], is_chain=key in ("prepare", "augment"))
    if key in NUMBERS:
        kind = "integer" if isinstance(NUMBERS[key], Integer) else "number"
        return {"type": [kind, "string"], "description": NUMBERS[key].about}
    if key in CHOICES:
        as_yaml = {"true": True, "false": False}
        return {"enum": [as_yaml.get(word, word) for word in CHOICES[key].options]}
    if key == "freeze":
        name: Schema = {"type": "string"}
        return {"anyOf": [name, {"type": "array", "items": name}], "description": KEY_ABOUT[key]}
    if key == "rates":
        factors: list[Schema] = [{"type": "string"}, _named({"type": "number"})]
        return {"anyOf": factors, "description": KEY_ABOUT[key]}
    if key == "data":
        name = {"anyOf": [{"enum": list(DATASETS)}, {"type": "string", "pattern": f"^({'|'.join(PATHS)})."}]}
        several = {"type": "array", "items": name, "minItems": 1}
        return {"anyOf": [name, several], "description": _listed(DATASETS)}
    return _ref("value")


def _word(about: str, entries: Mapping[str, Entry], *, is_chain: bool) -> Schema:
    """A word of a catalogue with its arguments, or several joined by arrows."""
    pattern = rf"^\(*\s*({'|'.join([*entries, 'none'])})\b"
    word = {
        "type": "string",
        "pattern": pattern,
        "defaultSnippets": [
            _snippet(name, [n for n, a in entry.arguments.items() if a.required], entry.about)
            for name, entry in entries.items()
        ],
    }
    several = {"type": "array", "items": word}
    value = {"anyOf": [word, several]} if is_chain else word
    return {**value, "description": f"{about}\n\n{_listed({n: e.about for n, e in entries.items()})}"}


def _listed(words: Mapping[str, str]) -> str:
    return "\n".join(f"{word}: {about}" if about else word for word, about in words.items())
