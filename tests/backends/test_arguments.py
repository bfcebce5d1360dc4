"""The arguments of a printed network: another value makes what the spec makes with it, or is refused."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import netdsl
from netdsl.backends.torch_module import load_class
from tests.backends.networks import printed
from tests.specs.twin import SMALLER

SHALLOWER: Mapping[str, Mapping[str, Any]] = {**SMALLER, "preact_resnet1001": {"n": 4}, "resnet110": {"n": 4}}
"""Settings under which the networks are made and run in little time."""


def others(value: Any) -> Iterator[tuple[Any, Any]]:
    """Other values for an argument, each as the printed class takes it and as `--set` does."""
    changed: list[Any] = []
    if callable(value):
        yield nn.SiLU, "silu"
    elif isinstance(value, bool):
        yield not value, str(not value).lower()
    elif isinstance(value, int | float):
        changed = [value + 1, 2 * value] if isinstance(value, int) else [value / 2, value * 1.5]
    elif isinstance(value, tuple):
        changed = [value[:-1], (*value, value[-1])]
        if all(isinstance(item, int) for item in value):
            changed = [tuple(n + 1 for n in value), tuple(2 * n for n in value), *changed]
    yield from ((other, _listed(other)) for other in changed)


def _listed(value: Any) -> str:
    return f"[{', '.join(map(_listed, value))}]" if isinstance(value, tuple) else str(value)


def leaves(module: nn.Module) -> dict[str, str]:
    """The layers by name, with their settings."""
    return {name: repr(leaf) for name, leaf in module.named_modules() if not list(leaf.children())}


def weights(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """The shapes of the weights by name, in their order."""
    return {name: tuple(weight.shape) for name, weight in module.state_dict().items()}


def honours(kind: type[nn.Module], spec: str, name: str, value: Any, settings: Mapping[str, Any]) -> bool:
    """Whether a value makes the very network that the spec makes with it; False where it is refused.

    Args:
        settings: the value as the spec takes it, and what else is set.
    """
    report = netdsl.check(spec, **settings)
    if report.network is None:
        return False  # the spec does not take it
    with torch.device("meta"):
        try:
            module = kind(**{name: value})
        except AssertionError as error:
            assert str(error) == "other arguments need another layout"  # noqa: PT017
            return False
        built = netdsl.build(spec, **settings)
        outputs = module(*(torch.empty(2, *shape) for shape in report.inputs.values()))
    assert leaves(module) == leaves(built)
    assert list(weights(module).items()) == list(weights(built).items())
    output = outputs["output"] if isinstance(outputs, dict) else outputs
    assert tuple(output.shape[1:]) == report.output
    return True


@pytest.mark.parametrize("spec", netdsl.shipped_specs())
def test_another_argument_makes_what_the_spec_makes_with_it(spec: str) -> None:
    """Or it is refused when the network is made: never a module that fails later, or another one."""
    settings = SHALLOWER.get(spec, {})
    kind = load_class(netdsl.emit(spec, **settings), spec)
    parameters = inspect.signature(kind).parameters
    honoured: set[str] = set()
    for name in parameters.keys() - {"heads"}:
        for value, setting in others(parameters[name].default):
            is_resized = not isinstance(value, tuple) or len(value) == len(parameters[name].default)
            if name in honoured and is_resized:
                continue
            if honours(kind, spec, name, value, {**settings, name.removesuffix("_"): setting}):
                honoured.add(name)
    assert "classes" in honoured or "classes" not in parameters


BUILT_OTHERWISE = {
    "shared modules": """
input: [8]
params: {hidden: 16, classes: 4}
shared: {common: linear(classes + 1)}
net:
  a: linear(hidden) -> common -> relu
  b: linear(hidden) -> common
""",
    "tensors from around a block": """
input: [3, 8, 8]
params: {width: 4}
blocks:
  joined(f, c): (f | id) -> conv(c, 1)
net:
  stem: conv(8*width, 3, padding=1)
  middle: conv(2*width, 3, padding=1)
  up: joined(from(stem), 5)
""",
    "sizes behind windows": """
input: [1, 9, 9, 9]
params: {kernel: 2, width: 4, all: true}
blocks:
  head(c): flatten -> linear(c)
net:
  stem: conv(width, kernel) -> maxpool(3, stride=2, ceil_mode=all)
  head: head(7)
""",
    "defaults of blocks": """
input: [1, 8, 8]
params: {width: 4}
blocks:
  narrow(c, r=c//2): conv(c, 3) -> conv(r, 1)
net: narrow(width) -> narrow(2*width)
""",
    "layers handed on": """
input: [1, 8, 8]
params: {width: 4, widths: [2, 3]}
blocks:
  active(f): f -> relu
net:
  a: active((conv(width, 1) -> batchnorm))
  b: (active(conv(n, 1)) -> conv(width, 1) for n in widths)
""",
    "conditions on sizes": """
input: [1, 9, 9]
params: {kernel: 3, act: relu}
blocks:
  unit: conv(2, 1) -> act
net:
  a: conv(2, kernel) -> act -> unit
  b: conv(2, 3) if x.h > 6 else id
""",
    "a shortcut's channels": """
input: [3, 8, 8]
params: {width: 4}
blocks:
  keep(c): x + conv(c, 1)
  unit(c): keep(c) if x.c == c else conv(c, 1)
net: conv(4, 1) -> unit(width) -> unit(width) -> unit(2*width)
""",
}
"""Specs in which numbers rest on parameters in a way that no formula says, or one that is hard to follow."""


@pytest.mark.parametrize("about", BUILT_OTHERWISE)
def test_no_argument_is_half_carried(about: str, tmp_path: Path) -> None:
    """A parameter is an argument only if everything that rests on it follows."""
    file = tmp_path / "net.yaml"
    file.write_text(f"name: net\n{BUILT_OTHERWISE[about].lstrip()}", "utf-8")
    kind = load_class(netdsl.emit(file), "net")
    for name, parameter in inspect.signature(kind).parameters.items():
        for value, setting in others(parameter.default):
            honours(kind, str(file), name, value, {name: setting})


def test_what_can_follow_is_an_argument() -> None:
    def arguments(about: str) -> list[str]:
        kind = load_class(printed(f"name: net\n{BUILT_OTHERWISE[about].lstrip()}"), "net")
        return list(inspect.signature(kind).parameters)

    assert arguments("shared modules") == ["hidden"]
    assert arguments("tensors from around a block") == ["width"]
    assert arguments("sizes behind windows") == ["width"]
    assert arguments("defaults of blocks") == ["width"]
    assert arguments("layers handed on") == []
    assert arguments("conditions on sizes") == []
    assert arguments("a shortcut's channels") == ["width"]
