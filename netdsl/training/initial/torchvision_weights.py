"""`torchvision:WEIGHTS`: the weights that torchvision publishes, by the names it has for them.

The file's tensors are put into torchvision's own module, which knows the kinds of layers and their order now;
a file keeps the order of the day it was written.
"""

from __future__ import annotations

import warnings

import torch
import torchvision
from torch import nn
from torchvision.models import get_model_weights, get_weight, list_models

from netdsl.diagnostics import Faults, fault, nearest
from netdsl.training.initial.fetching import published_file
from netdsl.training.initial.given import Given, Say, StoredFile, as_given
from netdsl.training.weights import MappingRefused, copy_weights

PREFIX = "torchvision:"
_OPTIONS = {"googlenet": {"init_weights": False}, "inception_v3": {"init_weights": False}}
"""Options of networks that are slow to make: without, torchvision draws weights that are replaced at once."""
_SCALED = ("googlenet", "inception_v3")
"""Networks whose weights come from TensorFlow, with its scaling of images."""


def torchvision_weights(name: str, network: str, say: Say) -> Given:
    """Published weights, in torchvision's module where there is one.

    Args:
        name: `ResNet50_Weights.IMAGENET1K_V2`, or `IMAGENET1K_V2` for the network's own.
        network: the spec's name.
        say: told what takes long.

    Raises:
        Faults: there are none of that name (2), or they cannot be had (3) or read (5).
    """
    weights = _find(name, network)
    file = published_file(weights.url, say)
    models = [model for model in _models() if get_model_weights(model) is type(weights)]
    given = _in_module(file, models[0]) if models else None
    note = None
    if models and models[0] in _SCALED:
        note = "they were trained on images of −1 to 1: write `normalize(0.5, 0.5)` in `prepare`"
    given = given or as_given(file)
    return Given(given.weights, given.is_ordered, file.path, file.sha256, note)


def _models() -> list[str]:
    """torchvision's classifiers."""
    return [str(model) for model in list_models(module=torchvision.models)]


def _in_module(file: StoredFile, model: str) -> Given | None:
    """torchvision's module with a file's tensors, or None where their names are of another time."""
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torchvision says of initial weights, which are replaced
        module: nn.Module = torchvision.models.get_model(model, **_OPTIONS.get(model, {}))
    module.to_empty(device="cpu")
    for buffer in module.buffers():
        buffer.zero_()  # old files lack counters
    try:
        copy_weights(file.tensors, module, by="name")
    except MappingRefused:
        return None
    return Given(module, True, file.path, file.sha256)


def _find(name: str, network: str) -> torchvision.models.WeightsEnum:
    """The weights of a name.

    Raises:
        Faults: there are none; exit code 2.
    """
    if "." in name:
        try:
            return get_weight(name)
        except (ValueError, KeyError, TypeError):
            raise _unknown(f"torchvision has no weights `{name}`", _all_names(), name) from None
    if network not in _models():
        message = f"`{name}` says nothing of a network, and torchvision has none called `{network}`"
        raise _unknown(message, _all_names(), f"{network}_Weights.{name}")
    own = get_model_weights(network)
    if name not in own.__members__:
        names = [str(weights) for weights in own]
        raise _unknown(
            f"torchvision has no weights `{name}` for `{network}`", names, f"{own.__name__}.{name}"
        )
    return own[name]


def _all_names() -> list[str]:
    return [str(weights) for model in _models() for weights in get_model_weights(model)]


def _unknown(message: str, known: list[str], wanted: str) -> Faults:
    near = nearest(wanted, known)
    few = ", ".join(f"`{PREFIX}{name}`" for name in known[:3])
    more = ", …" if len(known) > 3 else ""
    help = f"did you mean `{PREFIX}{near}`?" if near else f"give their full name: {few}{more}"
    return fault("unknown-weights", message, help=help)
