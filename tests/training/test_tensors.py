"""Modules and optimizers as named tensors: all of them, and no other's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from netdsl.training import optimization
from netdsl.training.recipe import resolve_recipe
from netdsl.training.tensors import load_module, load_optimizer, module_tensors, optimizer_tensors
from tests.training.networks import Small, fault_of, section


@pytest.mark.parametrize("text", [
    "sgd", "sgd(lr=0.1, momentum=0.9)", "adam(amsgrad=true)", "adamw", "adadelta", "adagrad",
    "rmsprop(momentum=0.9, centered=true)",
])  # fmt: skip
def test_an_optimizer_goes_on_to_the_same_bits(text: str) -> None:
    """Three steps, then two more; the same two from copies of the tensors on."""
    use = resolve_recipe(section(f"optimizer: {text}"), {}, {}).optimizer

    def begin() -> tuple[nn.Module, torch.optim.Optimizer]:
        torch.manual_seed(0)
        made = Small().to(memory_format=torch.channels_last).eval()
        return made, optimization.make_optimizer(use, made)

    def step(made: nn.Module, optimizer: torch.optim.Optimizer, count: int) -> None:
        for number in range(count):
            torch.manual_seed(number)
            optimizer.zero_grad()
            made(torch.randn(4, 1, 8, 8)).square().mean().backward()
            optimizer.step()

    one, optimizer = begin()
    step(one, optimizer, 3)
    weights, memory = (
        {name: tensor.detach().clone() for name, tensor in tensors.items()}
        for tensors in (module_tensors(one), optimizer_tensors(optimizer, one))
    )
    step(one, optimizer, 2)
    other, fresh = begin()
    load_module(other, weights, Path("x"))
    load_optimizer(fresh, other, memory, Path("x"))
    step(other, fresh, 2)

    for name, tensor in module_tensors(one).items():
        assert torch.equal(tensor, module_tensors(other)[name]), name


def test_what_several_names_share_appears_once() -> None:
    shared = nn.Linear(3, 3)
    network = nn.Sequential(shared, nn.ReLU(), shared)

    tensors = module_tensors(network)

    assert set(tensors) == {"0.weight", "0.bias"}
    load_module(network, tensors, Path("x"))


class Buffered(nn.Module):
    """A buffer that is saved and one that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kept", torch.zeros(2))
        self.register_buffer("derived", torch.zeros(2), persistent=False)


def test_a_module_s_tensors_are_those_of_its_state_dict() -> None:
    for network in (Small(), Buffered()):
        assert module_tensors(network).keys() == network.state_dict().keys()


@pytest.mark.parametrize("other", [lambda: Small(classes=9), lambda: Small(channels=3), Buffered, nn.ReLU])
def test_weights_of_another_network_are_told(other: Callable[[], nn.Module]) -> None:
    tensors = module_tensors(Small())

    assert fault_of(lambda: load_module(other(), tensors, Path("x"))) == ("checkpoint-mismatch", 5)


@pytest.mark.parametrize(("name", "size"), [("nope/momentum_buffer", 8), ("norm.weight/momentum_buffer", 9)])
def test_memory_of_another_network_s_optimizer_is_told(name: str, size: int) -> None:
    made = Small()
    optimizer = torch.optim.SGD(made.parameters(), lr=0.1)
    tensors = {name: torch.zeros(size)}

    found = fault_of(lambda: load_optimizer(optimizer, made, tensors, Path("x")))

    assert found == ("checkpoint-mismatch", 5)
