"""The operators between branches: what they require, what they give, and what they advise."""

from __future__ import annotations

import operator
from functools import reduce

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from netdsl.graph.formula import Formula, formula_of, traced
from netdsl.graph.graph import MergeKind
from netdsl.graph.shapes import Shape
from netdsl.layers.convolution import Conv
from netdsl.layers.merge import merge_output, merge_problems
from tests.strategies import any_shapes, shapes
from tests.stricter_rules import STRICTER

KINDS: tuple[MergeKind, ...] = ("add", "sub", "mul", "concat")
PLANE = Shape.of(256, 56, 56)


@st.composite
def branches(draw: st.DrawFn) -> list[Shape]:
    """Two to four shapes, most of them alike: as branches of one input are."""
    first = draw(st.one_of(shapes(largest=4), any_shapes()))
    found = [first]
    for _ in range(draw(st.integers(1, 3))):
        changed = {axis.name: draw(st.sampled_from([axis.size, axis.size, 1, 2])) for axis in first.axes}
        other = draw(st.sampled_from([first, first.with_sizes(**changed), draw(shapes(largest=4))]))
        found.append(other)
    return found


def by_torch(kind: MergeKind, operands: list[Shape]) -> torch.Tensor:
    tensors = [torch.zeros(2, *shape.sizes) for shape in operands]
    if kind == "concat":
        return torch.cat(tensors, dim=operands[0].names.index("c") + 1)
    operators = {"add": operator.add, "sub": operator.sub, "mul": operator.mul}
    result = reduce(operators[kind], tensors)
    assert isinstance(result, torch.Tensor)
    return result


@settings(deadline=None, max_examples=400)
@given(kind=st.sampled_from(KINDS), operands=branches())
def test_what_is_accepted_torch_merges_to_the_same_shape(kind: MergeKind, operands: list[Shape]) -> None:
    problems = list(merge_problems(kind, operands))

    if not problems:
        assert merge_output(kind, operands).sizes == tuple(by_torch(kind, operands).shape[1:])
    elif not STRICTER.keys() & {problem.code for problem in problems}:
        with pytest.raises(RuntimeError):
            by_torch(kind, operands)


@pytest.mark.parametrize("kind", KINDS)
def test_equal_shapes_merge(kind: MergeKind) -> None:
    channels = 512 if kind == "concat" else 256

    assert list(merge_problems(kind, [PLANE, PLANE])) == []
    assert merge_output(kind, [PLANE, PLANE]) == Shape.of(channels, 56, 56)


def test_only_a_product_stretches_axes_of_size_1() -> None:
    """A gate of 256×1×1 weights 256×56×56, from either side."""
    gate = Shape.of(256, 1, 1)

    assert [list(merge_problems("mul", pair)) for pair in ([PLANE, gate], [gate, PLANE])] == [[], []]
    assert merge_output("mul", [gate, PLANE, gate]) == PLANE
    assert [problem.code for problem in merge_problems("add", [PLANE, gate])] == ["add-shapes"]


def test_concatenation_finds_the_channels_where_they_stand() -> None:
    tokens = Shape.named(["hw", "c"], [49, 96])

    assert merge_output("concat", [tokens, tokens]) == Shape.named(["hw", "c"], [49, 192])


def test_concatenated_channels_keep_their_formula() -> None:
    growth = traced(32, Formula.name("growth"))
    output = merge_output("concat", [Shape.of(64, 7, 7), Shape.of(growth, 7, 7)])

    assert (output.c, str(formula_of(output.c))) == (96, "64 + growth")


CHANNELS = (
    "change one branch's channels by a 1×1 convolution; for a shortcut, `x if x.c == 64 else conv(64, 1)`"
)
STRIDES = "give both branches the same strides, and padding that keeps sizes: `padding=k//2`"
GATE = "a gate has the sizes of what it weights, or 1: end it with `conv(x.c, 1)`, or match the strides"


@pytest.mark.parametrize(
    ("kind", "right", "code", "message", "axes", "remedy"),
    [
        ("add", (64, 56, 56), "add-shapes", "cannot add 256×56×56 and 64×56×56", "c", CHANNELS),
        ("sub", (64, 56, 56), "sub-shapes", "cannot subtract 64×56×56 from 256×56×56", "c", CHANNELS),
        ("add", (512, 28, 28), "add-shapes", "cannot add 256×56×56 and 512×28×28", "chw",
         "bring the larger branch along by `conv(512, 1, stride=2)`"),
        ("add", (256, 28, 28), "add-shapes", "cannot add 256×56×56 and 256×28×28", "hw",
         "match the strides: 256×28×28 is 2 times smaller, give the other `stride=2` as well"),
        ("add", (256, 54, 54), "add-shapes", "cannot add 256×56×56 and 256×54×54", "hw", STRIDES),
        ("mul", (16, 1, 1), "mul-shapes", "cannot multiply 256×56×56 and 16×1×1", "c", GATE),
        ("mul", (256,), "merge-axes",
         "cannot multiply 256×56×56 and 256: their axes are `c h w` and `c`", "hw",
         "leave the gate's `flatten` out: `linear` acts on the channels, and axes of size 1 stretch"),
        ("concat", (64, 28, 28), "concat-shapes", "cannot concatenate 256×56×56 and 64×28×28", "hw",
         STRIDES.replace("both", "the")),
    ],
)  # fmt: skip
def test_a_refusal_says_what_differs_and_what_to_do(
    kind: MergeKind, right: tuple[int, ...], code: str, message: str, axes: str, remedy: str
) -> None:
    [problem] = merge_problems(kind, [PLANE, Shape.of(*right)])

    assert (problem.code, problem.message, "".join(problem.axes), problem.help) == (
        code,
        message,
        axes,
        remedy,
    )


@pytest.mark.parametrize(("larger", "smaller"), [(56, 28), (7, 4), (55, 14)])
def test_the_advised_stride_makes_the_sum_fit(larger: int, smaller: int) -> None:
    """`conv(c, 1, stride=s)` as advised takes the larger branch to the smaller one's shape."""
    left, right = Shape.of(8, larger, larger), Shape.of(4, smaller, smaller)
    [problem] = merge_problems("add", [left, right])
    assert problem.help is not None
    stride = int(problem.help.split("stride=")[1].split(")")[0])

    assert Conv(out_channels=4, kernel_size=1, stride=stride).output(left) == right


def test_every_branch_that_differs_is_told() -> None:
    odd, odder = Shape.of(256, 28, 28), Shape.of(128, 56, 56)
    problems = list(merge_problems("add", [PLANE, odd, PLANE, odder]))

    assert [problem.axes for problem in problems] == [("h", "w"), ("c",)]
