"""When a module is compiled, and what is said where it cannot be."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from netdsl.training.compiling import compile_module, missing_compiler
from tests.long import long

CPU = torch.device("cpu")


def is_compiled(wanted: str, warnings: list[str]) -> bool:
    module = nn.Linear(2, 2)
    names = list(module.state_dict())
    compile_module(module, wanted, CPU, warnings.append)
    assert list(module.state_dict()) == names
    return module._compiled_call_impl is not None


def test_a_cpu_compiles_if_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    warnings: list[str] = []

    assert [is_compiled(wanted, warnings) for wanted in ("true", "auto", "false")] == [True, False, False]
    assert warnings == []


def test_without_a_compiler_it_trains_as_it_is_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr("shutil.which", lambda name: None)
    warnings: list[str] = []

    assert not is_compiled("true", warnings)
    assert warnings == ["not compiled: there is no C++ compiler (looked for c++, g++, clang++)"]
    assert missing_compiler(torch.device("mps")) == "torch compiles nothing for mps"


@long
@pytest.mark.filterwarnings("ignore")
def test_what_is_compiled_computes_the_same() -> None:
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
    images = torch.randn(5, 1, 8, 8)
    with torch.no_grad():
        plain = module.eval()(images)
    compile_module(module, "true", CPU)

    with torch.no_grad():
        torch.testing.assert_close(module(images), plain)
