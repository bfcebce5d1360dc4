"""What training needs to know of a network: the border to the rest of netdsl.

The runner never sees a spec's syntax or graph; whoever compiles one fills this in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from netdsl.analysis.memory import Device, Memory, Precision
from netdsl.language.syntax import Data
from netdsl.training.fine_tuning import Parts


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TrainableNetwork:
    """A compiled spec."""

    name: str
    sources: Mapping[str, str]
    """The spec's text under `spec.yaml`, and below it, by their relative paths, those it extends."""
    settings: Mapping[str, str]
    """Parameters replaced by the command line, as text: with `sources` they make the network again."""
    parameters: Mapping[str, Any]
    """The spec's parameters, evaluated."""
    train: Data | None
    """The spec's recipe."""
    input: tuple[int, ...]
    """The shape of one sample, `(channels, height, width)`; of several inputs, that of the first."""
    named_inputs: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Of a network with several inputs, the shape of each, by name."""
    output: tuple[int, ...]
    """The shape of one sample's output."""
    kept_outputs: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """The shapes of the heads that are there outside of training as well, by name."""
    parameter_count: int
    macs: int
    """Multiply-adds for one sample."""
    head_weights: Mapping[str, float]
    """The weight of each training head's loss."""
    emitted: str
    """The network as PyTorch source, for people to read."""
    stages: tuple[str, ...] = ()
    """The steps of the net that the spec names; none where the net is one expression."""
    parts: Callable[[], Parts] | None = None
    """Gives what of it has parameters, by path; None where only the module tells."""
    build: Callable[[], nn.Module]
    """Makes the module with its heads, from torch's generator as it stands. In training it gives the output
    or, with heads, a dictionary of the `output` and each head's; otherwise the output."""
    memory: Callable[[Precision, int, Device], Memory] | None = None
    """Tells what a training step takes, by precision, values that the optimizer keeps for each parameter, and
    kind of device."""

    @property
    def spelled_input(self) -> str:
        """The shape of a sample as people write it: `3×224×224`, of several inputs `4096 and 1024`."""
        shapes = tuple(self.named_inputs.values()) or (self.input,)
        return " and ".join("×".join(map(str, shape)) for shape in shapes)


Rebuild = Callable[[Path, Mapping[str, str]], TrainableNetwork]
"""Makes a run's network again from its `spec.yaml` and the settings."""
