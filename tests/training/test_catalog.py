"""The catalogue of recipes: torch's names, defaults and ranges."""

from __future__ import annotations

import inspect

import pytest
import torch

from netdsl.layers.arguments import BadArgument
from netdsl.training import optimization
from netdsl.training.catalog.learning import LOSSES, OPTIMIZERS
from netdsl.training.choices import WORDS, Use

MACHINE = {"params", "maximize", "foreach", "differentiable", "capturable", "fused", "decoupled_weight_decay"}
"""What torch's optimizers take and no recipe says: how the machine does it."""


@pytest.mark.parametrize("word", OPTIMIZERS)
def test_an_optimizer_has_torch_s_arguments_and_defaults(word: str) -> None:
    signature = inspect.signature(optimization.OPTIMIZERS[word]).parameters
    torchs = {name: p.default for name, p in signature.items() if name not in MACHINE}

    assert {name: a.default for name, a in OPTIMIZERS[word].arguments.items()} == torchs


def test_label_smoothing_has_torch_s_default() -> None:
    default = inspect.signature(torch.nn.CrossEntropyLoss).parameters["label_smoothing"].default

    assert LOSSES["cross_entropy"].arguments["label_smoothing"].default == default


@pytest.mark.parametrize(
    ("word", "argument", "value"),
    [
        ("sgd", "lr", -0.1),
        ("sgd", "momentum", -0.1),
        ("sgd", "weight_decay", -0.1),
        ("adam", "betas", (0.9, 1.0)),
        ("adam", "eps", -1e-9),
        ("adamw", "betas", (-0.1, 0.9)),
        ("adadelta", "rho", 1.5),
        ("adagrad", "lr_decay", -0.1),
        ("rmsprop", "alpha", -0.1),
    ],
)
def test_what_torch_refuses_is_refused(word: str, argument: str, value: object) -> None:
    """Each value that our ranges keep out, torch keeps out as well."""
    entry = OPTIMIZERS[word]
    defaults = {name: a.default for name, a in entry.arguments.items()}
    with pytest.raises(BadArgument):
        entry.arguments[argument].read(value)

    with pytest.raises(ValueError, match="Invalid"):
        optimization.make_optimizer(Use(word, defaults | {argument: value}), torch.nn.Linear(1, 1))


@pytest.mark.parametrize("key", WORDS)
def test_every_default_is_a_value_that_its_argument_takes(key: str) -> None:
    for entry in WORDS[key][1].values():
        for argument in entry.arguments.values():
            if not argument.required:
                assert argument.read(argument.default) == argument.default
