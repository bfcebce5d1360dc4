"""Trained weights → an edited spec: what both networks have is carried over, the rest begins anew.

RUN, or SPEC and its weights ──► module ──carry_weights──► module of the edited spec ──► FILE.safetensors
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save
from torch import nn

from netdsl.diagnostics import Faults, did_you_mean, fault
from netdsl.training.checkpoint import MODEL
from netdsl.training.durable import write_beside
from netdsl.training.initial.beginning import Wanted
from netdsl.training.initial.files import SAFE
from netdsl.training.initial.given import Say
from netdsl.training.network import Rebuild, TrainableNetwork
from netdsl.training.optimization import initialize
from netdsl.training.recipe import resolve_recipe
from netdsl.training.run import CHECKPOINTS, FACTS
from netdsl.training.seeds import WEIGHTS, derived
from netdsl.training.tensors import Tensors, module_tensors
from netdsl.training.trained import load_trained
from netdsl.training.weights.carrying import Carried, Doubtful, carry_weights
from netdsl.training.weights.leaves import leaves


@dataclass(frozen=True, slots=True, eq=False)
class Earlier:
    """A network with the weights it has learned."""

    network: TrainableNetwork
    module: nn.Module
    path: Path
    """The file that the weights were read from."""


@dataclass(frozen=True, slots=True, eq=False)
class Ported:
    """The weights of an edited network, and where they come from."""

    before: Earlier
    after: TrainableNetwork
    carried: Carried
    tensors: Tensors

    def write(self, path: Path) -> None:
        """Writes a file that `--init` begins with.

        Raises:
            Faults: it cannot be written, or is no safetensors file by its name; exit code 2.
        """
        if path.suffix != SAFE:
            message = f"`{path}` is to hold weights, and does not say so"
            raise fault("option-value", message, help=f"call it `{path.with_suffix(SAFE)}`")
        if path.exists() and path.samefile(self.before.path):
            message = f"`{path}` holds the weights that are carried over"
            raise fault("unwritable-file", message, help="keep them: name another file")
        try:
            write_beside(path, save({name: tensor.contiguous() for name, tensor in self.tensors.items()}))
        except OSError as error:
            message = f"`{path}` cannot be written: {(error.strerror or str(error)).lower()}"
            help = "name a file in a folder that exists and is yours"
            raise fault("unwritable-file", message, help=help) from None


def earlier_run(folder: Path, rebuild: Rebuild, say: Say) -> Earlier:
    """A run's network with its latest weights.

    Raises:
        Faults: the folder is no run (2), or damaged, or without a checkpoint (5).
    """
    trained = load_trained(folder, rebuild, "cpu", say, precision="fp32")
    path = folder / CHECKPOINTS / trained.position.folder / MODEL
    return Earlier(trained.network, trained.module, path)


def earlier_network(network: TrainableNetwork, weights: str, rebuild: Rebuild, say: Say) -> Earlier:
    """A spec's network with weights that are named as `--init` names them.

    Raises:
        Faults: they are not named as they should be (2), cannot be had (3), or do not fit (5).
    """
    beginning = Wanted(weights, False, (), rebuild).read(network, say)
    module = network.build()
    beginning.give(module)
    return Earlier(network, module, beginning.given.path)


def is_run(folder: str | Path) -> bool:
    """Whether a path is that of a run's folder."""
    return (Path(folder) / FACTS).is_file()


def port(before: Earlier, after: TrainableNetwork, renamed: Mapping[str, str]) -> Ported:
    """The weights of an edited network: those of layers that it still has, and new ones for the others.

    New layers begin as a training of the edited spec would begin them, by the `init` and the `seed` of its
    recipe.

    Args:
        before: the network as it was trained.
        after: the edited one.
        renamed: parts or layers of the earlier network, each with its name in the edited one.

    Raises:
        Faults: what was kept cannot be told without guessing (5), or a renamed part is not there (2).
    """
    recipe = resolve_recipe(after.train, after.parameters, {})
    torch.manual_seed(derived(WEIGHTS, recipe.seed))
    module = after.build()
    if recipe.init is not None:
        initialize(recipe.init, module)
    for old, new in renamed.items():
        _check_part(before.network.name, before.module, old)
        _check_part(after.name, module, new)
    stages = {*before.network.stages} & {*after.stages}
    try:
        carried = carry_weights(before.module, module, stages=stages, renamed=renamed)
    except Doubtful as doubtful:
        raise _doubtful(before.network, after, doubtful) from None
    if not carried.kept:
        message = f"`{after.name}` has no layer of `{before.network.name}`: nothing could be kept"
        raise fault("weights-mismatch", message, exit_code=5, help="train it from its own beginning")
    return Ported(before, after, carried, module_tensors(module))


def _check_part(network: str, module: nn.Module, name: str) -> None:
    """Whether a network has a part or layer of a name.

    Raises:
        Faults: it has not; exit code 2.
    """
    paths = [leaf.name.split(".") for leaf in leaves(module)]
    known = list(dict.fromkeys(".".join(path[: i + 1]) for path in paths for i in range(len(path))))
    if name not in known:
        help = did_you_mean(name, known) or f"`netdsl show {network} --expanded` names them"
        message = f"`{network}` has no layer or part `{name}` with weights"
        raise fault("unknown-layer-path", message, help=help)


def _doubtful(before: TrainableNetwork, after: TrainableNetwork, reason: Doubtful) -> Faults:
    (old, new), (other_old, other_new) = reason.doubt.first, reason.doubt.second
    message = f"what was kept of `{before.name}` in `{after.name}` is not certain: {reason}"
    help = f"say which: `--rename {old}={new}` or `--rename {other_old}={other_new}`"
    return fault("ambiguous-weights", message, exit_code=5, help=help)
