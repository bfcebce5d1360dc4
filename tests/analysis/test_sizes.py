"""Input sizes: the sets are torch's, the words say just them, and axes are not falsely said to be apart."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import netdsl
from netdsl.analysis.sizes import describe_outputs, describe_sizes, ranges_of
from netdsl.compiler import sizes


@pytest.mark.parametrize(("spec", "around"), [("alexnet", range(55, 70)), ("vgg11", range(28, 36))])
def test_the_least_size_is_where_torch_begins_to_run(spec: str, around: range) -> None:
    """Torchvision's features, before the adaptive pooling that takes anything."""
    features: nn.Module = torchvision.models.get_model(spec).features
    runs = [n for n in around if _runs(features, torch.zeros(1, 3, n, n))]
    assert 0 < len(runs) < len(around)
    assert list(sizes(spec, around).together.valid) == runs


def _runs(module: nn.Module, x: torch.Tensor) -> bool:
    try:
        module.eval()(x)
    except RuntimeError:
        return False
    return True


SPECS = {
    "strided": "net: conv(4, 5, stride=3) -> maxpool(3, stride=2) -> conv(2, 3, padding=1)",
    "doubling": "net:\n  a: conv(4, 3, padding=1)\n  b: maxpool(2)\n  c: unpool(from(a))",
    "flattened": "net: conv(4, 3) -> avgpool(2) -> flatten -> linear(5)",
    "folded": 'net: conv(4, [3, 1]) -> rearrange("c (h p) (w q) -> (c p q) h w", p=2, q=3) -> conv(2, 2)',
    "reshaped": "net: conv(4, 3) -> reshape([11, -1])",
    "read": "net: conv(4, 3 if x.h > 12 else 5) -> conv(3, x.w // 4)",
    "repeated": "net: (conv(4, 3) -> relu)*5 -> global_avgpool -> flatten -> linear(3)",
    "fan": "net: concat(conv(n, n, padding=n//2) -> maxpool(2) for n in [2, 3]) -> conv(1, 1)",
    "head": "net:\n  a: conv(4, 3)\n  b: global_avgpool\nheads:\n  h: {at: a, weight: 1, net: flat}\n"
    "blocks:\n  flat: conv(2, 9)",
}


def written(folder: Path, name: str) -> str:
    file = folder / f"{name}.yaml"
    file.write_text(f"name: {name}\ninput: [6, 24, 24]\n{SPECS[name]}\n", "utf-8")
    return str(file)


def at(spec: str, height: int, width: int) -> netdsl.Report:
    return netdsl.check(spec, {"input": f"[6, {height}, {width}]"})


@pytest.mark.parametrize("name", SPECS)
def test_a_sweep_finds_what_checking_each_size_finds(name: str, tmp_path: Path) -> None:
    spec = written(tmp_path, name)
    found = sizes(spec, range(1, 31))
    for sweep, shape in (
        (found.each[0], lambda n: (n, 24)),
        (found.each[1], lambda n: (24, n)),
        (found.together, lambda n: (n, n)),
    ):
        reports = {n: at(spec, *shape(n)) for n in sweep.tried}
        assert {n: report.output for n, report in reports.items() if report.ok} == {
            n: tuple(result.output.sizes) for n, result in sweep.results.items()
        }


@pytest.mark.parametrize("name", SPECS)
def test_axes_said_to_be_apart_are(name: str, tmp_path: Path) -> None:
    spec = written(tmp_path, name)
    found = sizes(spec, range(1, 31))
    assert found.apart == (name not in ("folded", "reshaped", "read"))
    if found.apart:
        by_height, by_width = (set(sweep.valid) for sweep in found.each)
        for height in range(1, 31, 5):
            for width in range(2, 31, 4):
                assert at(spec, height, width).ok == (height in by_height and width in by_width)


def test_the_same_weights_serve_where_nothing_is_flattened(tmp_path: Path) -> None:
    """A linear layer behind `flatten` wants 4 channels of (24 - 2) // 2 = 11 by 11."""
    flattened = sizes(written(tmp_path, "flattened"), range(1, 41)).together
    assert flattened.valid == tuple(range(4, 41))
    assert flattened.keeping_weights == (24, 25)
    repeated = sizes(written(tmp_path, "repeated"), range(1, 41)).together
    assert repeated.keeping_weights == repeated.valid == tuple(range(11, 41))


def read(text: str, tried: range) -> list[int]:
    """The sizes that words speak of."""
    if text == "none":
        return []
    if text == "every size":
        return list(tried)
    if ("," in text and "mod" not in text) or " to " in text or text.isdecimal():
        ends = [[int(number) for number in part.split(" to ")] for part in text.split(", ")]
        return [n for first, *last in ends for n in range(first, (last or [first])[0] + 1)]
    begins = re.search(r"from (\d+)", text)
    period = re.search(r"multiples of (\d+)", text)
    remainders = re.search(r"mod (\d+) = ([\d or]+)", text)
    first = int(begins.group(1)) if begins else tried[0]
    accepts: Callable[[int], bool] = lambda n: True  # noqa: E731
    if period:
        accepts = lambda n: n % int(period.group(1)) == 0  # noqa: E731
    if remainders:
        allowed = [int(number) for number in remainders.group(2).split(" or ")]
        accepts = lambda n: n % int(remainders.group(1)) in allowed  # noqa: E731
    return [n for n in tried if n >= first and accepts(n)]


@given(
    st.one_of(
        st.sets(st.integers(1, 60), max_size=8),
        st.builds(
            lambda first, period, rest: {n for n in range(first, 61) if n % period in rest},
            st.integers(1, 40),
            st.integers(1, 12),
            st.sets(st.integers(0, 11), max_size=3),
        ),
    )
)
def test_the_words_say_exactly_the_sizes(chosen: set[int]) -> None:
    found, tried = sorted(chosen), range(1, 61)
    text = describe_sizes(found, tried)
    if "more" not in text:
        assert read(text, tried) == found


@given(st.integers(1, 8), st.integers(1, 33), st.integers(-20, 20))
def test_a_formula_gives_every_output(factor: int, divisor: int, offset: int) -> None:
    outputs = {n: (factor * n + offset) // divisor for n in range(21, 200)}
    text = describe_outputs(outputs, "h")
    assert text is not None
    assert {h: eval(text, {"h": h}) for h in outputs} == outputs  # noqa: S307 - a formula of our own


def test_no_formula_is_made_up() -> None:
    assert describe_outputs({1: 3, 2: 1, 3: 7}, "h") is None


def test_ranges_join_neighbours() -> None:
    assert ranges_of([1, 2, 3, 7, 9, 10]) == [(1, 3), (7, 7), (9, 10)]
