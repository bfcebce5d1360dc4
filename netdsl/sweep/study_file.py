"""Studies as files: what to sweep, and what was published about it.

study: lenet
about: what is asked, and where it was asked first
spec: lenet_d2l                       # or a list
factors: {lr: 0.9..1.7:0.1, act: [sigmoid, relu]}
repeats: 3
one_at_a_time: true
fallback: {factors: {epochs: 20}}     # what is otherwise where data that are smaller stand in
published: {cite: a course's LeNet, best: 0.906, figures: {lr: {0.9: 0.809, 1: 0.828}}}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from netdsl.diagnostics import Collector, Diagnostic, Faults, Source, Span, did_you_mean, fault
from netdsl.language.syntax import Data
from netdsl.language.yaml_text import LARGEST_FILE, read_yaml
from netdsl.records import record, replace
from netdsl.specs import shipped_folder
from netdsl.sweep.plan import Wish
from netdsl.sweep.values import read_values

KEYS = ("study", "about", "spec", "factors", "repeats", "one_at_a_time", "fallback", "published")
REQUIRED = ("study", "spec", "factors")
FALLBACK = ("spec", "factors", "repeats")
PUBLISHED = ("cite", "best", "figures")


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a paper, a book or a course measured."""

    cite: str
    best: float | None = None
    """The best that it found."""
    figures: Mapping[str, Mapping[str, float]]
    """By factor and value, all other factors at their own."""


@record
class Asked:
    """What a study asks."""

    wish: Wish
    name: str = ""
    """A study's own; empty for a sweep from the command line."""
    about: str = ""
    published: Published | None = None
    fallback: Wish | None = None
    """What it asks instead where its data are not to be had, and others stand in for them."""


def studies_folder() -> Path:
    """The folder of the shipped studies."""
    return shipped_folder() / "studies"


def shipped_studies() -> tuple[str, ...]:
    """The names of the shipped studies."""
    return tuple(sorted(path.stem for path in studies_folder().glob("*.yaml")))


def find_study(study: str) -> Source:
    """The text of a file, or of the shipped study of that name.

    Raises:
        Faults: there is neither, or it cannot be read; exit code 2.
    """
    path = Path(study)
    if not path.is_file() and study.isidentifier():
        path = studies_folder() / f"{study}.yaml"
    try:
        if not path.is_file():
            known = shipped_studies()
            help = did_you_mean(study, known) or f"there are {', '.join(known)}; or name a file"
            message = f"there is no file `{study}` and no shipped study of that name"
            raise fault("missing-study", message, help=help)
        if path.stat().st_size > 4 * LARGEST_FILE:
            raise fault("file-too-large", f"`{path}` is larger than {LARGEST_FILE} characters", exit_code=1)
        return Source(str(path), path.read_text("utf-8-sig"))
    except UnicodeDecodeError:
        raise fault(
            "not-text", f"`{path}` is not text in UTF-8", exit_code=1, help="save it as UTF-8"
        ) from None
    except OSError as error:
        raise fault("unreadable-spec", f"`{study}` cannot be read: {error.strerror}") from None


def read_study_file(source: Source) -> Asked:
    """What a study's text asks; specs are named as on the command line, or by a path from the study's folder.

    Raises:
        Faults: everything that is wrong with it; exit code 1.
    """
    found = Collector()
    reader = _Reader(read_yaml(source, found), found)
    asked = reader.asked(Path(source.name).parent)
    if found.has_errors or asked is None:
        raise Faults(found)
    return asked


class _Reader:
    """Reads a study key by key; what is wrong is collected."""

    def __init__(self, document: Data, found: Collector) -> None:
        self.document, self.found = document, found

    def asked(self, folder: Path) -> Asked | None:
        document = self.document
        if document.kind != "mapping":
            self._blame("a study is a mapping", document.span, f"its keys are {', '.join(KEYS)}")
            return None
        self._check_keys(document, KEYS, REQUIRED, "a study")
        name = self._text("study")
        if name and not name.isidentifier():
            self._blame(
                "a study's name has letters, digits and `_` alone", self._span("study", document), "rename it"
            )
        wish = Wish(
            self._specs(document, folder),
            self._factors(document),
            repeats=self._repeats(document) or 1,
            one_at_a_time=self._is_true("one_at_a_time"),
        )
        return Asked(wish, name, self._text("about"), self._published(), self._fallback(wish, folder))

    def _fallback(self, wish: Wish, folder: Path) -> Wish | None:
        value = self.document.get("fallback")
        if value is None:
            return None
        if value.kind != "mapping":
            self._blame("`fallback` is a mapping", value.span, f"its keys are {', '.join(FALLBACK)}")
            return None
        self._check_keys(value, FALLBACK, (), "`fallback`")
        return replace(
            wish,
            specs=self._specs(value, folder) or wish.specs,
            factors={**wish.factors, **self._factors(value)},
            repeats=self._repeats(value) or wish.repeats,
        )

    def _blame(self, message: str, span: Span, help: str) -> None:
        self.found.add(Diagnostic(code="study-form", message=message, span=span, help=help))

    def _span(self, key: str, data: Data) -> Span:
        value = data.get(key)
        return value.span if value else data.span

    def _check_keys(self, data: Data, known: tuple[str, ...], required: tuple[str, ...], what: str) -> None:
        names = [str(key.value) for key, _ in data.entries()]
        for key, _ in data.entries():
            name = str(key.value)
            if name not in known:
                help = did_you_mean(name, known) or f"its keys are {', '.join(known)}"
                self._blame(f"{what} has no key `{name}`", key.span, help)
        for name in required:
            if name not in names:
                self._blame(f"{what} has no `{name}`", data.span, f"write `{name}: …`")

    def _text(self, key: str, data: Data | None = None) -> str:
        value = (data or self.document).get(key)
        if value is not None and value.kind != "scalar":
            self._blame(f"`{key}` is text, not a {value.kind}", value.span, "write it as one text")
        return " ".join(str(value.value).split()) if value and value.kind == "scalar" else ""

    def _specs(self, data: Data, folder: Path) -> tuple[str, ...]:
        value = data.get("spec")
        items = (value.items() or (value,)) if value else ()
        names = [str(item.value) for item in items if item.kind == "scalar"]
        if value and (len(names) < len(items) or not all(names)):
            self._blame("`spec` names one spec or a list of them", value.span, "write `spec: lenet5`")
        below = [folder / name for name in names]
        paths = [str(path) if path.is_file() else name for path, name in zip(below, names, strict=True)]
        return tuple(dict.fromkeys(paths))

    def _factors(self, data: Data) -> dict[str, tuple[str, ...]]:
        value = data.get("factors")
        if value is None:
            return {}
        if value.kind != "mapping":
            self._blame("`factors` is a mapping of names to values", value.span, "write `lr: 0.1,0.2`")
        found = {}
        for key, values in value.entries():
            name = str(key.value)
            items = values.items() or (values,)
            if not all(item.kind == "scalar" for item in items):
                self._blame("values are text, or a list of texts", values.span, "write `lr: 0.1,0.2`")
                continue
            try:
                texts = [str(item.value) for item in items]
                found[name] = tuple(one for text in texts for one in read_values(name, text))
            except Faults as faults:
                first = faults.diagnostics[0]
                self._blame(first.message, values.span, first.help or "")
        return found

    def _repeats(self, data: Data) -> int | None:
        text = self._text("repeats", data)
        if text and (not text.isdecimal() or int(text) < 1):
            span = self._span("repeats", data)
            self._blame("`repeats` is a whole number from 1", span, "write `repeats: 3`")
            return None
        return int(text) if text else None

    def _is_true(self, key: str) -> bool:
        text = self._text(key) or "false"
        if text not in ("true", "false"):
            self._blame(
                f"`{key}` is `true` or `false`", self._span(key, self.document), f"write `{key}: true`"
            )
        return text == "true"

    def _published(self) -> Published | None:
        value = self.document.get("published")
        if value is None:
            return None
        if value.kind != "mapping":
            self._blame("`published` is a mapping", value.span, f"its keys are {', '.join(PUBLISHED)}")
            return None
        self._check_keys(value, PUBLISHED, ("cite",), "`published`")
        cite, best, figures = (value.get(key) for key in PUBLISHED)
        if cite and cite.kind != "scalar":
            self._blame("`cite` is text", cite.span, "write it as one text")
        if figures and figures.kind != "mapping":
            self._blame("`figures` is a mapping of factors", figures.span, "write `lr: {0.9: 0.809}`")
        return Published(
            cite=" ".join(str(cite.value).split()) if cite else "",
            best=self._number(best) if best else None,
            figures={
                str(factor.value): self._figures(values)
                for factor, values in (figures.entries() if figures else ())
            },
        )

    def _figures(self, values: Data) -> Mapping[str, float]:
        if values.kind != "mapping":
            self._blame("figures stand by their values", values.span, "write `lr: {0.9: 0.809}`")
        return {str(value.value): self._number(figure) for value, figure in values.entries()}

    def _number(self, data: Data) -> float:
        try:
            return float(str(data.value))
        except ValueError:
            self._blame(f"`{data.span.text}` is no figure", data.span, "write a number such as `0.809`")
            return 0.0
