"""`torch.compile`, where it is wanted and there is a compiler.

The printed source stays the module: names, weights and checkpoints are the same, it is only called otherwise.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from importlib.util import find_spec

import torch
from torch import nn

COMPILERS = ("c++", "g++", "clang++")
"""What Inductor calls for a CPU's code, unless `CXX` names another."""
LOWEST_CAPABILITY = (7, 0)
"""Of NVIDIA's GPUs, the oldest that Triton writes code for: Volta."""


def compile_module(
    module: nn.Module, wanted: str, device: torch.device, warn: Callable[[str], None] = print
) -> None:
    """Lets a module be compiled when it is first called.

    Args:
        module: keeps its parameters and their names.
        wanted: `true`, `false` or `auto`, which is `true` on GPUs: on a CPU the compiler takes longer than
            most trainings there gain.
        device: where it runs.
        warn: told why it is not compiled although that was asked for.
    """
    if wanted == "false" or (wanted == "auto" and device.type != "cuda"):
        return
    reason = missing_compiler(device)
    if reason is None:
        module.compile()
    else:
        warn(f"not compiled: {reason}")


def missing_compiler(device: torch.device) -> str | None:
    """Why nothing can be compiled for a device; None where it can."""
    if device.type == "cuda":
        if find_spec("triton") is None:
            return "`triton` is not installed"
        if torch.cuda.get_device_capability(device) < LOWEST_CAPABILITY:
            return f"{torch.cuda.get_device_name(device)} is older than what Triton writes code for"
        return None
    names = (os.environ["CXX"],) if "CXX" in os.environ else COMPILERS
    if device.type == "cpu" and not any(map(shutil.which, names)):
        return f"there is no C++ compiler (looked for {', '.join(names)})"
    return None if device.type == "cpu" else f"torch compiles nothing for {device.type}"
