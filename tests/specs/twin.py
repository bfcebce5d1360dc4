"""What it takes to hold a spec against another implementation of its network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torchvision
from torch import nn

torchvision_model = torchvision.models.get_model


def timm_model(name: str, act_layer: str | None = "relu", **options: Any) -> nn.Module:
    """One of timm's networks, whose import takes longer than most tests.

    Args:
        act_layer: None where a network has no such choice.
    """
    import timm

    # timm's MobileNetV1 has ReLU6 unless told otherwise, the paper's has ReLU
    model: nn.Module = timm.create_model(name, act_layer=act_layer, **options)
    return model


SMALLER: Mapping[str, Mapping[str, Any]] = {
    "deconvnet": {"width": 8, "hidden": 64},
    "unet": {"input": [1, 188, 188], "width": 8},
}
"""Settings under which specs are run that would take minutes; their figures are those of the full network."""


@dataclass(frozen=True, slots=True)
class Twin:
    """Another implementation of the network that a spec, with settings, declares."""

    spec: str
    make: Callable[[], nn.Module]
    """Makes the module. Several inputs are its `forward`'s arguments in the order of the spec's inputs,
    several outputs a tuple in the order of the spec's output and heads."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    leaves: str = ""
    """The entry of `references.json` that lists its leaves in order, if there is one."""
    leaves_by_step: bool = False
    """Whether a leaf of that list is a step of a stage here, perhaps a block of several layers: then shapes
    and parameters are compared, and kinds are not."""
    is_settled: bool = False
    """Whether its running statistics are a sample's in the place of random ones: with those the sums of
    hundreds of blocks grow beyond every number."""

    counts_only: bool = False
    """Whether figures alone are compared: for the rest of a family of which others are run."""

    @property
    def is_run(self) -> bool:
        """Whether both networks are run; of a large one another twin, which is smaller, is in its place."""
        return not self.counts_only and (self.spec not in SMALLER or bool(self.settings))

    @property
    def has_own_kinds(self) -> bool:
        """Whether its layers are subclasses of torch's, so that their kinds say nothing: timm's are."""
        return getattr(self.make, "func", None) is timm_model

    def __str__(self) -> str:
        return "-".join([self.spec, *(f"{name}={value}" for name, value in self.settings.items())])
