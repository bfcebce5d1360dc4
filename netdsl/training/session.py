"""From a spec to a run and back: what the command line and `netdsl.train` call.

Joins the compiler, which knows specs, and the runner, which knows networks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from netdsl.analysis.memory import memory_of
from netdsl.backends.python_source import print_source
from netdsl.backends.torch_module import build_module
from netdsl.compiler import Compilation, compile_spec, network_to_build
from netdsl.diagnostics import Source, fault
from netdsl.graph.parts import parameters_by_part
from netdsl.graph.shapes import Shape
from netdsl.language.syntax import Stages
from netdsl.specs import shipped_folder
from netdsl.training.checkpoint import EVERY_SECONDS, KEEP, Keeping
from netdsl.training.evaluation import Evaluation, Prediction, evaluate, predict
from netdsl.training.initial.beginning import Wanted, names_weights
from netdsl.training.network import Rebuild, TrainableNetwork
from netdsl.training.parallel.start import started
from netdsl.training.porting import Ported, earlier_network, earlier_run, is_run, port
from netdsl.training.run import SPEC, Run
from netdsl.training.runner import train
from netdsl.training.tensorboard import writer_class


def train_spec(
    spec: str | Path,
    *,
    settings: Mapping[str, str] | None = None,
    plugins: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
    init: str | Path | None = None,
    fresh_head: bool = False,
    init_except: Sequence[str] = (),
    out: str | Path | None = None,
    resume: str | Path | None = None,
    device: str | None = None,
    root: str | Path | None = None,
    checkpoint_every: float = EVERY_SECONDS,
    keep: int = KEEP,
    tensorboard: bool = False,
    parallel: str | None = None,
    **recipe: Any,
) -> Run:
    """Trains a spec's network.

    Args:
        spec: a file, or the name of a shipped spec.
        settings: parameters of the spec to replace, as text.
        plugins: modules with layers of the user's own.
        overrides: keys of the recipe to replace, as a spec would write them.
        init: the weights to begin with: a run's folder, a file of weights, `torchvision:WEIGHTS` or
            `timm:MODEL`; or how they are drawn, as a recipe says it: `xavier`.
        fresh_head: whether layers that differ in nothing but rows, as classifiers of other classes do, begin
            anew instead.
        init_except: layers or parts, of the weights' network or of this one, that take no part.
        out: the run's folder; a new one below `runs/` unless given.
        resume: the folder of a run to go on with.
        device: `cpu`, `cuda`, `cuda:1` or `mps`; the best there is unless given.
        root: the folder that data sets are kept in.
        checkpoint_every: seconds from checkpoint to checkpoint within an epoch; one is at its end always.
        keep: how many of the latest checkpoints stay, besides the best.
        tensorboard: whether files for TensorBoard are written into the run's folder.
        parallel: how several processes that a launcher has started share the work: `ddp`, unless given, or
            `fsdp`.
        **recipe: the same as `overrides`: `data="digits"`, `epochs=3`.

    Raises:
        Faults: something is not as it should be; `exit_code` says what.
    """
    if tensorboard:
        writer_class()  # a missing library is told before anything is made
    with started(device, parallel) as (ranks, own_device):
        network = trainable(compile_spec(spec, settings, plugins), settings or {})
        replaced = {**(overrides or {}), **recipe} | ({} if init is None else {"init": init})
        words = {name: str(value) for name, value in replaced.items() if value is not None}
        return train(
            network,
            weights=_wanted(words, fresh_head, init_except, plugins),
            overrides=words,
            out=out,
            resume=resume,
            device=own_device,
            root=root,
            keeping=Keeping(checkpoint_every, keep, tensorboard),
            ranks=ranks,
            parallel=parallel,
        )


def _wanted(
    words: dict[str, str], fresh_head: bool, init_except: Sequence[str], plugins: Sequence[str]
) -> Wanted | None:
    """The weights that `init` names, which is then no word of the recipe.

    Raises:
        Faults: something is said of weights, and none are named; exit code 2.
    """
    if names_weights(words.get("init", "none")):
        return Wanted(words.pop("init"), fresh_head, tuple(init_except), _rebuilding(plugins))
    if fresh_head or init_except:
        option = "--fresh-head" if fresh_head else "--init-except"
        help = "name them: `--init torchvision:IMAGENET1K_V1`"
        raise fault("init-form", f"`{option}` speaks of weights, and `--init` names none", help=help)
    return None


def evaluate_run(
    folder: str | Path,
    *,
    data: str | None = None,
    device: str | None = None,
    root: str | Path | None = None,
    plugins: Sequence[str] = (),
) -> Evaluation:
    """Measures a run's network on test data.

    Raises:
        Faults: the run, the data or the device is at fault.
    """
    return evaluate(folder, _rebuilding(plugins), data=data, device=device, root=root)


def predict_images(
    folder: str | Path,
    images: Sequence[str | Path],
    *,
    top: int = 3,
    device: str | None = None,
    plugins: Sequence[str] = (),
) -> tuple[Prediction, ...]:
    """What a run's network sees in images.

    Raises:
        Faults: the run, an image or the device is at fault.
    """
    return predict(folder, _rebuilding(plugins), images, top=top, device=device)


def port_weights(
    before: str | Path,
    after: str | Path,
    weights: str | Path | None = None,
    *,
    settings: Mapping[str, str] | None = None,
    settings_before: Mapping[str, str] | None = None,
    renamed: Mapping[str, str] | None = None,
    plugins: Sequence[str] = (),
    say: Callable[[str], None] = print,
) -> Ported:
    """Carries trained weights over to an edited spec.

    Args:
        before: the folder of a run, or the spec that `weights` belong to.
        after: the edited spec: a file, or the name of a shipped one.
        weights: those of `before`, named as for `init`; a run has its own.
        settings: parameters of the edited spec to replace, as text.
        settings_before: the same of the spec before; a run has its own.
        renamed: parts or layers of the network before, each with its name in the edited one.
        plugins: modules with layers of the user's own.
        say: told what a person should know.

    Raises:
        Faults: a spec is wrong (1), the command line (2), weights are missing (3) or do not fit (5).
    """
    rebuild = _rebuilding(plugins)
    if is_run(before):
        if weights is not None or settings_before:
            message = f"`{before}` is a run, which has its own weights and settings"
            raise fault("command-line", message, help="leave the others out, or name a spec in its place")
        earlier = earlier_run(Path(before), rebuild, say)
    else:
        network = trainable(compile_spec(before, settings_before, plugins), settings_before or {})
        if weights is None:
            help = "name a run's folder in its place, or a file of weights behind the two specs"
            raise fault("command-line", f"`{before}` is a spec: which weights are meant?", help=help)
        earlier = earlier_network(network, str(weights), rebuild, say)
    edited = trainable(compile_spec(after, settings, plugins), settings or {})
    return port(earlier, edited, renamed or {})


def _rebuilding(plugins: Sequence[str]) -> Rebuild:
    """What makes a run's network again; layers of the user's own come from the modules named anew."""

    def rebuild(spec: Path, settings: Mapping[str, str]) -> TrainableNetwork:
        return trainable(compile_spec(spec, settings, plugins), settings)

    return rebuild


def trainable(compilation: Compilation, settings: Mapping[str, str]) -> TrainableNetwork:
    """A compiled spec as the runner knows it.

    Raises:
        Faults: the spec is wrong.
    """
    network = network_to_build(compilation)
    assert compilation.spec is not None
    net, inputs = compilation.spec.net, network.graph.inputs
    return TrainableNetwork(
        name=network.name,
        sources=_sources(compilation),
        settings=settings,
        parameters=compilation.parameters,
        train=compilation.spec.train,
        input=_sizes(inputs[0]),
        named_inputs={}
        if len(inputs) == 1
        else dict(zip(network.input_names, map(_sizes, inputs), strict=True)),
        output=_sizes(network.graph.output),
        kept_outputs={head.name: _sizes(head.node.output) for head in network.heads if head.keep},
        parameter_count=network.costs.params,
        macs=network.costs.macs,
        head_weights={head.name: head.weight for head in network.heads},
        emitted=print_source(network),
        stages=tuple(stage.name for stage in net.items) if isinstance(net, Stages) else (),
        parts=lambda: parameters_by_part(network),
        build=lambda: build_module(network, heads=True),
        memory=lambda precision, states, device: memory_of(network, precision, states, device),
    )


def _sizes(shape: Shape) -> tuple[int, ...]:
    return tuple(int(size) for size in shape.sizes)


def _sources(compilation: Compilation) -> dict[str, str]:
    """The texts that make the network again, as they lie beside each other in a run's folder."""
    first, *extended = compilation.sources
    folder = Path(first.name).resolve().parent
    return {SPEC: first.text} | {_below(source, folder): source.text for source in extended}


def _below(source: Source, folder: Path) -> str:
    path = Path(source.name).resolve()
    if path.is_relative_to(folder):
        return str(path.relative_to(folder))
    return str(path.relative_to(shipped_folder().resolve()))
