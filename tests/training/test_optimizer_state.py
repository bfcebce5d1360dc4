"""What optimizers remember, held against torch's own after a step."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from netdsl.training.catalog.learning import OPTIMIZERS
from netdsl.training.choices import Use
from netdsl.training.optimization import make_optimizer
from netdsl.training.optimizer_state import values_per_parameter

GIVEN = [
    ("sgd", {}),
    ("sgd", {"momentum": 0.9}),
    ("sgd", {"momentum": 0.9, "nesterov": True}),
    ("adam", {}),
    ("adam", {"amsgrad": True}),
    ("adamw", {}),
    ("adamw", {"amsgrad": True}),
    ("adadelta", {}),
    ("adagrad", {}),
    ("rmsprop", {}),
    ("rmsprop", {"momentum": 0.9}),
    ("rmsprop", {"momentum": 0.9, "centered": True}),
]


@pytest.mark.parametrize(("word", "given"), GIVEN)
def test_an_optimizer_remembers_as_much_as_is_told(word: str, given: dict[str, float]) -> None:
    """Values of the size of the parameters, in the state after one step."""
    defaults = {name: argument.default for name, argument in OPTIMIZERS[word].arguments.items()}
    use = Use(word, defaults | given)
    module = nn.Linear(5, 7)
    optimizer = make_optimizer(use, module)
    module(torch.ones(1, 5)).sum().backward()
    optimizer.step()
    kept = [value for state in optimizer.state.values() for value in state.values() if value is not None]
    values = sum(value.numel() for value in kept if value.dim() > 0)

    assert values == values_per_parameter(use) * (5 * 7 + 7)


def test_every_optimizer_is_known() -> None:
    """None of the catalogue is left out above."""
    assert {word for word, _ in GIVEN} == set(OPTIMIZERS)
