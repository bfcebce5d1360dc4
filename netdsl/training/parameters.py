"""A module's parameters as a recipe has them trained: some not at all, some slower, some without decay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from netdsl.training.fine_tuning import is_within, rate_of

FACTOR = "factor"
"""The key of an optimizer's group under which stands what its learning rate is multiplied by."""


def freeze(module: nn.Module, parts: Sequence[str]) -> None:
    """Lets the parameters of parts have no gradients, and so no place in an optimizer."""
    for name, parameter in module.named_parameters():
        if _is_frozen(name, parts):
            parameter.requires_grad_(False)


def train_but_for(module: nn.Module, parts: Sequence[str]) -> None:
    """Training mode, in which normalisations of frozen parts keep their running figures, and go by them."""
    module.train()
    for name, layer in module.named_modules():
        if isinstance(layer, _NormBase) and _is_frozen(name, parts):
            layer.eval()


def _is_frozen(path: str, parts: Sequence[str]) -> bool:
    return any(is_within(path, part) for part in parts)


def parameter_groups(
    module: nn.Module, rates: Mapping[str, float], decay: str, weight_decay: float
) -> list[dict[str, Any]]:
    """The parameters that learn, as an optimizer takes them: each group with the factor of its learning rate
    and with its weight decay.

    Args:
        module: the network, frozen where it is to be.
        rates: parts with their factors.
        decay: `all`, or `weights` for decay of nothing that has a single axis, as biases and normalisations
            have (He et al. 2018, Bag of Tricks, section 3.1).
        weight_decay: of the optimizer.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            decays = decay == "all" or parameter.ndim > 1
            key = (rate_of(name, rates), weight_decay if decays else 0.0)
            groups.setdefault(key, []).append(parameter)
    return [
        {"params": members, FACTOR: factor, "weight_decay": share}
        for (factor, share), members in groups.items()
    ]
