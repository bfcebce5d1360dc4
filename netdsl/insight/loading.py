"""A run's folder, or a spec → what is explained: the network, its weights, how images come to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from netdsl.compiler import Compilation, compile_spec, network_of
from netdsl.diagnostics import fault
from netdsl.graph.graph import Network
from netdsl.insight.subject import Subject
from netdsl.training.catalog.images import OWN_MEAN, OWN_STD
from netdsl.training.choices import Recipe, Use
from netdsl.training.device import Placement, place
from netdsl.training.initial.beginning import Wanted
from netdsl.training.losses import PenaltyLoss
from netdsl.training.material import image_shape
from netdsl.training.network import TrainableNetwork
from netdsl.training.optimization import LOSSES
from netdsl.training.recipe import resolve_recipe
from netdsl.training.seeds import WEIGHTS, derived
from netdsl.training.session import trainable
from netdsl.training.trained import Say, load_trained
from netdsl.training.transforms import Fitted, Scaling, scaling, sizing, whiten_of
from netdsl.training.whitening import Whitening


def subject_of(
    named: str | Path,
    *,
    settings: Mapping[str, str] | None = None,
    plugins: Sequence[str] = (),
    init: str | None = None,
    device: str | None = None,
    say: Say = print,
) -> Subject:
    """The network of a run's folder, or of a spec.

    Args:
        named: a run's folder, a spec's file, or the name of a shipped spec.
        settings: parameters of the spec to replace, as text.
        plugins: modules with layers of the user's own.
        init: the weights of a spec's network, as `netdsl train --init` takes them.
        device: `cpu`, `cuda`, `cuda:1` or `mps`; the best there is unless given.
        say: told what a person should know.

    Raises:
        Faults: the run (2, 5), the spec (1), the weights (2, 3, 5) or the device (2, 4) is at fault.
    """

    def rebuild(spec: Path, replaced: Mapping[str, str]) -> TrainableNetwork:
        return trainable(compile_spec(spec, replaced, plugins), replaced)

    if Path(named).is_dir():
        if settings or init:
            message = f"a run has settings and weights of its own: `{named}`"
            raise fault("command-line", message, help="leave out `--set` and `--init`, or name a spec")
        return _of_run(Path(named), plugins, device, say)
    wanted = Wanted(init, False, (), rebuild) if init else None
    return _of_spec(named, settings or {}, plugins, wanted, device, say)


def distinct(subjects: Sequence[Subject], named: Sequence[str]) -> tuple[Subject, ...]:
    """The same networks, those of one name told apart by what they were asked for as: two runs of a spec."""
    count = Counter(subject.name for subject in subjects)
    return tuple(
        subject if count[subject.name] == 1 else replace(subject, name=f"{subject.name} of {name}")
        for subject, name in zip(subjects, named, strict=True)
    )


def _of_run(folder: Path, plugins: Sequence[str], device: str | None, say: Say) -> Subject:
    compiled: list[Compilation] = []

    def rebuild(spec: Path, settings: Mapping[str, str]) -> TrainableNetwork:
        compiled.append(compile_spec(spec, settings, plugins))
        return trainable(compiled[0], settings)

    trained = load_trained(folder, rebuild, device, say, precision="fp32")
    run, network = trained.run, network_of(compiled[0])
    subject = _subject(network, trained.module, trained.placement, run.recipe, image_shape(trained.network))
    classes = run.facts.classes if len(run.facts.classes) == len(subject.classes) else subject.classes
    scale = run.scaling()
    if scale.whitening is not None:
        _whiten_within(trained.module, scale.whitening)
        if run.recipe.prepare[-1].arguments["kind"] == "pca":
            say("note: `whiten` gives components, which have no places: nor have the maps of layers")
    known = replace(scale, whitening=None)
    return replace(subject, scaling=known, classes=classes, data=(run.facts.data,))


def _whiten_within(module: nn.Module, whitening: Whitening) -> None:
    """Lets a network whiten its images itself, so that gradients, squares and masks are of the pixels that a
    person sees, which whitening mixes."""

    def whiten(_: nn.Module, given: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        return (whitening(given[0]), *given[1:])

    module.register_forward_pre_hook(whiten)


def _of_spec(
    spec: str | Path,
    settings: Mapping[str, str],
    plugins: Sequence[str],
    wanted: Wanted | None,
    device: str | None,
    say: Say,
) -> Subject:
    compilation = compile_spec(spec, settings, plugins)
    network = network_of(compilation)
    made = trainable(compilation, settings)
    beginning = wanted.read(made, say) if wanted else None
    torch.manual_seed(derived(WEIGHTS, 0))
    module = made.build()
    if beginning is None:
        say(f"note: `{network.name}` has random weights: name a run, or weights with `--init`")
    else:
        beginning.give(module)
        say(str(beginning))
    recipe = resolve_recipe(made.train, compilation.parameters, {})
    subject = _subject(network, module, place(device, "fp32"), recipe, image_shape(made))
    return replace(subject, scaling=_known_scaling(recipe.prepare, made.input[0], say))


def _known_scaling(prepare: Sequence[Use], channels: int, say: Say) -> Scaling:
    """The scaling of a recipe as far as it is known without the data."""
    normalize = next((use for use in prepare if use.word == "normalize"), None)
    if normalize is not None and {OWN_MEAN, OWN_STD} & {
        value for value in normalize.arguments.values() if isinstance(value, str)
    }:
        words = "`normalize` and `whiten`" if whiten_of(prepare) else "`normalize`"
        say(f"note: images are scaled to 0…1: only a run knows the data's own figures for {words}")
        return Scaling(None, None)
    if whiten_of(prepare):
        say("note: images are not whitened: only a run knows the data's own figures for `whiten`")
    return scaling(prepare, lambda: torch.empty(0), channels)


def _subject(
    network: Network,
    module: nn.Module,
    placement: Placement,
    recipe: Recipe,
    shape: tuple[int, int, int],
) -> Subject:
    """A subject whose classes have numbers, and whose images are scaled to 0…1.

    Raises:
        Faults: the network gives something other than scores of classes; exit code 1.
    """
    output = network.graph.output
    if output.rank != 1:
        message = f"`{network.name}` gives {output}, not one score for each class"
        raise fault("output-not-classes", message, exit_code=1, help="explain a network that classifies")
    count = max(int(output.elements), 2)
    module.requires_grad_(False)
    return Subject(
        name=network.name,
        network=network,
        module=placement.module(module).eval(),
        placement=placement,
        size=Fitted(sizing(recipe.prepare, shape), shape, "prepare"),
        scaling=Scaling(None, None),
        classes=tuple(map(str, range(count))),
        data=recipe.data,
        smallest_wins=LOSSES.get(recipe.loss.word) is PenaltyLoss,
        blue_first=any(use.word == "bgr" for use in recipe.prepare),
    )
