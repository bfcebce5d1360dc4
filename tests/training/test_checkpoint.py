"""Checkpoints: whole or not there, sound or known not to be, and the one before used instead."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from netdsl.training import checkpoint as module
from netdsl.training.checkpoint import (
    MANIFEST,
    MODEL,
    OPTIMIZER,
    STATE,
    Checkpoint,
    Position,
    latest_checkpoint,
    positions,
    prune_checkpoints,
    read_checkpoint,
    remove_partial_checkpoints,
    save_checkpoint,
)
from netdsl.training.durable import write_through
from tests.training.networks import fault_of

FILES = [MODEL, OPTIMIZER, STATE, MANIFEST]


class Killed(BaseException):
    """What ends a process, as far as the code before it can tell."""


def save(folder: Path, epochs: int, steps: int = 0) -> Path:
    model = {"a": torch.full((3,), float(epochs)), "b": torch.arange(4)}
    tensors = {MODEL: model, OPTIMIZER: {"a/step": torch.tensor(1.5)}}
    return save_checkpoint(folder, Position(epochs, steps), tensors, {"rows": [epochs, 0.1]})


def test_a_checkpoint_comes_back_to_the_bit(tmp_path: Path) -> None:
    save(tmp_path, 3, 120)

    read = read_checkpoint(tmp_path, Position(3, 120))

    assert isinstance(read, Checkpoint)
    assert read.state == {"rows": [3, 0.1]}
    assert torch.equal(read.model["a"], torch.full((3,), 3.0))
    assert torch.equal(read.model["b"], torch.arange(4))
    assert torch.equal(read.tensors[OPTIMIZER]["a/step"], torch.tensor(1.5))


def test_the_latest_is_the_furthest(tmp_path: Path) -> None:
    """Steps of the next epoch are further than its beginning; folders sort as they do."""
    for position in [(2, 0), (10, 7), (9, 300), (10, 0), (10, 100_000)]:
        save(tmp_path, *position)

    latest = latest_checkpoint(tmp_path)

    assert latest.checkpoint is not None
    assert (latest.checkpoint.position, latest.damaged) == ((10, 100_000), ())
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "epoch-0002", "epoch-0009+00300", "epoch-0010", "epoch-0010+00007", "epoch-0010+100000"
    ]  # fmt: skip


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
    assert latest.checkpoint.position == (1, 0)
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
        assert isinstance(read_checkpoint(tmp_path, Position(1)), str), (name, bit)
        path.write_bytes(whole)

    assert isinstance(read_checkpoint(tmp_path, Position(1)), Checkpoint)


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
    for name in ("other", "checkpoints"):
        (tmp_path / name).mkdir()
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
    assert latest.position.epochs == (
        2 if moment == 12 else 1
    )  # the last call only brings the new name to the disk
    remove_partial_checkpoints(tmp_path)
    assert all(path.name.startswith("epoch-") for path in tmp_path.iterdir())
    save(tmp_path, 2)
    latest = latest_checkpoint(tmp_path).checkpoint
    assert latest is not None
    assert latest.position.epochs == 2


@pytest.mark.parametrize("moment", range(1, 5))
def test_a_full_disk_is_told_and_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    save(tmp_path, 1)
    real = write_through
    written: list[Path] = []

    def full(path: Path, content: bytes) -> None:
        written.append(path)
        if len(written) == moment:
            raise OSError(28, "No space left on device")
        real(path, content)

    monkeypatch.setattr(module, "write_through", full)

    assert fault_of(lambda: save(tmp_path, 2)) == ("checkpoint-unwritable", 5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-0001"]
    assert isinstance(read_checkpoint(tmp_path, Position(1)), Checkpoint)


@pytest.mark.parametrize(("last", "kept"), [(1, [2, 6]), (2, [2, 5, 6]), (3, [2, 4, 5, 6])])
def test_the_last_and_the_best_are_kept(tmp_path: Path, last: int, kept: list[int]) -> None:
    for epoch in range(1, 7):
        save(tmp_path, epoch)
        prune_checkpoints(tmp_path, last, best=min(epoch, 2))

    assert positions(tmp_path) == [Position(epoch) for epoch in kept]


def test_within_an_epoch_the_last_are_kept_beside_whole_ones(tmp_path: Path) -> None:
    """Until the epoch has ended; then they are needless."""
    save(tmp_path, 1)
    for steps in range(10, 50, 10):
        save(tmp_path, 1, steps)
        prune_checkpoints(tmp_path, 2, best=1)

    assert positions(tmp_path) == [(1, 0), (1, 30), (1, 40)]
    save(tmp_path, 2)
    prune_checkpoints(tmp_path, 2, best=1)
    assert positions(tmp_path) == [(1, 0), (2, 0)]


def test_a_folder_that_has_vanished_is_not_made_again(tmp_path: Path) -> None:
    """A disk that is gone, or a run that was moved, is told."""
    assert fault_of(lambda: save(tmp_path / "gone", 1)) == ("checkpoint-unwritable", 5)
    assert not (tmp_path / "gone").exists()


def test_nothing_is_a_pickle(tmp_path: Path) -> None:
    folder = save(tmp_path, 1)

    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert set(json.loads((folder / MANIFEST).read_text())) == {MODEL, OPTIMIZER, STATE}
