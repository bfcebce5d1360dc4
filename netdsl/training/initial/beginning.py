"""What `--init` names → weights in a module, and a record of them in the run's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from netdsl.diagnostics import Diagnostic, Faults, did_you_mean, fault
from netdsl.training.catalog.learning import INITIALIZATIONS
from netdsl.training.initial.files import SUFFIXES, read_weights_file
from netdsl.training.initial.given import Given, Say, as_given
from netdsl.training.initial.record import write_record
from netdsl.training.initial.runs import run_weights
from netdsl.training.initial.timm_weights import PREFIX as TIMM
from netdsl.training.initial.timm_weights import timm_weights
from netdsl.training.initial.torchvision_weights import PREFIX as TORCHVISION
from netdsl.training.initial.torchvision_weights import torchvision_weights
from netdsl.training.network import Rebuild, TrainableNetwork
from netdsl.training.weights import (
    By,
    Explanation,
    MappingRefused,
    MappingReport,
    copy_weights,
    same_names,
)


def names_weights(text: str) -> bool:
    """Whether `--init` names weights, rather than a word of a recipe, such as `normal(std=0.01)`."""
    word = text.partition("(")[0].strip()
    if word in INITIALIZATIONS or word == "none":
        return False
    return not word.isidentifier() or Path(text).exists()


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """The weights that a training is to begin with, as a person named them."""

    text: str
    """A run's folder, a file, `torchvision:WEIGHTS` or `timm:MODEL`."""
    fresh_head: bool
    """Whether classifiers of another number of classes begin anew."""
    excluding: tuple[str, ...]
    """Layers or parts, of either network, that are left out."""
    rebuild: Rebuild
    """Makes a run's network again."""

    def read(self, network: TrainableNetwork, say: Say) -> Beginning:
        """The weights, once it is certain that they fit the network.

        Raises:
            Faults: they are not named as they should be (2), cannot be had (3), or do not fit (5).
        """
        given = self._read(network, say)
        with torch.device("meta"):
            report = _give(self, given, network.name, network.build())
        _check_values(self.text, given, report)
        return Beginning(self, given, report, network.name)

    def _read(self, network: TrainableNetwork, say: Say) -> Given:
        for prefix in (TORCHVISION, TIMM):
            if self.text == prefix:
                raise _malformed(self.text)
        if self.text.startswith(TORCHVISION):
            return torchvision_weights(self.text.removeprefix(TORCHVISION), network.name, say)
        if self.text.startswith(TIMM):
            return timm_weights(self.text.removeprefix(TIMM), say)
        path = Path(self.text).expanduser()
        if path.is_dir():
            return run_weights(path, self.rebuild, say)
        if path.suffix in SUFFIXES:
            return as_given(read_weights_file(path))
        if path.is_file() or ":" in self.text:
            raise _malformed(self.text)
        message = f"there is no file and no run's folder `{path}`"
        help = f"weights are a run's folder, FILE{SUFFIXES[0]}, FILE.pth, `{TORCHVISION}…` or `{TIMM}…`"
        raise fault("missing-weights", message, exit_code=3, help=help)


def _malformed(text: str) -> Faults:
    prefix, colon, _ = text.partition(":")
    known = (TORCHVISION, TIMM)
    near = did_you_mean(f"{prefix}:", known) if colon and text not in known else None
    help = (
        f"give a run's folder, a file {', '.join(f'`{suffix}`' for suffix in SUFFIXES)}, "
        f"`{TORCHVISION}IMAGENET1K_V1` or `{TIMM}resnet50.a1_in1k`"
    )
    return fault("init-form", f"`{text}` names no weights", help=near or help)


@dataclass(frozen=True, slots=True, eq=False)
class Beginning:
    """Weights that were read, and fit a network."""

    wanted: Wanted
    given: Given
    report: MappingReport
    """What maps onto what."""
    network: str

    def give(self, module: nn.Module) -> None:
        """Sets the weights of the network's module."""
        _give(self.wanted, self.given, self.network, module)

    def __str__(self) -> str:
        """What the network begins with, in a line or a few."""
        report, given = self.report, self.given
        count = f"{len(report.pairs)} of {len(report.pairs) + len(report.new)} layers"
        origin = f"{given.path} (SHA-256 {given.sha256[:8]}…)"
        lines = [f"begins with {self.wanted.text}: {count}, mapped by {report.by}, from {origin}"]
        lines += [f"  new        {', '.join(report.new)}"] if report.new else []
        lines += [f"  not used   {', '.join(report.left)}"] if report.left else []
        lines += [f"  note       {given.note}"] if given.note else []
        return "\n".join(lines)

    def record(self, folder: Path) -> None:
        """Writes down what the network begins with."""
        facts: dict[str, object] = {
            "source": self.wanted.text,
            "file": str(self.given.path.absolute()),
            "sha256": self.given.sha256,
            "mapped_by": self.report.by,
            "layers": len(self.report.pairs),
            "new": self.report.new,
            "not_used": self.report.left,
        }
        write_record(folder, facts)


def _give(wanted: Wanted, given: Given, network: str, module: nn.Module) -> MappingReport:
    """Sets a module's weights.

    Raises:
        Faults: they do not fit, and nothing was set; exit code 5.
    """
    by: By = "structure" if given.is_ordered else "shape"
    if same_names(given.weights, module, excluding=wanted.excluding):
        by = "name"
    try:
        return copy_weights(
            given.weights, module, by=by, excluding=wanted.excluding, fresh_head=wanted.fresh_head
        )
    except MappingRefused as refused:
        raise _refusal(wanted.text, network, refused.explanation, by) from None


def _check_values(text: str, given: Given, report: MappingReport) -> None:
    """torchvision publishes VGG-16 with a classifier of NaN, as a trunk for other networks.

    Raises:
        Faults: a layer that is used holds what is no number; exit code 5.
    """
    tensors = given.weights.state_dict() if isinstance(given.weights, nn.Module) else given.weights
    for pair in report.pairs:
        for name in pair.tensors:
            if not tensors[f"{pair.source}.{name}".lstrip(".")].isfinite().all():
                message = f"`{name}` of `{pair.source}` in `{text}` holds values that are no numbers"
                help = f"do without it: `--init-except {pair.source} --init-except {pair.target}`"
                raise fault("damaged-weights", message, exit_code=5, help=help)


def _refusal(text: str, network: str, explanation: Explanation, by: By) -> Faults:
    what, help = f"the weights of `{text}` do not fit `{network}`", None
    if explanation.other_classes:
        help = "keep the rest, and let these layers begin anew: `--fresh-head`"
    elif explanation.in_the_way:
        options = " ".join(f"--init-except {name}" for name in explanation.in_the_way)
        help = f"do without, if that is what you want: `{options}`"
    if by == "shape":
        what = f"the weights of `{text}` cannot be put in their places in `{network}`"
        help = "name the library that made them (`torchvision:…`, `timm:…`), a run's folder, or a `.pth`"
    diagnostic = Diagnostic(
        code="ambiguous-weights" if explanation.is_ambiguous else "weights-mismatch",
        message=f"{what}: {explanation.problem}",
        span=None,
        notes=_notes(explanation, by),
        help=help,
    )
    return Faults([diagnostic], exit_code=5)


def _notes(explanation: Explanation, by: By) -> tuple[str, ...]:
    context = ("\n".join(explanation.context),) if explanation.context else ()
    if by != "shape":
        return context
    lost = "a safetensors file keeps names but no order of layers, and these names are not the network's"
    return (lost, *context)
