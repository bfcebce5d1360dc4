"""Where a network runs and how: the device, its precision, the layout of tensors, the process' memory."""

from __future__ import annotations

import contextlib
import ctypes
import platform
import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from netdsl.diagnostics import did_you_mean, fault

Precision = Literal["fp32", "bf16"]
KINDS = ("cpu", "cuda", "mps")


@dataclass(frozen=True, slots=True)
class Placement:
    """A device and how it is used."""

    device: torch.device
    precision: Precision

    @property
    def layout(self) -> torch.memory_format:
        """Channels last where convolutions gain by it: cuDNN's tensor cores, and oneDNN's depthwise
        convolutions on the CPU (measured: a MobileNetV2 trains 1.3 times as fast)."""
        return torch.contiguous_format if self.device.type == "mps" else torch.channels_last

    def module(self, module: nn.Module) -> nn.Module:
        """The module, moved there."""
        moved: nn.Module = module.to(self.device)
        if any(parameter.ndim == 5 for parameter in module.parameters()):
            return moved  # volumes are laid out otherwise
        for_images: nn.Module = moved.to(memory_format=self.layout)
        return for_images

    def images(self, images: torch.Tensor) -> torch.Tensor:
        """A batch `(batch, channels, height, width)`, or of other shape, moved there."""
        if images.ndim != 4:
            return images.to(self.device, non_blocking=True)
        return images.to(self.device, non_blocking=True).contiguous(memory_format=self.layout)

    def autocast(self) -> AbstractContextManager[object]:
        """The context that a forward pass runs in."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.precision == "bf16" else nullcontext()

    @property
    def read_every(self) -> int:
        """Steps after which their losses are read. Asking a GPU at each makes it wait."""
        return 1 if self.device.type == "cpu" else 20

    @property
    def name(self) -> str:
        """The device as people call it."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        count = torch.get_num_threads()
        threads = f", {count} thread{'s' * (count != 1)}" if self.device.type == "cpu" else ""
        return f"{platform.processor() or platform.machine()}{threads}"


def place(wanted: str | None, precision: str) -> Placement:
    """The device asked for, or the best there is, with the precision asked for, or the one it gains by.

    Args:
        wanted: `cpu`, `cuda`, `cuda:1`, `mps`; None chooses.
        precision: `auto`, `fp32` or `bf16`. `auto` is bf16 where the GPU computes in it, else fp32:
            processors gain by bf16 only with AMX, and then not for every network.

    Raises:
        Faults: there is no such device; exit code 2 or 4.
    """
    device = _best() if wanted is None else _named(wanted)
    gains = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return Placement(device, "bf16" if precision == "bf16" or (precision == "auto" and gains) else "fp32")


def _best() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _named(wanted: str) -> torch.device:
    kind, _, number = wanted.partition(":")
    if kind not in KINDS or (number and not number.isdigit()):
        help = did_you_mean(kind, KINDS) or f"write one of {', '.join(KINDS)}"
        raise fault("unknown-device", f"there is no kind of device `{wanted}`", help=help)
    has_kind = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}[
        kind
    ]
    count = torch.cuda.device_count() if kind == "cuda" else int(has_kind)
    if not has_kind or int(number or 0) >= count:
        help = "leave `--device` out, and the best one there is is used"
        raise fault("missing-device", f"this machine has no device `{wanted}`", exit_code=4, help=help)
    return torch.device(wanted)


_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
"""The parameters of glibc's `mallopt`, from its malloc.h."""


def keep_freed_memory() -> None:
    """Lets this process keep the memory it frees, instead of handing it back and asking for it anew.

    glibc maps every large tensor afresh and the kernel then clears it page by page, at each step of a
    training; keeping it made a MobileNetV2 on two cores 1.5 times as fast. Does nothing where the allocator
    is another.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        libc.mallopt(_M_TOP_PAD, 64 * 2**20)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception of torch means that memory ran out, of a GPU or of the machine."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and ("can't allocate memory" in text or "out of memory" in text)


def memory_for_training(device: torch.device) -> int | None:
    """The bytes that this process may take of a device's memory, with those it has; None where not known."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device)
    if device.type == "mps":
        return torch.mps.recommended_max_memory()
    own = _proc_bytes("self/status", "VmRSS")
    available = _proc_bytes("meminfo", "MemAvailable")
    if own is None or available is None:
        return None
    bounds = [available + own]
    with contextlib.suppress(OSError, ValueError):  # of a container, by control groups of version 2
        limit, used = (int((CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        bounds.append(limit - used + own)
    return max(0, min(bounds))


CGROUP = Path("/sys/fs/cgroup")


def _proc_bytes(file: str, name: str) -> int | None:
    """A figure of Linux' /proc, which tells them in kibibytes."""
    try:
        text = (Path("/proc") / file).read_text()
    except OSError:
        return None
    found = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else None
