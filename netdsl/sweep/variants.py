"""One combination of a sweep: which network, with which settings, by which recipe. Checked without torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from netdsl.compiler import Compilation, compile_spec
from netdsl.diagnostics import Diagnostic, Faults, Span, fault
from netdsl.graph.formula import plain
from netdsl.language import syntax
from netdsl.layers.layer import spell
from netdsl.records import record, replace
from netdsl.sweep.factors import SPEC, Target, find_target
from netdsl.sweep.values import split
from netdsl.training.choices import KEYS, OPEN, Recipe, Use
from netdsl.training.recipe import resolve_recipe

Values = Mapping[str, str | None]
"""A value for each factor; None for the spec's own."""


@record
class Variant:
    """A combination, ready to be trained."""

    spec: str
    """The spec, as the user named it."""
    settings: Mapping[str, str]
    """The parameters that differ from the spec's own, spelled in one way."""
    recipe: Recipe
    key: str
    """A digest of all that determines the training, but for the seed and the data set that is found."""
    params: int
    macs: int


class Workshop:
    """Makes the variants of a sweep; each network is compiled once."""

    def __init__(self, specs: Sequence[str], plugins: Sequence[str]) -> None:
        """Reads the specs.

        Raises:
            Faults: one is wrong as it stands, or two have one name.
        """
        self._plugins = plugins
        self._compiled: dict[tuple[str, tuple[tuple[str, str], ...]], Compilation] = {}
        self.specs = tuple(specs)
        self._targets: dict[str, Target] = {}
        for spec in specs:
            compilation = self._compile(spec, {})
            if not compilation.report.ok:
                raise Faults(compilation.report.diagnostics)

    def target(self, factor: str) -> Target:
        """What a factor changes.

        Raises:
            Faults: nothing, or more than one thing.
        """
        if factor == SPEC:
            return Target("spec", SPEC)
        if factor not in self._targets:
            self._targets[factor] = find_target(factor, [self._document(spec) for spec in self.specs])
        return self._targets[factor]

    def own_value(self, factor: str, spec: str) -> str:
        """What a spec itself says of a factor, as text."""
        target, document = self.target(factor), self._document(spec)
        if target.kind == "spec":
            return spec
        if target.kind == "setting":
            return _own_settings(document)[target.name].span.text
        recipe = self._recipe(spec, {}, {})
        if target.kind == "key":
            written = document.train.get(target.name) if document.train else None
            return written.span.text if written else recipe_texts(recipe)[target.name]
        use: Use | None = getattr(recipe, target.key)
        return spell(use.arguments[target.name]) if use and target.name in use.arguments else "none"

    def make(self, values: Values) -> Variant:
        """The variant of a combination.

        Raises:
            Faults: the spec or the recipe is wrong with these values.
        """
        given = {name: value for name, value in values.items() if value is not None}
        spec = given.get(SPEC, self.specs[0])
        targets = {name: self.target(name) for name in given}
        settings = {targets[n].name: v for n, v in given.items() if targets[n].kind == "setting"}
        compilation = self._compile(spec, settings)
        if not compilation.report.ok:
            raise Faults(compilation.report.diagnostics)
        words = {targets[n].name: v for n, v in given.items() if targets[n].kind == "key"}
        arguments = {
            (targets[n].key, targets[n].name): v for n, v in given.items() if targets[n].kind == "argument"
        }
        recipe = self._recipe(spec, settings, words, arguments)
        changed = self._changed(spec, compilation, settings)
        texts = [source.text for source in compilation.sources]
        facts = {"texts": texts, "settings": changed, "recipe": json.loads(recipe.to_json())}
        facts["recipe"].pop("seed")
        key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
        report = compilation.report
        return Variant(spec, changed, recipe, key, report.params or 0, report.macs or 0)

    def _compile(self, spec: str, settings: Mapping[str, str]) -> Compilation:
        key = (spec, tuple(sorted(settings.items())))
        if key not in self._compiled:
            self._compiled[key] = compile_spec(spec, settings, self._plugins, to_print=False)
        return self._compiled[key]

    def _document(self, spec: str) -> syntax.Spec:
        document = self._compile(spec, {}).spec
        assert document is not None, "a spec that is refused as it stands is swept no further"
        return document

    def _recipe(
        self,
        spec: str,
        settings: Mapping[str, str],
        words: Mapping[str, str],
        arguments: Mapping[tuple[str, str], str] | None = None,
    ) -> Recipe:
        """The recipe with words in the place of the spec's, and then with other arguments in its words."""
        train, parameters = self._document(spec).train, self._compile(spec, settings).parameters
        listed = split(words["data"].strip("[] ")) if "data" in words else []
        for name in listed[1:]:
            resolve_recipe(train, parameters, {**words, "data": name})
        replaced = dict(words) | ({"data": listed[0]} if listed else {})
        recipe = resolve_recipe(train, parameters, replaced)
        for (key, name), text in (arguments or {}).items():
            use: Use | None = getattr(recipe, key)
            if use is None or name not in use.arguments:
                message = f"`{use.word if use else 'none'}` of `{key}` takes no `{name}`"
                help = f"vary `{name}` only with words that take it, or leave such out: `--skip-invalid`"
                raise fault("sweep-argument", message, help=help)
            earlier = Use(use.word, {n: v for n, v in use.arguments.items() if n != name})
            inner = str(earlier).partition("(")[2].removesuffix(")")
            replaced[key] = f"{use.word}({name}={text}{', ' * bool(inner)}{inner})"
            recipe = resolve_recipe(train, parameters, replaced)
        return replace(recipe, data=tuple(listed)) if listed else recipe

    def _changed(self, spec: str, compilation: Compilation, settings: Mapping[str, str]) -> Mapping[str, str]:
        """The settings that say something else than the spec does, each spelled as any of equal value is."""
        own = self._compile(spec, {})
        before, after = _canonical(own, {}), _canonical(compilation, settings)
        return {name: after[name] for name in sorted(settings) if before[name] != after[name]}


def _own_settings(document: syntax.Spec) -> Mapping[str, syntax.Expression]:
    values: dict[str, syntax.Expression] = {p.name: p.value for p in document.parameters}
    return values | dict(document.inputs)


def _canonical(compilation: Compilation, settings: Mapping[str, str]) -> Mapping[str, str]:
    """Each parameter and input as text, the same for equal values; a layer as it is written."""
    assert compilation.spec is not None, "only a spec that was read has parameters"
    texts = {}
    for name, expression in _own_settings(compilation.spec).items():
        value = compilation.parameters.get(name)
        written = settings.get(name) or expression.span.text
        texts[name] = spell(value) if _is_data(value) else " ".join(written.split())
    for name, shape in compilation.report.inputs.items():
        texts[name] = spell(tuple(shape))
    return texts


def _is_data(value: Any) -> bool:
    value = plain(value)
    if isinstance(value, tuple):
        return all(_is_data(item) for item in value)
    return isinstance(value, bool | int | float | str)


def recipe_texts(recipe: Recipe) -> dict[str, str]:
    """Every key of a recipe as a spec would write it, so that nothing is left to defaults."""
    return {key: _text(key, getattr(recipe, key)) for key in KEYS}


def _text(key: str, value: Any) -> str:
    if value is None:
        return OPEN[key]
    if key == "data":
        return str(value[0])
    if isinstance(value, dict):
        return ",".join(f"{name}={factor}" for name, factor in value.items()) or "none"
    if key == "freeze":
        return ",".join(value) or "none"
    if isinstance(value, tuple):
        return " -> ".join(map(str, value)) or "none"
    return str(value)


def blamed(span: Span | None) -> str:
    """The text that a fault is found in, to tell equal faults of different combinations apart."""
    return span.text if span is not None else ""


def same_fault(one: Diagnostic, other: Diagnostic) -> bool:
    """Whether two combinations fail for one reason."""
    return (one.code, one.message, blamed(one.span)) == (other.code, other.message, blamed(other.span))
