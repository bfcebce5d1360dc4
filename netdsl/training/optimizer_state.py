"""What an optimizer remembers of every parameter: needs no torch, unlike the optimizers themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from netdsl.training.choices import Use

_VALUES: Mapping[str, Callable[[Mapping[str, Any]], int]] = {
    "sgd": lambda given: int(given["momentum"] != 0),
    "adam": lambda given: 2 + given["amsgrad"],
    "adamw": lambda given: 2 + given["amsgrad"],
    "adadelta": lambda _: 2,
    "adagrad": lambda _: 1,
    "rmsprop": lambda given: 1 + (given["momentum"] > 0) + given["centered"],
}


def values_per_parameter(optimizer: Use) -> int:
    """The values that torch's optimizer keeps for every trained value, beside its count of steps.

    Momentum is one, the two moments of Adam are two, its largest second moment (`amsgrad`) is a third.

    >>> values_per_parameter(Use("sgd", {"momentum": 0.9}))
    1
    """
    return _VALUES[optimizer.word](optimizer.arguments)
