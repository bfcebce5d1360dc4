"""`rearrange` against einops: the same values where both take a pattern, and the same refusals."""

from __future__ import annotations

import einops
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from netdsl.graph.shapes import Shape
from netdsl.layers.rearrange import Rearrange, read_pattern
from tests.strategies import any_shapes, arguments_for, bind
from tests.torch_modules import BATCH, build

CUBE = Shape.of(6, 2, 4, 8)
PLANE = Shape.of(6, 4, 8)


def by_einops(x: torch.Tensor, pattern: str, sizes: dict[str, int]) -> torch.Tensor:
    """Einops on a batch, which the pattern does not name."""
    left, right = pattern.split("->")
    result = einops.rearrange(x, f"batch {left} -> batch {right}", **sizes)
    assert isinstance(result, torch.Tensor)
    return result


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_drawn_patterns_give_the_values_of_einops(data: st.DataObject) -> None:
    shape = data.draw(any_shapes())
    values = data.draw(arguments_for(Rearrange, shape))
    layer = bind(Rearrange, values)
    x = torch.randn(BATCH, *shape.sizes)
    expected = by_einops(x, values.pop("pattern"), values)

    assert list(layer.problems(shape)) == []
    assert torch.equal(build(layer.torch(shape))(x), expected)
    assert layer.output(shape).sizes == tuple(expected.shape[1:])


@pytest.mark.parametrize(
    ("pattern", "sizes", "input", "expected"),
    [
        ("c d h w -> (c d) h w", {}, CUBE, Shape.of(12, 4, 8)),
        ("(g c) h w -> (c g) h w", {"g": 2}, PLANE, PLANE),
        ("c (h p) (w q) -> (c p q) h w", {"p": 2, "q": 2}, PLANE, Shape.of(24, 2, 4)),
        ("c (h p) (w q) -> (h w) (c p q)", {"p": 2, "q": 4}, PLANE, Shape.named(["hw", "c"], [4, 48])),
        ("c h w -> h w c", {}, PLANE, Shape.named("hwc", [4, 8, 6])),
        ("c h w -> (h w) c", {}, PLANE, Shape.named(["hw", "c"], [32, 6])),
        ("c h w -> (c h w)", {}, PLANE, Shape.of(192)),
        ("c h w -> c 1 h w", {}, PLANE, Shape.named("c1hw", [6, 1, 4, 8])),
        ("c t w -> t c w", {}, PLANE, Shape.named("tcw", [4, 6, 8])),
    ],
)
def test_axes_keep_their_names(pattern: str, sizes: dict[str, int], input: Shape, expected: Shape) -> None:
    """An axis of several is `c` where `c` is among them, otherwise it has their names joined."""
    layer = bind(Rearrange, {"pattern": pattern, **sizes})

    assert list(layer.problems(input)) == []
    assert layer.output(input) == expected


def test_a_sequence_may_call_its_last_axis_the_channels() -> None:
    tokens = Shape.named(["hw", "features"], [32, 6])

    assert Rearrange(pattern="hw c -> hw c").output(tokens) == Shape.named(["hw", "c"], [32, 6])


REFUSED = [
    ("c h w", {}, "rearrange-pattern"),
    ("c h w -> c h w -> c", {}, "rearrange-pattern"),
    ("c (h p w -> c h p w", {}, "rearrange-pattern"),
    ("c h) w -> c h w", {}, "rearrange-pattern"),
    ("c ((h w)) -> c h w", {}, "rearrange-pattern"),
    ("c h h -> c h", {}, "rearrange-pattern"),
    ("c 4 w -> c w", {}, "rearrange-pattern"),
    ("c, h, w -> c h w", {}, "rearrange-pattern"),
    ("c h w ->", {}, "rearrange-pattern"),
    ("c ... -> c", {}, "rearrange-pattern"),
    ("c for w -> c w for", {}, "rearrange-pattern"),
    ("c h -> h c", {}, "rearrange-axes"),
    ("n c h w -> n h w c", {}, "rearrange-axes"),
    ("c h w -> c h", {}, "rearrange-names"),
    ("c h w -> c h w t", {}, "rearrange-names"),
    ("c h w -> h w c", {"p": 2}, "rearrange-unused-size"),
    ("h c w -> c h w", {}, "rearrange-order"),
    ("c (h p) w -> (c p) h w", {}, "rearrange-sizes"),
    ("c (h p) w -> (c p) h w", {"p": 3}, "rearrange-divide"),
    ("c (h p) w -> (c p) h w", {"h": 3, "p": 2}, "rearrange-divide"),
    ("c h w -> c (h w)", {"h": 3}, "rearrange-divide"),
    ("c 1 w -> c w", {}, "rearrange-divide"),
    ("hw h w -> (h w) hw", {}, "axis-name-clash"),
]

EINOPS_TAKES = {"rearrange-order", "axis-name-clash"}
EINOPS_TAKES_TEXTS = {
    "c ... -> c": "an ellipsis stands for any axes",
    "c for w -> c w for": "any word is a name",
}


@pytest.mark.parametrize(("pattern", "sizes", "code"), REFUSED)
def test_a_pattern_that_is_refused_names_its_fault(pattern: str, sizes: dict[str, int], code: str) -> None:
    problems = list(bind(Rearrange, {"pattern": pattern, **sizes}).problems(PLANE))

    assert code in {problem.code for problem in problems}
    assert all(problem.help for problem in problems)


@pytest.mark.parametrize(
    ("pattern", "sizes"),
    [(p, s) for p, s, code in REFUSED if code not in EINOPS_TAKES and p not in EINOPS_TAKES_TEXTS],
)
def test_what_is_refused_einops_refuses_too(pattern: str, sizes: dict[str, int]) -> None:
    with pytest.raises((einops.EinopsError, ValueError)):
        by_einops(torch.zeros(BATCH, *PLANE.sizes), pattern, sizes)


def test_a_pattern_is_printed_in_one_form() -> None:
    """What goes into printed source is spelled anew, never the user's own text."""
    assert str(read_pattern("  c (h   p)w->( c p )h ()  w")) == "c (h p) w -> (c p) h 1 w"
