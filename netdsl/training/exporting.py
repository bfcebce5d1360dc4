"""A run, or a spec with weights → a file that other programs run; see `backends.portable`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import nn

from netdsl.backends.portable import Exported, export_module
from netdsl.backends.torch_module import build_module
from netdsl.compiler import compile_spec, network_to_build
from netdsl.diagnostics import fault
from netdsl.graph.graph import Network
from netdsl.training.initial.beginning import Wanted
from netdsl.training.network import TrainableNetwork
from netdsl.training.run import Run
from netdsl.training.session import trainable
from netdsl.training.trained import Say, load_trained
from netdsl.training.whitening import WHITENING
from netdsl.version import VERSION


def export_network(
    named: str | Path,
    path: Path,
    *,
    settings: Mapping[str, str] | None = None,
    plugins: Sequence[str] = (),
    init: str | None = None,
    say: Say = print,
) -> Exported:
    """Writes the network of a run's folder, or of a spec.

    Args:
        named: a run's folder, a spec's file, or the name of a shipped spec.
        path: the file; its ending says the format.
        settings: parameters of the spec to replace, as text.
        plugins: modules with layers of the user's own.
        init: the weights of a spec's network, as `netdsl train --init` takes them.
        say: told what a person should know.

    Raises:
        Faults: the run (2, 5), the spec (1), the weights (2, 3, 5), the format (1, 2) or the file (2) is at
            fault. The number is the exit code.
    """
    compiled: list[Network] = []

    def rebuild(spec: str | Path, replaced: Mapping[str, str]) -> TrainableNetwork:
        compilation = compile_spec(spec, replaced, plugins)
        compiled.append(network_to_build(compilation))
        return trainable(compilation, replaced)

    facts = {"netdsl": VERSION}
    if Path(named).is_dir():
        if settings or init:
            message = f"a run has settings and weights of its own: `{named}`"
            raise fault("command-line", message, help="leave out `--set` and `--init`, or name a spec")
        trained = load_trained(named, rebuild, "cpu", say, precision="fp32")
        module, facts = trained.module, facts | _facts(trained.run)
        if trained.run.facts.whitening is not None:
            say(f"note: inputs come whitened: `{trained.run.folder / WHITENING}` belongs to the file")
    elif init is not None:
        network = rebuild(named, settings or {})
        beginning = Wanted(init, False, (), rebuild).read(network, say)
        module = network.build()
        beginning.give(module)
        say(str(beginning))
    else:
        compiled.append(network_to_build(compile_spec(named, settings, plugins)))
        module = build_module(compiled[0])
        say(f"note: `{compiled[0].name}` has random weights: name a run, or weights with `--init`")
    return _write(compiled[0], module, path, facts)


def _write(network: Network, module: nn.Module, path: Path, facts: Mapping[str, str]) -> Exported:
    shapes = (tuple(int(size) for size in shape.sizes) for shape in network.graph.inputs)
    inputs = dict(zip(network.input_names, shapes, strict=True))
    return export_module(
        module.eval().requires_grad_(False), inputs, path, {"network": network.name, **facts}
    )


def _facts(run: Run) -> dict[str, str]:
    """What whoever runs the file needs to know: how inputs come to be, and what outputs are called."""
    facts = run.facts
    return {
        "classes": json.dumps(facts.classes),
        "prepare": " -> ".join(map(str, run.recipe.prepare)),
        "mean": json.dumps(facts.mean),
        "std": json.dumps(facts.std),
        "whitening": json.dumps(facts.whitening),
        "data": facts.data,
    }
