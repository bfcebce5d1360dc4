"""Whatever stands in a file: checking it ends soon, in a network or in diagnostics with places in it."""

import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netdsl.compiler import compile_source
from netdsl.diagnostics import Source
from netdsl.diagnostics.render import render_all
from tests.cases.reading import read_cases

ROOT = Path(__file__).parents[2]
SPECS = [path.read_text("utf-8") for path in sorted((ROOT / "specs").glob("*.yaml"))]
CASES = [case.text for case in read_cases(ROOT / "tests" / "cases") if "too-much-work" not in case.text]
HEAD = "name: net\ninput: [3, 32, 32]\n"
MOST_SECONDS = 2.0
"""Of the processor, for one text."""

WORDS = """
    conv relu x id from ( ) [ ] { } , . = -> + - * ** | // / % == < if else for in and or not # ' " : ?
    > &a *a !t << --- ... 3 0 -1 2.5 1e999 10**9 99999999999 x.c x.h true none concat add range
    enumerate zip sum len round max se inception flatten linear batchnorm maxpool(2) conv(8,3) é → ٣
    1__0 name input params blocks shared net heads claims train extends at weight keep value wrong
    shapes a b n lenet5 resnet50.yaml
"""
BLANKS = [
    "\n",
    "\n  ",
    "\n- ",
    "  ",
    "\t",
    ": ",
    "\r\n",
    "\u200b",
    "\xa0",
    "\u2028",
    "\x00",
    '"c h w -> (c h) w"',
]
PIECES = st.sampled_from(WORDS.split()) | st.sampled_from(BLANKS)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A real text with a few pieces put in, taken out, doubled or exchanged."""
    text = draw(st.sampled_from(SPECS) | st.sampled_from(CASES))
    for _ in range(draw(st.integers(1, 3))):
        words = [found.span() for found in re.finditer(r"\w+|[^\w\s]|\s+", text)] or [(0, 0)]
        start, end = draw(st.sampled_from(words))
        piece = draw(st.sampled_from(["", text[start:end] * 2]) | PIECES)
        text = text[:start] + piece + text[draw(st.sampled_from([start, end])) :]
    return text


SOUP = st.lists(PIECES, max_size=20).map(" ".join)
TEXTS = mutated() | SOUP | SOUP.map((HEAD + "net: {}").format) | st.text(max_size=60)


def check(text: str) -> None:
    """Checks a text and reads all of what is said of it."""
    started = time.process_time()
    compilation = compile_source(Source("spec.yaml", text))
    report = compilation.report
    drawing = render_all(report.diagnostics)

    assert time.process_time() - started < MOST_SECONDS
    assert compilation.network is not None or not report.ok
    assert (drawing == "") is report.ok
    for diagnostic in report.diagnostics:
        assert diagnostic.span is not None
        assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(diagnostic.span.source.text) + 1
    assert all(line.isprintable() for line in drawing.split("\n"))


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS)
def test_any_text_is_checked(text: str) -> None:
    """No text makes netdsl fail, or wait."""
    check(text)


def chain(count: int, body: str) -> str:
    """Blocks `b0`, `b1`, …, each of which uses the next."""
    blocks = "".join(f"  b{i}{body.format(next=f'b{i + 1}')}\n" for i in range(count))
    return f"{HEAD}blocks:\n{blocks}  b{count}{body.partition(':')[0]}: relu\n"


BOMBS = {
    "deep parentheses": HEAD + "net: " + "(" * 5000 + "relu" + ")" * 5000,
    "deep calls": HEAD + "net: " + "f(" * 5000 + "relu" + ")" * 5000,
    "deep lists": HEAD + "net: (" + "[" * 5000 + "relu" + "]" * 5000 + ")",
    "deep YAML lists": HEAD + "net: " + "[" * 5000 + "]" * 5000,
    "deep YAML mappings": HEAD + "net: " + "{a: " * 5000 + "relu" + "}" * 5000,
    "deep indentation": HEAD + "net:\n" + "".join(f"{' ' * i}a{i}:\n" for i in range(1, 300)),
    "many signs": HEAD + f"net: conv({'-' * 5000}3, 3)",
    "many negations": HEAD + f"net: relu if {'not ' * 5000}3 else id",
    "many powers": HEAD + f"net: conv({'2**' * 500}1, 3)",
    "a long sum": HEAD + f"net: conv({' + '.join(['1'] * 5000)}, 3)",
    "many branches": HEAD + f"net: {' | '.join(['relu'] * 3000)}",
    "many indices": HEAD + f"params: {{d: [1]}}\nnet: conv(d{'[0]' * 3000}, 3)",
    "blocks in a row": chain(2000, ": {next}") + "net: b0",
    "blocks that double": chain(30, ": {next} -> {next}") + "net: b0",
    "blocks that double with other arguments": chain(30, "(n): {next}(2*n) -> {next}(2*n + 1)")
    + "net: b0(1)",
    "layers that double": chain(30, "(f): {next}((f -> f))") + "net: b0(relu)",
    "merges that double": chain(38, "(f): {next}((f + f))") + "net: b0(relu)",
    "lists that double": HEAD
    + "params:\n  p0: [1, 2]\n"
    + "".join(f"  p{i}: p{i - 1} + p{i - 1}\n" for i in range(1, 40))
    + "net: relu",
    "lists of lists": HEAD
    + "params:\n  p0: [1, 2]\n"
    + "".join(f"  p{i}: [p{i - 1}, p{i - 1}]\n" for i in range(1, 40))
    + "net: relu",
    "unknown names in tables": HEAD
    + "net: (((relu for a in rnage(9)) for b in range(999)) for c in range(999))",
    "tables in tables": HEAD + "net: (((relu for a in range(999)) for b in range(999)) for c in range(999))",
    "numbers in tables": HEAD + "params:\n  a: ((1 for a in range(9999)) for b in range(9999))\nnet: relu",
    "zips": HEAD + "net: (relu for a in zip(range(9999), range(9999), range(9999)))",
    "a shape in every step": "name: t\ninput: [1, 2000000000]\nnet: conv(1, 2) * 1000000",
    "channels that double": HEAD + "net: (id | id) * 1000",
    "a picture that grows": HEAD + "net: upsample(scale_factor=1000) * 1000",
    "a rounding": HEAD + "net: conv(round(5, -10**9), 3)",
    "a long number": HEAD + f"net: conv({'9' * 50_000}, 3)",
    "a long exponent": HEAD + f"net: conv(1e{'9' * 50_000}, 3)",
    "a long name": HEAD + f"net: {'a' * 50_000}",
    "a long pattern": HEAD + f'net: rearrange("{"c " * 30_000}-> c")',
    "many unknown names": HEAD + "net:\n" + "".join(f"  a{i}: rleu{i}\n" for i in range(3000)),
    "many colons": HEAD + "net: " + "a: " * 20_000,
    "many dashes": HEAD + "- " * 20_000 + "a:\n  x: [\n",
    "many quotes": HEAD + "net: " + "\"'" * 20_000,
    "parameters in a row": HEAD
    + "params:\n"
    + "".join(f"  p{i}: p{i + 1}\n" for i in range(2000))
    + "  p2000: 3\nnet: relu",
    "a file of a megabyte": HEAD + "about: " + "a" * 2**20 + "\nnet: relu",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_texts_made_to_exhaust_are_met(text: str) -> None:
    """A few characters that say more than a machine can hold."""
    check(text)
