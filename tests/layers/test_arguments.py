"""The kinds of arguments: each takes its values as they are and refuses the nearest wrong ones by name."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netdsl.graph.formula import Formula, formula_of, traced
from netdsl.graph.shapes import Shape
from netdsl.layers.arguments import (
    LARGEST,
    Argument,
    BadArgument,
    Boolean,
    Choice,
    FactorPerAxis,
    Integer,
    Integers,
    PerAxis,
    Real,
    Text,
)
from netdsl.layers.catalog import LAYERS, LAYERS_BY_WORD
from netdsl.layers.layer import Layer
from tests.strategies import accepts, arguments_for, bind, shapes

TYPE, RANGE = "argument-type", "argument-range"


@pytest.mark.parametrize(
    ("argument", "taken", "refused"),
    [
        (Integer("x"), [1, LARGEST], [(0, RANGE), (-1, RANGE), (LARGEST + 1, RANGE), (1.0, TYPE), ("1", TYPE),
                                      (True, TYPE), (None, TYPE), ((1,), TYPE)]),
        (Integer("x", None), [1, None], [(0, RANGE), (True, TYPE)]),
        (Integer("x", minimum=-2, maximum=2), [-2, 2], [(-3, RANGE), (3, RANGE)]),
        (Real("x"), [0, -1.5, 10**300], [(float("inf"), RANGE), (float("nan"), RANGE), (10**400, RANGE),
                                         (True, TYPE), ("1", TYPE), (None, TYPE)]),
        (Real("x", minimum=0, maximum=1), [0, 1, 0.5], [(-0.1, RANGE), (1.1, RANGE)]),
        (Real("x", above=0), [1e-9], [(0, RANGE), (-1, RANGE)]),
        (Boolean("x"), [True, False], [(1, TYPE), (0, TYPE), ("true", TYPE), (None, TYPE)]),
        (Text("x", example="a"), ["", "a b"], [(1, TYPE), (None, TYPE)]),
        (Choice("x", options=("a", "b")), ["a", "b"], [("c", RANGE), (1, TYPE)]),
        (PerAxis("x"), [1, (1, 2), (3,)], [(0, RANGE), ((1, 0), RANGE), ((), TYPE), ((1, None), TYPE),
                                           (1.5, TYPE), ((True,), TYPE), ("same", TYPE), (None, TYPE)]),
        (PerAxis("x", words=("same",)), ["same", 1], [("valid", RANGE)]),
        (PerAxis("x", None), [None, 2], [((None,), TYPE)]),
        (PerAxis("x", open_axes=True), [(None, 2), 2], [(None, TYPE), ((None, 0), RANGE)]),
        (FactorPerAxis("x"), [2, 0.5, (1.5, 2)], [(0, RANGE), (-1, RANGE), (float("inf"), RANGE), ((), TYPE),
                                                  (True, TYPE), ("2", TYPE)]),
        (Integers("x", minimum=-1), [(-1, 2)], [((-2,), RANGE), ((), TYPE), (1, TYPE), ((1.0,), TYPE)]),
        (Integers("x", single=True), [0, (0, 1)], [(-1, RANGE), (True, TYPE), (None, TYPE)]),
    ],
)  # fmt: skip
def test_an_argument_takes_its_values_and_refuses_others(
    argument: Argument[Any], taken: list[Any], refused: list[tuple[Any, str]]
) -> None:
    assert [argument.read(value) for value in taken] == taken
    for value, code in refused:
        with pytest.raises(BadArgument) as caught:
            argument.read(value)
        assert (caught.value.code, caught.value.expected) == (code, argument.expects)


@pytest.mark.parametrize(
    ("argument", "expects"),
    [
        (Integer("x"), "a whole number from 1"),
        (Integer("x", minimum=0, maximum=8), "a whole number from 0 to 8"),
        (Real("x"), "a number"),
        (Real("x", minimum=0, maximum=1), "a number from 0 to 1"),
        (Real("x", above=0), "a number above 0"),
        (Choice("x", options=("a", "b")), 'one of "a", "b"'),
        (PerAxis("x", minimum=0, words=("same",)),
         'a whole number from 0, or a list with one for each spatial axis, or "same"'),
        (Integers("x", single=True), "a whole number from 0, or a list of whole numbers from 0"),
    ],
)  # fmt: skip
def test_an_argument_says_what_it_takes(argument: Argument[Any], expects: str) -> None:
    assert argument.expects == expects


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.word)
def test_an_argument_takes_its_own_default_and_example(layer: type[Layer]) -> None:
    for argument in layer.arguments().values():
        assert argument.read(argument.example) == argument.example


def is_named(argument: str, layer: Layer) -> bool:
    """Whether a layer's text names an argument: `padding=` is not named by `output_padding=`."""
    return re.search(rf"\b{argument}=", repr(layer)) is not None


@given(data=st.data())
def test_a_layer_is_written_as_one_would_write_it(data: st.DataObject) -> None:
    """The layer's text names every argument that is not a default, and equal layers have equal texts."""
    shape = data.draw(shapes())
    kind = data.draw(st.sampled_from([layer for layer in LAYERS if accepts(layer, shape)]))
    values = data.draw(arguments_for(kind, shape))
    layer = bind(kind, values)

    assert repr(layer).startswith(kind.word)
    assert layer == bind(kind, values)
    assert hash(layer) == hash(bind(kind, values))
    for name, value in layer.values:
        argument = kind.arguments().get(name)
        is_optional = argument is not None and not argument.required
        assert not is_optional or is_named(name, layer) == (value != argument.default)  # type: ignore[union-attr]


def test_a_layer_takes_no_name_that_it_does_not_declare() -> None:
    with pytest.raises(TypeError, match="`relu` has no argument `inplace`: this is a bug in netdsl"):
        LAYERS_BY_WORD["relu"](inplace=True)


def test_numbers_keep_their_formulas_from_the_call_to_torch() -> None:
    """What a block computes of its parameters is printed as computed, not as the number it came to."""
    k, c = traced(3, Formula.name("k")), traced(64, Formula.name("c"))
    conv = bind(LAYERS_BY_WORD["conv"], {"out_channels": c, "kernel_size": k})
    shape = conv.output(Shape.of(3, 8, 8))
    shapes_of = {
        "depthwise": ({"kernel_size": 1, "multiplier": 2}, "c * 2"),
        "maxout": ({"pieces": 2}, "c // 2"),
        "pixel_shuffle": ({"upscale_factor": 2}, "c // 4"),
        "channels": ({"start": 1, "stop": c}, "c - 1"),
        "linear": ({"out_features": c}, "c"),
        "rearrange": ({"pattern": "c h w -> (c h w)"}, "c * 6 * 6"),
        "flatten": ({}, "c * 6 * 6"),
        "batchnorm": ({}, "c"),
        "upsample": ({"scale_factor": 2}, "c"),
    }
    found = {
        word: bind(LAYERS_BY_WORD[word], values).output(shape).c for word, (values, _) in shapes_of.items()
    }

    assert [str(formula_of(a.value)) for a in conv.torch(shape).arguments[1:3]] == ["c", "k"]
    assert {w: str(formula_of(size)) for w, size in found.items()} == {
        w: f for w, (_, f) in shapes_of.items()
    }
