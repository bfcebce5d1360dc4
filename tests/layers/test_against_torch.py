"""Every layer of the catalogue against torch on the CPU: shapes, parameters, multiply-adds and refusals."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from netdsl.graph.formula import plain
from netdsl.graph.shapes import Shape
from netdsl.layers.catalog import LAYERS
from netdsl.layers.layer import REQUIRED, Layer
from tests.strategies import accepts, any_shapes, arguments_for, bind, loose_layers, shapes
from tests.stricter_rules import STRICTER
from tests.torch_modules import BATCH, measure

every_layer = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.word)
quickly = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])


def fitting_shapes(layer: type[Layer]) -> st.SearchStrategy[Shape]:
    """Shapes that the layer can take."""
    if layer.spatial is None:
        return any_shapes().map(lambda shape: shape if accepts(layer, shape) else Shape.of(*shape.sizes))
    drawn = shapes(spatial=layer.spatial)
    return drawn.map(lambda shape: shape if accepts(layer, shape) else shape.with_sizes(w=2))


@every_layer
@quickly
@given(data=st.data())
def test_what_is_drawn_to_fit_fits_and_is_what_torch_does(layer: type[Layer], data: st.DataObject) -> None:
    """Arguments drawn to fit are accepted, all of them, and torch agrees on every fact."""
    shape = data.draw(fitting_shapes(layer))
    bound = bind(layer, data.draw(arguments_for(layer, shape)))

    assert list(bound.problems(shape)) == []
    assert_as_torch(bound, shape)


@every_layer
@quickly
@given(data=st.data())
def test_a_refusal_is_torchs_or_a_stricter_rule_and_the_rest_runs(
    layer: type[Layer], data: st.DataObject
) -> None:
    """With arguments that may be wrong: refused means that torch fails, accepted that it runs."""
    fitting = fitting_shapes(layer)
    shape = data.draw(st.one_of(fitting, fitting, fitting, shapes(), any_shapes()))
    bound = data.draw(loose_layers(shape, [layer]))
    problems = list(bound.problems(shape))

    if not problems:
        assert_as_torch(bound, shape)
    elif not STRICTER.keys() & {problem.code for problem in problems}:
        with pytest.raises((RuntimeError, ValueError, NotImplementedError, IndexError, TypeError)):
            measure(bound, shape)


def assert_as_torch(layer: Layer, shape: Shape) -> None:
    seen = measure(layer, shape)

    assert seen.output == (BATCH, *layer.output(shape).sizes)
    assert list(seen.weights.items()) == list(layer.weights(shape).items())
    assert seen.macs == layer.macs(shape)


@every_layer
@quickly
@given(data=st.data())
def test_a_default_that_is_not_printed_is_torchs(layer: type[Layer], data: st.DataObject) -> None:
    """A named argument is left out of printed source where it has this default: torch must have the same."""
    shape = data.draw(fitting_shapes(layer))
    call = bind(layer, data.draw(arguments_for(layer, shape))).torch(shape)
    if call.helper is None:
        expected = inspect.signature(getattr(nn, call.target.removeprefix("nn."))).parameters
        named = {a.name: plain(a.default) for a in call.arguments if a.name and a.default is not REQUIRED}

        assert named == {name: expected[name].default for name in named}
