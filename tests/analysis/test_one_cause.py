"""One mistake, one diagnostic: real specs with a single fault put in say one thing, where the fault is."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from netdsl.compiler import compile_source
from netdsl.diagnostics import Source
from netdsl.layers.catalog import LAYERS_BY_WORD

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))
WORD = re.compile(rf"\b({'|'.join(LAYERS_BY_WORD)})\b(?![:=])")
EVERY = 4
"""Of the places of a mistake, which are tried: one in so many."""


class Mistake(NamedTuple):
    """What somebody got wrong at a place."""

    text: str
    code: str
    start: int
    end: int


def code_of(text: str) -> str:
    """A spec without its title, its recipe and its comments, in which words mean something else."""
    text = text.partition("\ntrain:")[0]
    text = re.sub(r"^about:.*?(?=^\w)", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r" *#.*", "", text)


def mistakes(text: str) -> Iterator[Mistake]:
    """One in each text: a misspelt layer; an argument of the wrong kind, unknown, or too small."""

    def exchanged(found: re.Match[str], new: str, code: str) -> Mistake:
        end = found.start() + len(new)
        return Mistake(text[: found.start()] + new + text[found.end() :], code, found.start(), end)

    for found in WORD.finditer(text):
        yield exchanged(found, "qqqq", "unknown-name")
    for found in re.finditer(r"\bbias=false\b", text):
        yield exchanged(found, "bias=7", "argument-type")
    for found in re.finditer(r"\bstride=\w+", text):
        yield exchanged(found, "strid=2", "unknown-argument")
    for found in re.finditer(r"(?<=\bconv\()(\d+|c)(?=, \d)", text):
        yield exchanged(found, "0 * 1", "argument-range")


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_one_mistake_is_told_once_and_where_it_is(path: Path) -> None:
    """Nothing is said of what follows from it: of shapes behind it, of the claims, of other uses."""
    for mistake in list(mistakes(code_of(path.read_text("utf-8"))))[::EVERY]:
        found = compile_source(Source(str(path), mistake.text)).report.diagnostics

        assert [diagnostic.code for diagnostic in found] == [mistake.code], mistake.text
        assert found[0].span is not None
        assert (found[0].span.start, found[0].span.end) == (mistake.start, mistake.end)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_missing_parenthesis_is_told_once(path: Path) -> None:
    """Wherever it is missing, a signature included; some texts mean something without it."""
    text = code_of(path.read_text("utf-8"))
    for found in list(re.finditer(r"[()]", text))[::EVERY]:
        broken = f"{text[: found.start()]} {text[found.end() :]}"

        assert len(compile_source(Source(str(path), broken)).report.diagnostics) <= 1, broken
