"""The `train` section of a spec → a recipe, checked and with its defaults filled in.

Needs no torch: what may be said stands in `catalog`.

    optimizer: sgd(lr=0.1, momentum=0.9)   →   Use("sgd", {"lr": 0.1, "momentum": 0.9, "dampening": 0, …})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from netdsl.analysis.binding import Given, match
from netdsl.analysis.evaluate import constant
from netdsl.diagnostics import Collector, Diagnostic, Faults, Source, Span, did_you_mean
from netdsl.graph.formula import plain
from netdsl.language import syntax
from netdsl.language.scalars import expression_of
from netdsl.layers.arguments import BadArgument
from netdsl.layers.layer import spell
from netdsl.records import replace
from netdsl.training.catalog.data import DATASETS, PATHS
from netdsl.training.catalog.entry import Entry
from netdsl.training.catalog.images import FINISHING, MIXING, OWN_MEAN, OWN_STD
from netdsl.training.catalog.tasks import FITTING, is_known
from netdsl.training.choices import CHOICES, NUMBERS, OPEN, WORDS, Recipe, Use, complete, option_of
from netdsl.training.choices import KEYS as KEYS
from netdsl.training.fine_tuning import Parts, check_parts, read_parts, read_rates

GiveParts = Callable[[], Parts]
"""Gives the parts of a network, which to list takes time where it is large."""


def check_recipe(
    train: syntax.Data | None,
    parameters: Mapping[str, Any],
    parts: GiveParts | None = None,
    found: Collector | None = None,
) -> Collector:
    """Everything wrong with a `train` section, added to what was found before.

    Args:
        train: the section; None where the spec has none.
        parameters: the spec's parameters, which the recipe's numbers may use.
        parts: gives the network's parts, which the recipe may name; None where it is not known.
    """
    reader = _Reader(parameters, parts)
    if found is not None:
        reader.found = found
    reader.read(train)
    reader.finish()
    return reader.found


def resolve_recipe(
    train: syntax.Data | None,
    parameters: Mapping[str, Any],
    overrides: Mapping[str, str],
    parts: GiveParts | None = None,
) -> Recipe:
    """The recipe of a `train` section.

    Args:
        train: the section; None where the spec has none, which leaves every key at its default.
        parameters: the spec's parameters.
        overrides: keys whose value the command line replaces, with the value's text.
        parts: as for `check_recipe`.

    Raises:
        Faults: it is wrong; exit code 1, or 2 where the command line is to blame.
    """
    reader = _Reader(parameters, parts)
    reader.read(train)
    if reader.found.has_errors:
        raise Faults(reader.found)
    for key, text in overrides.items():
        source = Source(option_of(key), text)
        reader.read_key(key, syntax.Data(Span(source, 0, len(text)), text, "scalar"))
    recipe = reader.finish()
    if reader.found.has_errors:
        raise Faults(reader.found, exit_code=2 if overrides else 1)
    return recipe


class _Refused(Exception):
    """A value could not be read; its diagnostic is collected already."""


class _Reader:
    """Reads a section key by key; what is wrong is collected and left out."""

    def __init__(self, parameters: Mapping[str, Any], parts: GiveParts | None) -> None:
        self.parameters = parameters
        self.parts = parts
        self.found = Collector()
        self.values: dict[str, Any] = {}
        self.spans: dict[str, Span] = {}

    def read(self, train: syntax.Data | None) -> None:
        for key, value in train.entries() if train else ():
            name = str(key.value)
            if name in KEYS:
                self.read_key(name, value)
            else:
                help = did_you_mean(name, KEYS) or f"the keys of a recipe are {', '.join(KEYS)}"
                self._add("unknown-recipe-key", f"a recipe has no key `{name}`", key.span, help)

    def read_key(self, name: str, value: syntax.Data) -> None:
        readers: Mapping[str, Callable[[str, syntax.Data], Any]] = {
            "data": self._data,
            "prepare": self._chain,
            "augment": self._chain,
            "freeze": lambda _, data: read_parts(data, self._refuse),
            "rates": lambda _, data: read_rates(data, self._refuse),
        } | dict.fromkeys(CHOICES, self._choice)
        read = readers.get(name, self._number if name in NUMBERS else self._single)
        self.spans[name] = value.span
        try:
            self.values[name] = read(name, value)
        except _Refused:
            self.values.pop(name, None)
        except Faults as faults:
            self.found.extend(faults.diagnostics)

    def finish(self) -> Recipe:
        """The recipe of what was read, judged as a whole: what has no meaning for its task is collected."""
        recipe = complete(self.values)
        if self.parts is not None and (recipe.freeze or recipe.rates):
            self.found.extend(check_parts(recipe.freeze, recipe.rates, self.spans, self.parts()))
        if any(key in self.spans and key not in self.values for key in ("task", "data")):
            return recipe  # what the task is, is not known
        task = recipe.task.word
        fitting = FITTING[task]
        fits: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
            "data": (recipe.data, fitting.data),
            "prepare": (tuple(use.word for use in recipe.prepare), fitting.prepare),
            "augment": (tuple(use.word for use in recipe.augment), fitting.augment),
            "loss": ((recipe.loss.word,), fitting.losses),
        }
        for key, (words, known) in fits.items():
            for word in words:
                if not is_known(word, known):
                    span = self.spans[key] if key in self.values else self.spans["task"]
                    help = f"for `{task}`, `{key}` knows {', '.join(known) or 'nothing'}"
                    self._add("word-of-other-task", f"`{word}` has no place in the task `{task}`", span, help)
        self._judge_keys(recipe)
        return recipe

    def _judge_keys(self, recipe: Recipe) -> None:
        """What keys demand of each other."""
        task = recipe.task.word
        faults: Mapping[str, tuple[bool, str, str]] = {
            "stop_early": (
                recipe.stop_early is not None and recipe.validate is None,
                "`stop_early` needs data that decide when to stop, and the test part decides nothing",
                "keep a share of the training data for that: `validate: 0.1`",
            ),
            "validate": (
                recipe.validate is not None and not FITTING[task].can_validate,
                f"the training data of the task `{task}` cannot be parted by `validate`",
                "leave `validate` out",
            ),
            "augment": (
                recipe.loss.word == "lenet1998" and any(use.word in MIXING for use in recipe.augment),
                f"the loss `{recipe.loss.word}` takes one class of each image, and mixed ones have two",
                "write `loss: cross_entropy`, or leave `mixup` and `cutmix` out",
            ),
            "accumulate": (
                recipe.accumulate > recipe.batch,
                f"a batch of {recipe.batch} cannot be cut into {recipe.accumulate} pieces",
                f"write a number up to {recipe.batch}, the `batch`",
            ),
        }
        if recipe.accumulate > 1 and not FITTING[task].can_cut:
            message = f"the loss of the task `{task}` compares all samples of a batch with each other"
            faults = {**faults, "accumulate": (True, message, "leave `accumulate` out")}
        for key, (is_wrong, message, help) in faults.items():
            if is_wrong:
                self._add("recipe-keys", message, self.spans.get(key, self.spans.get("batch")), help)

    def _add(self, code: str, message: str, span: Span | None, help: str | None = None) -> None:
        self.found.add(Diagnostic(code=code, message=message, span=span, help=help))

    def _refuse(self, code: str, message: str, span: Span, help: str | None = None) -> _Refused:
        self._add(code, message, span, help)
        return _Refused()

    # One method for each kind of value

    def _word(self, key: str, value: syntax.Data, what: str, known: tuple[str, ...]) -> str:
        word = str(value.value) if value.kind == "scalar" else ""
        if word not in known:
            message = f"`{key}` is {_either(known)}, not {f'`{word}`' if word else f'a {value.kind}'}"
            help = did_you_mean(word, known) or f"write {_either(known)}"
            raise self._refuse(f"unknown-{what}", message, value.span, help)
        return word

    def _choice(self, key: str, value: syntax.Data) -> str:
        what = {"compile": "compiling"}.get(key, key)
        return self._word(key, value, what, CHOICES[key].options)

    def _data(self, _: str, value: syntax.Data) -> tuple[str, ...]:
        items = value.items() if value.kind == "list" else (value,)
        if value.kind == "mapping" or not items:
            help = "write a name, or a list of names of which the first available is used"
            raise self._refuse("recipe-value", "`data` names one or more data sets", value.span, help)
        names = []
        is_known = True
        for item in items:
            name = str(item.value) if item.kind == "scalar" else item.span.text
            is_folder = any(name.startswith(path) and name != path for path in PATHS)
            if item.kind != "scalar" or not (name in DATASETS or is_folder):
                known = (
                    f"the data sets are {', '.join(DATASETS)}, and of your own "
                    "`folder:PATH`, `scene:PATH` and `features:PATH`"
                )
                help = did_you_mean(name, DATASETS) or known
                self._add("unknown-dataset", f"there is no data set `{name}`", item.span, help)
                is_known = False
            names.append(name)
        if not is_known:
            raise _Refused
        return tuple(names)

    def _number(self, key: str, value: syntax.Data) -> float | None:
        number = NUMBERS[key]
        expression = expression_of(value)
        if key in OPEN and _is_word(expression, OPEN[key]):
            return None
        found = _value(expression, self.parameters)
        try:
            return number.read(found)
        except BadArgument as error:
            shown = f"`{key}` is {error.expected}, not {spell(found)}"
            help = f"write a number such as `{key}: {number.example}`"
            raise self._refuse("recipe-value", shown, value.span, help) from None

    def _single(self, key: str, value: syntax.Data) -> Use | None:
        expression = expression_of(value)
        if key in OPEN and _is_word(expression, OPEN[key]):
            return None
        return self._use(key, expression)

    def _chain(self, key: str, value: syntax.Data) -> tuple[Use, ...]:
        expression = expression_of(value)
        if _is_word(expression, "none"):
            return ()
        steps: tuple[syntax.Expression, ...] = (expression,)
        if isinstance(expression, syntax.Chain):
            steps = expression.steps
        elif isinstance(expression, syntax.Listing):
            steps = expression.items
        uses = [self._tried(key, step) for step in steps]
        for place, (use, step) in enumerate(zip(uses, steps, strict=True)):
            self._judge_place(use, uses[place + 1 :], step.span)
        if None in uses:
            raise _Refused
        return tuple(use for use in uses if use is not None)

    def _judge_place(self, use: Use | None, behind: Sequence[Use | None], span: Span) -> None:
        """Whether what makes floats of images comes last, in the order in which it does so."""
        if use is None or use.word not in FINISHING:
            return
        allowed = FINISHING[FINISHING.index(use.word) + 1 :]
        if any(later is not None and later.word not in allowed for later in behind):
            help = "put it at the end: what changes images works on values as they are stored"
            if use.word == "whiten":
                help = "put it at the end, behind `normalize`: it is fitted to what all before it gives"
            self._add(f"{use.word}-not-last", f"`{use.word}` is not the last step", span, help)

    def _tried(self, key: str, step: syntax.Expression) -> Use | None:
        """A step of a chain; None where it is wrong, so that the steps behind it are judged as well."""
        try:
            return self._use(key, step)
        except _Refused:
            return None
        except Faults as faults:
            self.found.extend(faults.diagnostics)
            return None

    def _use(self, key: str, expression: syntax.Expression) -> Use:
        what, entries = WORDS[key]
        arguments: tuple[syntax.Argument, ...] = ()
        if isinstance(expression, syntax.Name):
            word, name_span = expression.name, expression.span
        elif isinstance(expression, syntax.Call):
            word, name_span, arguments = expression.name, expression.name_span, expression.arguments
        else:
            help = f"write a name with its arguments, such as `{_example(entries)}`"
            raise self._refuse("recipe-value", f"`{key}` names {_article(what)}", expression.span, help)
        if word not in entries:
            raise self._unknown_word(key, word, name_span)
        given = self._given(word, arguments, expression.span)
        use = Use(word, self._bound(word, entries[word], given))
        self._check_together(use, expression.span)
        return use

    def _unknown_word(self, key: str, word: str, span: Span) -> _Refused:
        what, entries = WORDS[key]
        other = {"prepare": "augment", "augment": "prepare"}.get(key)
        if other and word in WORDS[other][1]:
            kind = "random" if key == "prepare" else "the same for every image"
            message = f"`{word}` is {kind} and has no place in `{key}`"
            return self._refuse("transform-place", message, span, f"move it to `{other}`")
        help = did_you_mean(word, entries) or f"there are {', '.join(entries)}"
        return self._refuse(f"unknown-{what}", f"there is no {what} `{word}`", span, help)

    def _given(self, word: str, arguments: tuple[syntax.Argument, ...], span: Span) -> Given:
        """The arguments' values; in `normalize`, the names of the data set's own figures are values too."""
        names = dict(self.parameters)
        if word == "normalize":
            names |= {OWN_MEAN: OWN_MEAN, OWN_STD: OWN_STD}
        given = Given([], {}, span)
        for argument in arguments:
            value = (_value(argument.value, names), argument.span)
            if argument.name is None:
                given.positional.append(value)
            elif argument.name in given.named:
                message = f"`{word}` is given `{argument.name}` twice"
                self._add("repeated-argument", message, argument.span, "keep one of the two")
            else:
                given.named[argument.name] = value
        return given

    def _bound(self, word: str, entry: Entry, given: Given) -> dict[str, Any]:
        required = [name for name, argument in entry.arguments.items() if argument.required]
        bound, faults = match(word, entry.arguments, required, given)
        self.found.extend(faults)
        values: dict[str, Any] = {}
        refused = bool(faults)
        for name, argument in entry.arguments.items():
            if name not in bound:
                values[name] = argument.default
                continue
            value, span = bound[name]
            try:
                values[name] = argument.read(value)
            except BadArgument as error:
                shown = spell(value)
                self._add(error.code, f"`{name}` of `{word}` is {error.expected}, not {shown}", span)
                refused = True
        if refused:
            raise _Refused
        return values

    def _check_together(self, use: Use, span: Span) -> None:
        """What arguments demand of each other."""
        arguments = use.arguments
        if (
            use.word == "sgd"
            and arguments["nesterov"]
            and (not arguments["momentum"] or arguments["dampening"])
        ):
            message = "`nesterov` needs a momentum above 0 and no dampening"
            self._add("recipe-arguments", message, span, "write `sgd(lr=0.1, momentum=0.9, nesterov=true)`")
        if use.word == "normalize":
            mean, std = arguments[OWN_MEAN], arguments[OWN_STD]
            if isinstance(mean, tuple) and isinstance(std, tuple) and len(mean) != len(std):
                message = f"`normalize` has {len(mean)} means and {len(std)} standard deviations"
                self._add("recipe-arguments", message, span, "give one of each for every channel")


def _value(expression: syntax.Expression, names: Mapping[str, Any]) -> Any:
    """The value of an argument, or of a key that is a number.

    Raises:
        Faults: it has none.
    """
    try:
        return plain(constant(expression, names))
    except Faults as faults:
        help = "a recipe's values are numbers, words in quotes, and the spec's `params`"
        found = [replace(d, help=help) if d.code == "unknown-name" else d for d in faults.diagnostics]
        raise Faults(found) from None


def _is_word(expression: syntax.Expression, word: str) -> bool:
    return isinstance(expression, syntax.Name) and expression.name == word


def _either(words: tuple[str, ...]) -> str:
    quoted = [f"`{word}`" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _article(what: str) -> str:
    return f"{'an' if what[0] in 'aeiou' else 'a'} {what}"


def _example(entries: Mapping[str, Entry]) -> str:
    word, entry = next(iter(entries.items()))
    shown = [f"{name}={spell(a.default)}" for name, a in entry.arguments.items() if not a.required][:1]
    return f"{word}({', '.join(shown)})"
