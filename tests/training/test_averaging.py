"""The moving average, held against torch's own and against its recurrence written out."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from netdsl.training.averaging import MovingAverage, decay_at
from netdsl.training.tensors import module_tensors

STEADY = 10**6
"""A step at which the decay has long risen."""


def made() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def moved(module: nn.Module) -> None:
    """Changes weights, running statistics and counts."""
    module(torch.randn(6, 3))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter))


def test_it_is_torch_s_average() -> None:
    """`AveragedModel` with buffers, which begins as a copy at its first update."""
    module = made()
    ours = MovingAverage(module, 0.9)
    torchs = get_ema_multi_avg_fn(0.9)  # type: ignore[no-untyped-call]
    theirs = AveragedModel(module, multi_avg_fn=torchs, use_buffers=True)
    theirs.update_parameters(module)
    for _ in range(4):
        moved(module)
        ours.update(STEADY)
        theirs.update_parameters(module)

    expected = module_tensors(theirs.module)
    assert ours.tensors.keys() == expected.keys()
    for name, tensor in ours.tensors.items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, expected[name])
        else:
            assert tensor == 4


def test_its_decay_rises_to_the_one_asked_for() -> None:
    """The first weights, which are random, weigh as little as any after some steps."""
    assert [decay_at(step, 0.99) for step in (0, 1, 8)] == pytest.approx([1 / 10, 2 / 11, 9 / 18])
    assert decay_at(STEADY, 0.99) == 0.99
    assert all(decay_at(step, 0.99) <= decay_at(step + 1, 0.99) <= 0.99 for step in range(2000))


def test_the_module_borrows_it_and_has_its_own_back() -> None:
    module = made()
    average = MovingAverage(module, 0.9)
    moved(module)
    own = copy.deepcopy(module.state_dict())
    lent = {name: tensor.clone() for name, tensor in average.tensors.items()}

    def stopped_while_measured() -> None:
        with average.in_place():
            assert all(torch.equal(tensor, lent[name]) for name, tensor in module_tensors(module).items())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped_while_measured()

    assert all(torch.equal(tensor, own[name]) for name, tensor in module.state_dict().items())
    assert all(torch.equal(tensor, lent[name]) for name, tensor in average.tensors.items())
