"""What a training is given from outside: the network and its recipe, where and by whom it is trained, who is
told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from netdsl.training.checkpoint import Keeping
from netdsl.training.choices import Recipe
from netdsl.training.device import Placement
from netdsl.training.network import TrainableNetwork
from netdsl.training.parallel.ranks import Ranks
from netdsl.training.progress import Display
from netdsl.training.signals import StopSignals


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """What is trained, how, where, and who is told."""

    network: TrainableNetwork
    recipe: Recipe
    placement: Placement
    root: str | Path | None
    """The folder that data sets are kept in."""
    keeping: Keeping
    display: Display
    signals: StopSignals
    ranks: Ranks
    engine: str | None
    """What each of several processes has of the network."""
