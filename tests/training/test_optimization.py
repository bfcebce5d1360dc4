"""Optimizers, schedules, losses and initializations: torch's, by the catalogue's names."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    PolynomialLR,
    SequentialLR,
    StepLR,
)

from netdsl.training.catalog import learning
from netdsl.training.choices import Use
from netdsl.training.optimization import initialize, learning_rate, make_loss, make_optimizer
from netdsl.training.recipe import resolve_recipe
from tests.training.networks import section

EPOCHS, STEPS, START = 12, 5, 0.4


def use(key: str, text: str) -> Use:
    made: Use = getattr(resolve_recipe(section(f"{key}: {text}"), {}, {}), key)
    return made


@pytest.mark.parametrize("word", learning.OPTIMIZERS)
def test_an_optimizer_steps_as_torch_s_own(word: str) -> None:
    """Two modules with equal weights and gradients stay equal: the same class with the same settings."""

    def stepped(make: Callable[[nn.Module], Optimizer]) -> Tensor:
        torch.manual_seed(0)
        module = nn.Linear(3, 2)
        optimizer = make(module)
        for _ in range(3):
            module(torch.ones(1, 3)).square().sum().backward()
            optimizer.step()
        return module.weight

    ours = stepped(lambda module: make_optimizer(use("optimizer", word), module))
    theirs = stepped(lambda module: getattr(torch.optim, NAMES[word])(module.parameters()))

    assert torch.equal(ours, theirs)


NAMES = {
    "sgd": "SGD",
    "adam": "Adam",
    "adamw": "AdamW",
    "adadelta": "Adadelta",
    "adagrad": "Adagrad",
    "rmsprop": "RMSprop",
}


def per_epoch(make: Callable[[Optimizer], LRScheduler]) -> list[float]:
    return [rate for rate in torchs(make, EPOCHS) for _ in range(STEPS)]


def per_step(make: Callable[[Optimizer], LRScheduler]) -> list[float]:
    return torchs(make, EPOCHS * STEPS)


def torchs(make: Callable[[Optimizer], LRScheduler], count: int) -> list[float]:
    """The rates that torch's scheduler sets."""
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=START)
    scheduler = make(optimizer)
    rates = []
    for _ in range(count):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return rates


def risen(optimizer: Optimizer, steps: int, then: LRScheduler) -> LRScheduler:
    rise = LinearLR(optimizer, start_factor=1 / steps, total_iters=steps - 1)
    return SequentialLR(optimizer, [rise, then], milestones=[steps])


TOTAL = EPOCHS * STEPS
SCHEDULES: dict[str, Callable[[], list[float]]] = {
    "constant": lambda: [START] * TOTAL,
    "step(every=4)": lambda: per_epoch(lambda o: StepLR(o, 4)),
    "step(3, gamma=0.5)": lambda: per_epoch(lambda o: StepLR(o, 3, 0.5)),
    "multistep([2, 7])": lambda: per_epoch(lambda o: MultiStepLR(o, [2, 7])),
    "multistep(5, 0.3)": lambda: per_epoch(lambda o: MultiStepLR(o, [5], 0.3)),
    "exponential(0.9)": lambda: per_epoch(lambda o: ExponentialLR(o, 0.9)),
    "linear": lambda: per_step(lambda o: PolynomialLR(o, TOTAL)),
    "cosine": lambda: per_step(lambda o: CosineAnnealingLR(o, TOTAL)),
    "cosine(minimum=0.1)": lambda: per_step(lambda o: CosineAnnealingLR(o, TOTAL, 0.1)),
    "cosine(warmup=2)": lambda: per_step(lambda o: risen(o, 10, CosineAnnealingLR(o, TOTAL - 10))),
    "linear(warmup=1)": lambda: per_step(lambda o: risen(o, 5, PolynomialLR(o, TOTAL - 5))),
}


@pytest.mark.filterwarnings("ignore:.*scheduler.step():UserWarning")
@pytest.mark.filterwarnings("ignore:.*epoch parameter in.*:UserWarning")
@pytest.mark.parametrize("text", SCHEDULES)
def test_a_schedule_is_torch_s(text: str) -> None:
    """At every step; torch's own, computed step from step, differ by rounding."""
    rate = learning_rate(use("schedule", text), START, EPOCHS, STEPS)

    assert [rate(step) for step in range(TOTAL)] == pytest.approx(SCHEDULES[text](), rel=1e-9, abs=1e-12)


def test_every_schedule_is_held_against_torch() -> None:
    assert {text.partition("(")[0] for text in SCHEDULES} == set(learning.SCHEDULES)


@pytest.mark.parametrize("text", ["constant(warmup=2)", "cosine(warmup=2)", "linear(warmup=99)"])
def test_a_warmup_rises_in_equal_steps(text: str) -> None:
    rate = learning_rate(use("schedule", text), START, EPOCHS, STEPS)

    rises = [rate(step + 1) - rate(step) for step in range(8)]
    assert rises == pytest.approx([rate(0)] * 8)


def test_a_schedule_s_rate_never_leaves_its_bounds() -> None:
    for text in SCHEDULES:
        rate = learning_rate(use("schedule", text), START, EPOCHS, STEPS)
        assert all(0 <= rate(step) <= START * (1 + 1e-12) for step in range(TOTAL))


def test_the_loss_is_torch_s() -> None:
    logits, labels = torch.randn(5, 4), torch.tensor([0, 1, 2, 3, 0])

    ours = make_loss(use("loss", "cross_entropy(label_smoothing=0.1)"))(logits, labels)

    assert torch.equal(ours, nn.functional.cross_entropy(logits, labels, label_smoothing=0.1))


@pytest.mark.parametrize(("text", "j"), [("lenet1998", 0.1), ("lenet1998(j=3)", 3.0)])
def test_lenet_s_loss_is_the_paper_s_equation(text: str, j: float) -> None:
    """Sample by sample in plain arithmetic: LeCun et al. 1998, equation 9."""
    penalties, labels = torch.rand(6, 4, dtype=torch.float64) * 5, [0, 1, 2, 3, 0, 1]
    expected = [
        row[label] + math.log(math.exp(-j) + sum(math.exp(-penalty) for penalty in row))
        for row, label in zip(penalties.tolist(), labels, strict=True)
    ]

    ours = make_loss(use("loss", text))(penalties, torch.tensor(labels))

    assert float(ours) == pytest.approx(sum(expected) / 6, rel=1e-12)


def test_lenet_s_loss_pushes_what_is_far_no_further() -> None:
    """The right penalty sinks, a wrong one below j rises, and one far above it stays; nothing overflows."""
    penalties = torch.tensor([[2000.0, 0.5, 3000.0]], requires_grad=True)

    make_loss(use("loss", "lenet1998(j=1)"))(penalties, torch.tensor([0])).backward()

    assert penalties.grad is not None
    right, near, far = penalties.grad[0].tolist()
    assert (right, far) == (1, 0)
    assert near == pytest.approx(-math.exp(-0.5) / (math.exp(-1) + math.exp(-0.5)))


def initialized(text: str) -> tuple[nn.Conv2d, nn.Linear]:
    torch.manual_seed(0)
    conv, linear = nn.Conv2d(32, 64, 3), nn.Linear(200, 300)
    initialize(use("init", text), nn.Sequential(conv, nn.BatchNorm2d(64), linear))
    return conv, linear


@pytest.mark.parametrize(
    ("text", "conv_std", "linear_std"),
    [
        ("xavier", math.sqrt(2 / (32 * 9 + 64 * 9)), math.sqrt(2 / 500)),
        ("kaiming", math.sqrt(2 / (64 * 9)), math.sqrt(2 / 300)),
        ("normal", 0.01, 0.01),
        ("normal(std=0.2)", 0.2, 0.2),
        ("uniform", 1 / math.sqrt(32 * 9) / math.sqrt(3), 1 / math.sqrt(200) / math.sqrt(3)),
        ("lenet1998", 2.4 / (32 * 9) / math.sqrt(3), 2.4 / 200 / math.sqrt(3)),
    ],
)
def test_weights_begin_with_the_spread_of_their_formula(
    text: str, conv_std: float, linear_std: float
) -> None:
    conv, linear = initialized(text)

    assert float(conv.weight.detach().std()) == pytest.approx(conv_std, rel=0.05)
    assert float(linear.weight.detach().std()) == pytest.approx(linear_std, rel=0.05)
    assert conv.bias is not None
    assert not conv.bias.any()
    assert not linear.bias.any()


def test_a_normalization_keeps_its_own_beginning() -> None:
    norm = nn.BatchNorm2d(2)
    initialize(use("init", "normal"), nn.Sequential(nn.Conv2d(1, 2, 3), norm))

    assert torch.equal(norm.weight, torch.ones(2))
