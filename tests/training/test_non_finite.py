"""What is not finite stops a training before it reaches a weight, and is traced to where it began."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from netdsl.diagnostics import Diagnostic
from netdsl.training.checkpoint import Keeping, Position, positions, read_checkpoint
from netdsl.training.data import find
from netdsl.training.device import Placement
from netdsl.training.non_finite import first_non_finite_gradient, gradients_look_finite
from netdsl.training.runner import train
from tests.training.networks import Small, faults_of, network, silent
from tests.training.runs import PER_EPOCH, RECIPE, few_digits


@pytest.fixture(autouse=True, scope="module")
def _few_digits() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(find, "read_digits", few_digits)
        yield


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses are read as late as on a GPU."""
    monkeypatch.setattr(Placement, "read_every", 20)


class Sick(nn.Module):
    """Gives what is not finite at the images of one batch, forward or backward."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.main = Small()
        self.layer = SickLayer(where)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.main(images)
        return self.layer(logits)  # type: ignore[no-any-return]


class SickLayer(nn.Module):
    def __init__(self, where: str) -> None:
        super().__init__()
        self.where, self.steps = where, 0

    def forward(self, logits: Tensor) -> Tensor:
        if not self.training:
            return logits
        if torch.is_grad_enabled():
            self.steps += 1
        if self.steps != STEP:
            return logits
        if self.where == "forward":
            return logits / 0
        return logits + (logits * 0).sqrt() * 0  # 0, of which the derivative is 0 · ∞


STEP = 2 * PER_EPOCH + 4


def stopped(folder: Path, recipe: str, build: Callable[[], nn.Module]) -> tuple[list[Diagnostic], int]:
    return faults_of(lambda: train(network(recipe, build), out=folder, device="cpu", display=silent()))


def assert_sound(folder: Path) -> None:
    """Every checkpoint that is there is finite, throughout."""
    found = positions(folder / "checkpoints")
    for position in found:
        checkpoint = read_checkpoint(folder / "checkpoints", position)
        assert not isinstance(checkpoint, str)
        for tensors in checkpoint.tensors.values():
            assert all(tensor.isfinite().all() for tensor in tensors.values())


def test_a_loss_that_is_not_finite_stops_at_its_step_and_names_the_layer(tmp_path: Path) -> None:
    """The weights from before the step are kept: those that it began with, running statistics included."""
    folder = tmp_path / "run"

    found, exit_code = stopped(folder, RECIPE, lambda: Sick("forward"))

    assert ([d.code for d in found], exit_code) == (["non-finite-loss"], 4)
    assert found[0].message.startswith("the loss is ")
    assert found[0].message.endswith(
        "at step 4 of epoch 3: the layer `layer` is the first whose output is not finite"
    )
    assert found[0].notes == (
        f"`{folder}` keeps the training up to step 3 of epoch 3: go on with `--resume {folder}`",
    )
    assert_sound(folder)


def test_a_gradient_that_is_not_finite_stops_at_its_step_and_names_the_parameter(tmp_path: Path) -> None:
    """The last linear's bias is the first that the backward pass comes to."""
    found, exit_code = stopped(tmp_path / "run", RECIPE, lambda: Sick("backward"))

    assert ([d.code for d in found], exit_code) == (["non-finite-gradient"], 4)
    assert "gradient of `main.head.bias` is the first" in found[0].message
    assert "at step 4 of epoch 3" in found[0].message
    assert positions(tmp_path / "run" / "checkpoints")[-1] == (2, 3)
    assert_sound(tmp_path / "run")


class Counted(SickLayer):
    """Counts by what is learned rather than by calls, as all layers do that can be gone back with."""

    def __init__(self) -> None:
        super().__init__("forward")
        self.register_buffer("seen", torch.zeros(()))
        self.seen: Tensor

    def forward(self, logits: Tensor) -> Tensor:
        if not self.training:
            return logits
        self.seen += 1
        return logits / 0 if self.seen == STEP else logits


class SickAgain(Sick):
    def __init__(self) -> None:
        super().__init__("forward")
        self.layer = Counted()


@pytest.mark.usefixtures("late")
@pytest.mark.parametrize("every", [0, 300])
def test_where_losses_are_read_late_the_layer_is_found_by_going_back(tmp_path: Path, every: float) -> None:
    """And what the steps after it have made of the weights reaches no checkpoint."""
    folder = tmp_path / "run"

    found, exit_code = faults_of(
        lambda: train(
            network(RECIPE, SickAgain), out=folder, device="cpu", keeping=Keeping(every), display=silent()
        )
    )

    assert ([d.code for d in found], exit_code) == (["non-finite-loss"], 4)
    assert found[0].message.endswith(
        "at step 4 of epoch 3: the layer `layer` is the first whose output is not finite"
    )
    assert positions(folder / "checkpoints")[-1] == (2, 3)
    assert_sound(folder)


@pytest.mark.usefixtures("late")
def test_where_losses_are_read_late_a_run_has_the_same_bits(tmp_path: Path) -> None:
    late = train(network(RECIPE), out=tmp_path / "late", device="cpu", display=silent())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Placement, "read_every", 1)
        soon = train(network(RECIPE), out=tmp_path / "soon", device="cpu", display=silent())

    for run in (late, soon):
        assert_sound(run.folder)
    one, other = (read_checkpoint(run.folder / "checkpoints", Position(4)) for run in (late, soon))
    assert not isinstance(one, str)
    assert not isinstance(other, str)
    assert all(torch.equal(tensor, other.model[name]) for name, tensor in one.model.items())


@pytest.mark.parametrize("late", [False, True])
def test_a_rate_beyond_reason_names_the_weight_and_reaches_no_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """Gradients are finite, what the optimizer makes of the weights is not."""
    if late:
        monkeypatch.setattr(Placement, "read_every", 20)
    recipe = RECIPE.replace("sgd(lr=0.2", "sgd(lr=1e38").replace("cosine(warmup=1)", "constant")

    found, exit_code = stopped(tmp_path / "run", recipe, Small)

    assert exit_code == 4
    assert found[0].code in ("non-finite-loss", "non-finite-weights", "non-finite-gradient")
    assert found[0].message.count("epoch 1") == 1
    assert_sound(tmp_path / "run")


def test_data_that_are_not_finite_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netdsl.training.transforms.Scaling.__call__", lambda self, images: images / 0)

    found, _ = stopped(tmp_path / "run", RECIPE, Small)

    assert found[0].message.endswith("step 1 of epoch 1: the batch itself has values that are not finite")


def test_gradients_whose_norm_is_too_large_are_finite() -> None:
    layer = nn.Linear(2, 1)
    layer.weight.grad = torch.full((1, 2), 3e38)
    assert not gradients_look_finite(layer.parameters())
    assert first_non_finite_gradient(layer) is None
    layer.bias.grad = torch.tensor([float("nan")])
    assert first_non_finite_gradient(layer) == "bias"
