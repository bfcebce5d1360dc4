"""Convolutional networks as short, checked, trainable texts.

    >>> import netdsl
    >>> report = netdsl.check("lenet5", classes=26)
    >>> report.ok, report.output
    (True, (26,))

Importing netdsl never imports torch; `build` and `train` do when they are called, `weights` when it is named:

    netdsl.weights.copy_weights(torchvision.models.resnet50(), netdsl.build("resnet50"))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from netdsl.analysis.report import Report as Report
from netdsl.compiler import build as build
from netdsl.compiler import check as check
from netdsl.compiler import emit as emit
from netdsl.diagnostics import Diagnostic as Diagnostic
from netdsl.diagnostics import Faults as Faults
from netdsl.layers.layer import Layer as Layer
from netdsl.layers.plugin import layer as layer
from netdsl.specs import shipped_specs as shipped_specs
from netdsl.version import VERSION as __version__

if TYPE_CHECKING:
    from pathlib import Path

    from netdsl.training import weights as weights
    from netdsl.training.run import Run


def __getattr__(name: str) -> Any:
    """`weights`, which handles tensors and so is imported only by who asks for it."""
    if name == "weights":
        return import_module("netdsl.training.weights")
    message = f"module `netdsl` has no attribute `{name}`"
    raise AttributeError(message)


def train(spec: str | Path, **options: Any) -> Run:
    """Trains a spec's network; see `netdsl.training.session.train_spec` for the options.

    Raises:
        Faults: the spec, the data or the device is not as it should be.
    """
    from netdsl.training.session import train_spec  # torch is imported only by who trains

    return train_spec(spec, **options)


__all__ = [
    "Diagnostic",
    "Faults",
    "Layer",
    "Report",
    "__version__",
    "build",
    "check",
    "emit",
    "layer",
    "shipped_specs",
    "train",
    "weights",
]
