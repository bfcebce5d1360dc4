"""Small networks to train in a second, and the faults that calls raise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from netdsl.diagnostics import Collector, Diagnostic, Faults, Source
from netdsl.language import syntax
from netdsl.language.yaml_text import read_yaml
from netdsl.training.choices import Use
from netdsl.training.network import TrainableNetwork
from netdsl.training.progress import Display
from netdsl.training.recipe import resolve_recipe

QUICK = "data: digits\nbatch: 64\nepochs: 2\noptimizer: adamw(lr=2e-2)\n"
"""A recipe that learns something in a second."""


def section(text: str) -> syntax.Data | None:
    """A `train` section."""
    found = Collector()
    data = read_yaml(Source("spec.yaml", text), found) if text else None
    assert not len(found)
    return data


def uses(key: str, text: str) -> tuple[Use, ...]:
    """The steps of `prepare` or `augment`."""
    made: tuple[Use, ...] = getattr(resolve_recipe(section(f"{key}: {text}"), {}, {}), key)
    return made


class Small(nn.Module):
    """A convolution, a normalisation, dropout and a linear: all that keeps state or draws numbers."""

    def __init__(self, channels: int = 1, classes: int = 10) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(8 * 16, classes)

    def forward(self, images: Tensor) -> Tensor:
        features = torch.relu(self.norm(self.conv(images)))
        logits: Tensor = self.head(self.drop(nn.functional.adaptive_avg_pool2d(features, 4).flatten(1)))
        return logits


def network(
    recipe: str = QUICK,
    build: Callable[[], nn.Module] = Small,
    *,
    input: tuple[int, ...] = (1, 8, 8),
    output: tuple[int, ...] = (10,),
    settings: Mapping[str, str] | None = None,
    head_weights: Mapping[str, float] | None = None,
    named_inputs: Mapping[str, tuple[int, ...]] | None = None,
    kept_outputs: Mapping[str, tuple[int, ...]] | None = None,
) -> TrainableNetwork:
    """A network as the compiler hands it over."""
    return TrainableNetwork(
        name="small",
        sources={"spec.yaml": f"train:\n{recipe}"},
        settings=settings or {},
        parameters={"classes": output[0]},
        train=section(recipe),
        input=input,
        named_inputs=named_inputs or {},
        kept_outputs=kept_outputs or {},
        output=output,
        parameter_count=sum(parameter.numel() for parameter in build().parameters()),
        macs=0,
        head_weights=head_weights or {},
        emitted="",
        build=build,
    )


def rebuild(made: TrainableNetwork) -> Callable[[Path, Mapping[str, str]], TrainableNetwork]:
    """What makes a run's network again, where the test has it at hand."""
    return lambda spec, settings: made


def silent() -> Display:
    """A display that shows nothing."""
    return Display(silent=True)


def faults_of(call: Callable[[], object]) -> tuple[list[Diagnostic], int]:
    """The diagnostics that a call raises, and the exit code they lead to."""
    with pytest.raises(Faults) as raised:
        call()
    return list(raised.value.diagnostics), raised.value.exit_code


def fault_of(call: Callable[[], object]) -> tuple[str, int]:
    """The code of the one diagnostic that a call raises, and the exit code."""
    diagnostics, exit_code = faults_of(call)
    assert len(diagnostics) == 1
    return diagnostics[0].code, exit_code
