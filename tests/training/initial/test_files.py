"""Files of weights: read whole or not at all, and never executed."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from netdsl.training.initial.files import read_weights_file
from tests.training.networks import fault_of, faults_of


@pytest.fixture
def module() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 2))


Write = Callable[[nn.Module, Path], object]
WRITTEN: dict[str, tuple[str, Write]] = {
    "a state dict": ("net.pth", lambda m, path: torch.save(m.state_dict(), path)),
    "as torch wrote before 1.6": (
        "net.pt",
        lambda m, path: torch.save(m.state_dict(), path, _use_new_zipfile_serialization=False),
    ),
    "a checkpoint of a training": (
        "net.bin",
        lambda m, path: torch.save({"model": m.state_dict(), "epoch": 3, "args": {"lr": 0.1}}, path),
    ),
    "safetensors": ("net.safetensors", lambda m, path: save_file(m.state_dict(), path)),
}


@pytest.mark.parametrize("form", WRITTEN)
def test_what_was_saved_is_read(form: str, module: nn.Module, tmp_path: Path) -> None:
    name, write = WRITTEN[form]
    write(module, tmp_path / name)

    file = read_weights_file(tmp_path / name)

    state = module.state_dict()
    assert file.sha256 == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    assert file.tensors.keys() == state.keys()
    assert all(torch.equal(file.tensors[key], state[key]) for key in state)
    assert list(file.tensors) == list(state) or not file.is_ordered
    assert file.is_ordered == (not name.endswith(".safetensors"))


@pytest.mark.parametrize("form", WRITTEN)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.95])
def test_a_file_that_broke_off_is_damaged(form: str, share: float, module: nn.Module, tmp_path: Path) -> None:
    name, write = WRITTEN[form]
    path = tmp_path / name
    write(module, path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    assert fault_of(lambda: read_weights_file(path)) == ("damaged-weights", 5)


def test_a_bit_that_flipped_shows(module: nn.Module, tmp_path: Path) -> None:
    """In the tensors' bytes, where torch itself does not look."""
    path = tmp_path / "net.pth"
    torch.save(module.state_dict(), path)
    content = bytearray(path.read_bytes())
    place = content.index(module.get_parameter("0.weight").detach().numpy().tobytes())
    content[place + 3] ^= 1
    path.write_bytes(content)

    assert torch.load(path, weights_only=True).keys() == module.state_dict().keys()
    assert fault_of(lambda: read_weights_file(path)) == ("damaged-weights", 5)


@pytest.mark.parametrize("content", [b"hello, this is no checkpoint", b"\x80\x02]q\x00."])
@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
def test_another_kind_of_file_is_damaged(content: bytes, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)

    assert fault_of(lambda: read_weights_file(tmp_path / name)) == ("damaged-weights", 5)


class Trap:
    """What calls the system when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.mark}",)


def test_the_trap_works(tmp_path: Path) -> None:
    """The proof that the test below could fail."""
    pickle.loads(pickle.dumps(Trap(tmp_path / "mark")))  # noqa: S301

    assert (tmp_path / "mark").exists()


@pytest.mark.parametrize("new", [True, False])
def test_a_pickle_that_would_run_code_is_refused(new: bool, tmp_path: Path) -> None:
    path, mark = tmp_path / "net.pth", tmp_path / "mark"
    torch.save({"weight": torch.zeros(3), "trap": Trap(mark)}, path, _use_new_zipfile_serialization=new)

    (found, *_), exit_code = faults_of(lambda: read_weights_file(path))

    assert (found.code, exit_code) == ("unsafe-weights", 5)
    assert "would call `posix.system`" in found.message
    assert not mark.exists()


def test_a_whole_module_is_refused_with_the_way_to_save_its_weights(
    module: nn.Module, tmp_path: Path
) -> None:
    path = tmp_path / "net.pth"
    torch.save(module, path)

    (found, *_), _ = faults_of(lambda: read_weights_file(path))

    assert found.code == "unsafe-weights"
    assert found.help is not None
    assert "torch.save(model.state_dict(), path)" in found.help


def test_of_several_state_dicts_none_is_chosen(module: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save({"model": module.state_dict(), "model_ema": module.state_dict()}, path)

    (found, *_), exit_code = faults_of(lambda: read_weights_file(path))

    assert (found.code, exit_code) == ("ambiguous-weights", 5)
    assert found.message.endswith("holds several state dicts: `model`, `model_ema`")


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    assert fault_of(lambda: read_weights_file(tmp_path / "no.pth")) == ("missing-weights", 3)


def test_a_file_of_another_digest_is_damaged(module: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "net-f37072fd.pth"
    torch.save(module.state_dict(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()

    assert read_weights_file(path, digest[:8]).sha256 == digest
    assert fault_of(lambda: read_weights_file(path, "f37072fd")) == ("damaged-weights", 5)
