"""Trains a network by its recipe: `train` from beginning to end, or on from where a run was stopped.

recipe → data → module → (epoch → figures → checkpoint)* → report
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from netdsl.diagnostics import fault
from netdsl.records import replace
from netdsl.training.catalog.tasks import FITTING
from netdsl.training.checkpoint import Keeping, positions
from netdsl.training.choices import Recipe, Use, option_of
from netdsl.training.data.find import data_root, find_data
from netdsl.training.device import keep_freed_memory, place
from netdsl.training.epochs import Training
from netdsl.training.failures import as_fault
from netdsl.training.initial.beginning import Beginning, Wanted
from netdsl.training.initial.record import RECORD
from netdsl.training.material import Material
from netdsl.training.network import TrainableNetwork
from netdsl.training.parallel.ranks import ALONE, Ranks
from netdsl.training.progress import Display
from netdsl.training.recipe import resolve_recipe
from netdsl.training.run import CHECKPOINTS, Run, read_run
from netdsl.training.run_folder import (
    claimed_folder,
    gather_facts,
    kept,
    opened_folder,
    read_sources,
    write_beginning,
)
from netdsl.training.run_state import noted_failure
from netdsl.training.setting import Setting
from netdsl.training.signals import Stop, StopSignals
from netdsl.training.tasks import make_task
from netdsl.training.tasks.task import Task
from netdsl.training.validation import hold_out
from netdsl.training.whitening import Whitening


def train(
    network: TrainableNetwork,
    *,
    overrides: Mapping[str, str] | None = None,
    weights: Wanted | None = None,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    device: str | None = None,
    root: str | Path | None = None,
    keeping: Keeping | None = None,
    display: Display | None = None,
    ranks: Ranks = ALONE,
    parallel: str | None = None,
) -> Run:
    """Trains a network and writes its run's folder.

    Args:
        network: the compiled spec.
        overrides: keys of the recipe that the command line replaces, as text: `data`, `epochs`, `seed`, ….
        weights: those to begin with; a run that is resumed has its own.
        out: the run's folder; made if need be, and must be empty.
        resume: the folder of a run to go on with, in the place of `out`.
        device: `cpu`, `cuda`, `cuda:1`, `mps`; the best there is unless given.
        root: the folder that data sets are kept in.
        keeping: when checkpoints are written, and which stay.
        display: where to say what happens.
        ranks: the processes that train it together, of which the first speaks and writes.
        parallel: what each of them has of the network, `ddp` or `fsdp`.

    Raises:
        Faults: the recipe is wrong (1), the command line (2), the data (3), the device or memory (4), a
            checkpoint (5); stopped by a signal (128 and its number). The number is the exit code.
    """
    display = (display or Display()) if ranks.is_first else Display(silent=True)
    overrides, signals = overrides or {}, StopSignals()

    def setting(recipe: Recipe) -> Setting:
        placement = place(device, recipe.precision)
        _check_share(recipe, ranks)
        engine = None if ranks.ranks == 1 else parallel or "ddp"
        kept = keeping or Keeping()
        return Setting(network, recipe, placement, root, kept, display, signals, ranks, engine)

    with signals.watched():
        try:
            if resume is not None:
                folder = read_run(resume).folder
                with ranks.opened(opened_folder(folder)):
                    earlier = read_run(folder)
                    recipe = _resumed_recipe(earlier, network, overrides)
                    _check_beginning(earlier, weights)
                    with noted_failure(folder) if ranks.is_first else nullcontext():
                        return _train(setting(recipe), folder, earlier, None)
            chosen = setting(resolve_recipe(network.train, network.parameters, overrides, network.parts))
            with ranks.opened(claimed_folder(out, network.name)) as folder:
                beginning = ranks.in_turn(lambda: weights.read(network, display.say)) if weights else None
                with noted_failure(folder) if ranks.is_first else nullcontext():
                    return _train(chosen, folder, None, beginning)
        except Stop as stop:
            raise stop.told("nothing was begun that could be kept") from None


def _check_share(recipe: Recipe, ranks: Ranks) -> None:
    """Raises:
    Faults: a batch is too small to be shared, or cannot be; exit code 2.
    """
    if ranks.ranks > 1 and not FITTING[recipe.task.word].can_cut:
        message = f"the loss of the task `{recipe.task.word}` compares all samples of a batch with each other"
        raise fault("task-of-one-process", message, help="train it by one process: `netdsl train …`")
    if recipe.batch < ranks.ranks:
        message = f"a batch of {recipe.batch} is less than one sample for each of {ranks.ranks} processes"
        raise fault("batch-below-processes", message, help=f"train with more: `--batch {ranks.ranks}`")


def _train(setting: Setting, folder: Path, earlier: Run | None, beginning: Beginning | None) -> Run:
    """Finds the data, fits them to the network, and trains to the end."""
    network, recipe, placement, display = (
        setting.network,
        setting.recipe,
        setting.placement,
        setting.display,
    )
    names = recipe.data if earlier is None else (earlier.facts.data,)
    task = make_task(recipe)
    ranks, root = setting.ranks, data_root(setting.root)
    found = ranks.in_turn(lambda: find_data(names, root, display.say, labelled=task.is_labelled))
    if earlier is not None and found.data.fingerprint != earlier.facts.fingerprint:
        message = f"`{found.data.name}` has changed since the run began"
        raise fault("data-changed", message, exit_code=3, help="begin a new run")
    if placement.device.type == "cpu":
        keep_freed_memory()
    try:
        made = ranks.in_turn(lambda: _material(network, recipe, task, found.data, display))
        whitening = ranks.first_s(_whitening(made, earlier) if ranks.is_first else None)
        scale = dataclasses.replace(made.scaling, whitening=whitening)
        material = dataclasses.replace(made, scaling=scale).on(placement.device)
        facts = gather_facts(setting, found, material, task)
        run = Run(folder, recipe, earlier.facts if earlier else facts, ())
        if ranks.is_first:
            record = beginning.record if beginning else None
            write_beginning(run, network, record, None if earlier else whitening)
        _announce(run, setting, has_weights=beginning is not None or earlier is not None)
        training = Training(setting, run, task, material, beginning)
        if beginning is not None:
            display.say(str(beginning))
            training.save()
        return training.run_to_end()
    except Stop as stop:
        raise stop.told(kept(folder)) from None
    except (RuntimeError, MemoryError) as error:
        told = as_fault(error, network, recipe, placement, task.samples)
        if told is None:
            raise
        raise told from error


def _material(network: TrainableNetwork, recipe: Recipe, task: Task, data: Any, display: Display) -> Material:
    """What a network is trained, decided and tested on."""
    if recipe.validate is None:
        return task.material(network, recipe, data, display.say)
    kept, held = hold_out(data, recipe.validate, recipe.seed)
    material = task.material(network, recipe, kept, display.say)
    return dataclasses.replace(material, validation=task.test(network, recipe, held, display.say))


def _whitening(material: Material, earlier: Run | None) -> Whitening | None:
    """What images are whitened by, if they are: fitted when a run begins, and read when it goes on."""
    if earlier is not None:
        return earlier.scaling().whitening
    return material.whitening() if material.whitening is not None else None


def _resumed_recipe(run: Run, network: TrainableNetwork, overrides: Mapping[str, str]) -> Recipe:
    """The run's recipe, with more epochs if asked for; nothing else may change under way."""
    changed = [key for key in overrides if key != "epochs"]
    if changed:
        message = f"a run that is resumed keeps its `{changed[0]}`"
        raise fault(
            "resume-override", message, help=f"leave `{option_of(changed[0])}` out, or begin a new run"
        )
    if dict(network.settings) != run.facts.settings or dict(network.sources) != read_sources(run, network):
        message = f"the spec is not the one that the run `{run.folder}` began with"
        raise fault("resume-other-spec", message, help="begin a new run")
    if "epochs" not in overrides:
        return run.recipe
    return replace(run.recipe, epochs=resolve_recipe(None, {}, overrides).epochs)


def _check_beginning(run: Run, weights: Wanted | None) -> None:
    """A resumed run has the weights it began with, in its first checkpoint; it never reads them anew.

    Raises:
        Faults: others are named (2), or the run was stopped before it kept its own (5).
    """
    if weights is not None:
        message = "a run that is resumed keeps the weights it began with"
        raise fault("resume-override", message, help="leave `--init` out, or begin a new run")
    if (run.folder / RECORD).exists() and not positions(run.folder / CHECKPOINTS):
        message = f"the run `{run.folder}` was stopped before it kept the weights it was to begin with"
        raise fault("missing-checkpoint", message, exit_code=5, help="begin a new run")


def _announce(run: Run, setting: Setting, *, has_weights: bool) -> None:
    """Says what is trained on what, how and where, the fallback so that nobody misses it."""
    facts, recipe, display, placement = run.facts, run.recipe, setting.display, setting.placement
    network = setting.network
    display.say(
        f"{facts.network}: {facts.parameters:,} parameters, {facts.macs:,} multiply-adds for an input of "
        f"{network.spelled_input}"
    )
    for reason in facts.passed_over:
        display.warn(reason)
    held = f"{facts.validation_samples:,} to decide by, " if facts.validation_samples else ""
    counts = f"{facts.train_samples:,} {facts.samples} to train on, {held}{facts.test_samples:,} to test on"
    used = f"{facts.data}: {counts}"
    if facts.passed_over:
        display.warn(f"INSTEAD, THE FALLBACK IS USED: {used}")
    else:
        display.say(used)
    for remark in facts.remarks:
        display.warn(remark)
    if network.train is None:
        display.say("the spec has no `train`: the default recipe is used")
    where = f"on {placement.name}, {placement.precision}, seed {recipe.seed}"
    if setting.engine is not None:
        where = f"by {setting.ranks.ranks} processes ({setting.engine}) {where}"
    epochs = f"{recipe.epochs} epoch{'s' * (recipe.epochs != 1)}"
    display.say(f"{epochs}, {recipe.batch} {facts.samples} a step, {where}")
    for key in ("task", "optimizer", "schedule", "loss"):
        display.say(f"  {key:<10} {getattr(recipe, key)}")
    display.say(f"  prepare    {_chain(recipe.prepare)}\n  augment    {_chain(recipe.augment)}")
    for key in ("validate", "accumulate", "stop_early", "clip", "ema"):
        if getattr(recipe, key) != getattr(Recipe(), key):
            display.say(f"  {key:<10} {getattr(recipe, key)}")
    _announce_parts(run, has_weights, display)
    display.say(f"into {run.folder}")


def _announce_parts(run: Run, has_weights: bool, display: Display) -> None:
    """Says which parts do not learn, or learn at another rate."""
    facts, recipe = run.facts, run.recipe
    if recipe.freeze:
        share = 100 * facts.frozen / facts.parameters
        counts = f"{facts.frozen:,} of {facts.parameters:,} parameters ({share:.1f} %) keep their values"
        display.say(f"  freeze     {', '.join(recipe.freeze)}: {counts}")
        if not has_weights:
            display.warn("what is frozen keeps its random beginning: `--init` names no weights")
    if recipe.rates:
        factors = ", ".join(f"{part} ×{factor:g}" for part, factor in recipe.rates.items())
        display.say(f"  rates      {factors}")


def _chain(uses: Sequence[Use]) -> str:
    return " -> ".join(map(str, uses)) or "none"
