"""Checkpoints: whole or not there, sound or known not to be, and the one before used instead."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from netdsl.training import checkpoint as module
from netdsl.training import optimization
from netdsl.training.checkpoint import (
    MANIFEST,
    MODEL,
    OPTIMIZER,
    STATE,
    Checkpoint,
    checkpoint_epochs,
    latest_checkpoint,
    load_module,
    load_optimizer,
    module_tensors,
    optimizer_tensors,
    prune_checkpoints,
    read_checkpoint,
    save_checkpoint,
)
from netdsl.training.recipe import resolve_recipe
from tests.training.networks import Small, fault_of, section

FILES = [MODEL, OPTIMIZER, STATE, MANIFEST]


class Killed(BaseException):
    """What ends a process, as far as the code before it can tell."""


def save(folder: Path, epoch: int) -> Path:
    tensors = {"a": torch.full((3,), float(epoch)), "b": torch.arange(4)}
    return save_checkpoint(folder, epoch, tensors, {"a/step": torch.tensor(1.5)}, {"rows": [epoch, 0.1]})


def test_a_checkpoint_comes_back_to_the_bit(tmp_path: Path) -> None:
    save(tmp_path, 3)

    read = read_checkpoint(tmp_path, 3)

    assert isinstance(read, Checkpoint)
    assert read.state == {"rows": [3, 0.1]}
    assert torch.equal(read.model["a"], torch.full((3,), 3.0))
    assert torch.equal(read.model["b"], torch.arange(4))
    assert torch.equal(read.optimizer["a/step"], torch.tensor(1.5))


def test_the_latest_is_the_highest(tmp_path: Path) -> None:
    for epoch in (2, 10, 9):
        save(tmp_path, epoch)

    latest = latest_checkpoint(tmp_path)

    assert latest.checkpoint is not None
    assert (latest.checkpoint.epoch, latest.damaged) == (10, ())


def test_a_folder_without_checkpoints_has_none(tmp_path: Path) -> None:
    (tmp_path / ".epoch-0001.partial").mkdir()
    (tmp_path / "notes").mkdir()

    assert latest_checkpoint(tmp_path).checkpoint is None
    assert latest_checkpoint(tmp_path / "nowhere").checkpoint is None


@pytest.mark.parametrize("name", FILES)
def test_the_one_before_is_used_where_the_latest_is_damaged(tmp_path: Path, name: str) -> None:
    for epoch in (1, 2):
        save(tmp_path, epoch)
    path = tmp_path / "epoch-0002" / name
    path.write_bytes(path.read_bytes()[:-1])

    latest = latest_checkpoint(tmp_path)

    assert latest.checkpoint is not None
    assert latest.checkpoint.epoch == 1
    assert latest.damaged == (f"`{path}` has changed since it was written",)


def test_any_flipped_bit_shows(tmp_path: Path) -> None:
    """Bits drawn at random from all files, and each bit of the manifest's first bytes."""
    folder = save(tmp_path, 1)
    generator = random.Random(0)
    places = [(name, bit) for name in FILES for bit in _bits(folder / name, 60, generator)]
    places += [(MANIFEST, bit) for bit in range(8 * 20)]

    for name, bit in places:
        path = folder / name
        whole = path.read_bytes()
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        assert isinstance(read_checkpoint(tmp_path, 1), str), (name, bit)
        path.write_bytes(whole)

    assert isinstance(read_checkpoint(tmp_path, 1), Checkpoint)


def _bits(path: Path, count: int, generator: random.Random) -> list[int]:
    return [generator.randrange(8 * path.stat().st_size) for _ in range(count)]


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a file missing": lambda folder: (folder / STATE).unlink(),
    "the manifest missing": lambda folder: (folder / MANIFEST).unlink(),
    "a file empty": lambda folder: (folder / MODEL).write_bytes(b""),
    "another checkpoint's file": lambda folder: (folder / MODEL).write_bytes(
        (save(folder.parent.parent / "other", 7) / MODEL).read_bytes()
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_where_none_is_sound_it_is_told(tmp_path: Path, damage: str) -> None:
    DAMAGES[damage](save(tmp_path / "checkpoints", 1))

    assert fault_of(lambda: latest_checkpoint(tmp_path / "checkpoints")) == ("damaged-checkpoint", 5)


@pytest.mark.parametrize("moment", range(1, 13))
def test_a_kill_inside_a_save_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """Ended at each of its calls to the system; the next save then works as ever."""
    save(tmp_path, 1)
    calls = 0

    def killing(call: Callable[..., object]) -> Callable[..., object]:
        def made(*arguments: object, **named: object) -> object:
            nonlocal calls
            calls += 1
            if calls == moment:
                raise Killed
            return call(*arguments, **named)

        return made

    with monkeypatch.context() as patched:
        for owner, name in ((os, "fsync"), (Path, "rename"), (Path, "mkdir"), (Path, "open")):
            patched.setattr(owner, name, killing(getattr(owner, name)))
        with pytest.raises(Killed):
            save(tmp_path, 2)

    latest = latest_checkpoint(tmp_path).checkpoint
    assert latest is not None
    assert latest.epoch == (2 if moment == 12 else 1)  # the last call only brings the new name to the disk
    save(tmp_path, 2)
    latest = latest_checkpoint(tmp_path).checkpoint
    assert latest is not None
    assert latest.epoch == 2


@pytest.mark.parametrize("moment", range(1, 5))
def test_a_full_disk_is_told_and_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    save(tmp_path, 1)
    real = module.write_through
    written: list[Path] = []

    def full(path: Path, content: bytes) -> None:
        written.append(path)
        if len(written) == moment:
            raise OSError(28, "No space left on device")
        real(path, content)

    monkeypatch.setattr(module, "write_through", full)

    assert fault_of(lambda: save(tmp_path, 2)) == ("checkpoint-unwritable", 5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-0001"]
    assert isinstance(read_checkpoint(tmp_path, 1), Checkpoint)


def test_the_last_two_and_the_best_are_kept(tmp_path: Path) -> None:
    for epoch in range(1, 7):
        save(tmp_path, epoch)
        prune_checkpoints(tmp_path, best=min(epoch, 2))

    assert checkpoint_epochs(tmp_path) == [2, 5, 6]


def test_nothing_is_a_pickle(tmp_path: Path) -> None:
    folder = save(tmp_path, 1)

    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert set(json.loads((folder / MANIFEST).read_text())) == {MODEL, OPTIMIZER, STATE}


# Modules and optimizers


@pytest.mark.parametrize("text", [
    "sgd", "sgd(lr=0.1, momentum=0.9)", "adam(amsgrad=true)", "adamw", "adadelta", "adagrad",
    "rmsprop(momentum=0.9, centered=true)",
])  # fmt: skip
def test_an_optimizer_goes_on_to_the_same_bits(tmp_path: Path, text: str) -> None:
    """Three steps, a checkpoint, two more; the same two from the checkpoint on."""
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
    save_checkpoint(tmp_path, 1, module_tensors(one), optimizer_tensors(optimizer, one), {})
    step(one, optimizer, 2)
    other, fresh = begin()
    read = read_checkpoint(tmp_path, 1)
    assert isinstance(read, Checkpoint)
    load_module(other, read.model, tmp_path)
    load_optimizer(fresh, other, read.optimizer, tmp_path)
    step(other, fresh, 2)

    for name, tensor in module_tensors(one).items():
        assert torch.equal(tensor, module_tensors(other)[name]), name


def test_what_several_names_share_is_saved_once(tmp_path: Path) -> None:
    shared = nn.Linear(3, 3)
    network = nn.Sequential(shared, nn.ReLU(), shared)
    save_checkpoint(tmp_path, 1, module_tensors(network), {}, {})

    read = read_checkpoint(tmp_path, 1)

    assert isinstance(read, Checkpoint)
    assert set(read.model) == {"0.weight", "0.bias"}
    load_module(network, read.model, tmp_path)


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
