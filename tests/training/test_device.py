"""Devices: the best there is, or the one asked for, or an error."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from netdsl.training.device import Placement, is_out_of_memory, keep_freed_memory, place
from tests.training.networks import fault_of


def test_the_cpu_computes_in_fp32_unless_told() -> None:
    assert place("cpu", "auto") == Placement(torch.device("cpu"), "fp32")
    assert place("cpu", "bf16").precision == "bf16"


def test_without_a_wish_the_best_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert place(None, "auto").device.type == "cpu"

    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert place(None, "auto") == Placement(torch.device("mps"), "fp32")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: not including_emulation)
    assert place(None, "auto") == Placement(torch.device("cuda"), "bf16")
    assert place(None, "fp32").precision == "fp32"


@pytest.mark.parametrize("wanted", ["gpu", "cuda:x", "tpu:0", "", "cuda:-1"])
def test_a_kind_that_does_not_exist_is_the_command_line_s_fault(wanted: str) -> None:
    assert fault_of(lambda: place(wanted, "auto")) == ("unknown-device", 2)


def test_a_device_that_is_not_here_is_the_machine_s_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert fault_of(lambda: place("cuda", "auto")) == ("missing-device", 4)
    assert fault_of(lambda: place("cpu:1", "auto")) == ("missing-device", 4)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert fault_of(lambda: place("cuda:2", "auto")) == ("missing-device", 4)


def test_images_and_modules_are_laid_out_channels_last() -> None:
    placement = place("cpu", "fp32")
    (weight,) = placement.module(nn.Conv2d(3, 4, 3, bias=False)).parameters()
    images = placement.images(torch.zeros(2, 3, 5, 5, dtype=torch.uint8))

    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert images.is_contiguous(memory_format=torch.channels_last)


def test_bf16_is_autocast() -> None:
    with place("cpu", "bf16").autocast():
        assert nn.functional.linear(torch.ones(1, 2), torch.ones(2, 2)).dtype == torch.bfloat16
    with place("cpu", "fp32").autocast():
        assert nn.functional.linear(torch.ones(1, 2), torch.ones(2, 2)).dtype == torch.float32


def test_memory_that_ran_out_is_known_from_other_faults() -> None:
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**58)
    assert is_out_of_memory(raised.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(MemoryError())

    with pytest.raises(RuntimeError) as other:
        torch.zeros(2) @ torch.zeros(3)
    assert not is_out_of_memory(other.value)


def test_keeping_memory_changes_no_result() -> None:
    before = torch.arange(1000.0).square().sum()
    keep_freed_memory()

    assert torch.equal(torch.arange(1000.0).square().sum(), before)
