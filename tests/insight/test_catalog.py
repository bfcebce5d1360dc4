"""The catalogue of methods and the functions that answer say the same."""

import inspect

import pytest

from netdsl.insight.catalog import METHODS, read_methods
from netdsl.insight.explain import FUNCTIONS
from tests.training.networks import faults_of


def test_each_method_has_a_function_with_its_options() -> None:
    """By the same names, with the same defaults, in the same order."""
    assert list(METHODS) == list(FUNCTIONS)
    for word, function in FUNCTIONS.items():
        _, *options = inspect.signature(function).parameters.values()
        assert {option.name: option.default for option in options} == {
            name: argument.default for name, argument in METHODS[word].arguments.items()
        }


def test_methods_are_read_as_a_recipe_is() -> None:
    """Several with commas between, options in parentheses; words need no quotes."""
    first, second, third = read_methods("gradcam, gradcam++(relu=false), occlusion(8, of=feature)")

    assert (first.word, dict(first.options)) == ("gradcam", {"relu": True})
    assert (second.word, dict(second.options)) == ("gradcam++", {"relu": False})
    assert dict(third.options) == {"size": 8, "stride": None, "grey": 128, "of": "feature"}


@pytest.mark.parametrize(
    ("text", "code", "marked"),
    [
        ("gradcma", "unknown-method", "gradcma"),
        ("cam, gradcam+++", "missing-operand", ""),
        ("gradcam(rel=true)", "unknown-argument", "rel=true"),
        ("smoothgradcam++(noise=-1)", "argument-range", "noise=-1"),
        ("occlusion(of=nothing)", "unknown-name", "nothing"),
        ("gradcam(relu=true, relu=false)", "repeated-argument", "relu=false"),
        ("gradcam -> cam", "option-value", "gradcam -> cam"),
    ],
)
def test_what_is_wrong_is_marked(text: str, code: str, marked: str) -> None:
    """In the option's own text, though `++` is no part of the language's names."""
    (diagnostic,), _ = faults_of(lambda: read_methods(text))

    assert diagnostic.code == code
    assert diagnostic.span is not None
    assert not marked or diagnostic.span.text == marked
