"""A spec's network is its twin's: in figures, in its leaves, in what it computes, in what it learns."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

import netdsl
from netdsl.analysis.report import Report
from netdsl.training.weights import MappingReport, copy_weights
from tests.specs.trial import MERGES, sample, tensors
from tests.specs.twin import SMALLER, Twin
from tests.specs.twins import TWINS, figures, settle, with_random_weights

OUTPUT_TOLERANCE = 1e-5
"""The largest difference allowed between outputs, as a share of the largest value."""
GRADIENT_TOLERANCE = 1e-4
"""The same between the gradients of one parameter."""

LONG = 500_000_000
"""Multiply-adds from which gradients are compared on less."""

REFERENCES = json.loads((Path(__file__).parent / "references.json").read_text("utf-8"))
"""Published figures by network: input, output, parameters, MACs, and the leaves in order of execution.

A leaf is its kind in torch, its output's shape and its parameters."""
WITHOUT_MODULE = {
    "Flatten",
    "Unflatten",
    "KerasFlatten",
    "Rearrange",
    "Sequential",
    "Identity",
    "ConstantPad",
}
"""Kinds that one writer makes a module of and another an expression: they compute nothing."""


class Pair(NamedTuple):
    """A spec's network and its twin, with the same random weights."""

    twin: Twin
    report: Report
    ours: nn.Module
    theirs: nn.Module
    mapping: MappingReport

    def inputs(self, batch: int = 1) -> list[Tensor]:
        return [sample(shape, batch) for shape in self.report.inputs.values()]

    def quick_inputs(self) -> list[Tensor]:
        """A batch of two; where that takes long, at half the size, or if that has other weights, of one."""
        if (self.report.macs or 0) < LONG or self.twin.spec in SMALLER:
            return self.inputs(batch=2)
        halves = {
            name: (shape[0], *(size // 2 for size in shape[1:])) for name, shape in self.report.inputs.items()
        }
        settings = {**self.twin.settings, **{name: list(shape) for name, shape in halves.items()}}
        if netdsl.check(self.twin.spec, **settings).params == self.report.params:
            return [sample(shape, batch=2) for shape in halves.values()]
        return self.inputs(batch=1)


@pytest.fixture(scope="module", params=[twin for twin in TWINS if twin.is_run], ids=str)
def pair(request: pytest.FixtureRequest) -> Pair:
    return make_pair(request.param)


def make_pair(twin: Twin, heads: bool = False) -> Pair:
    """Both networks, ours with the twin's random weights, mapped on by order, kind and shape."""
    report = netdsl.check(twin.spec, **twin.settings)
    theirs = with_random_weights(twin.make)
    if twin.is_settled:
        settle(theirs, [sample(shape, batch=2) for shape in report.inputs.values()])
    ours = without_weights(partial(netdsl.build, twin.spec, heads=heads, **twin.settings))
    mapping = copy_weights(theirs.state_dict() if twin.has_own_kinds else theirs, ours)
    return Pair(twin, report, ours, theirs, mapping)


def without_weights(make: Callable[[], nn.Module]) -> nn.Module:
    """A network whose weights are still to be set, in eval mode."""
    with torch.device("meta"):
        network = make()
    if {name for name, _ in network.named_buffers()} - network.state_dict().keys():
        return make().eval()  # what is computed from arguments, such as which channels to pick, must be there
    return network.to_empty(device="cpu").eval()


def difference(ours: Tensor, theirs: Tensor, scale: float = 0.0) -> float:
    """The largest difference of two tensors, as a share of the largest value or of `scale`."""
    assert ours.shape == theirs.shape
    assert theirs.isfinite().all()
    return float((ours - theirs).abs().max() / max(float(theirs.abs().max()), scale))


def without_dropout(network: nn.Module) -> nn.Module:
    """A network in training whose only chance, what it drops, is taken out."""
    for module in network.modules():
        if type(module).__name__ in ("Dropout", "Dropout2d", "Dropout3d", "StochasticDepth", "DropPath"):
            module.p = 0.0  # type: ignore[assignment]
    return network.train()


def gradients(network: nn.Module, inputs: list[Tensor]) -> dict[str, Tensor]:
    """Every parameter's gradient of a random weighting of what the network gives in training."""
    network.zero_grad()
    generator = torch.Generator().manual_seed(1)
    outputs = tensors(without_dropout(network)(*inputs))
    weighted = [(output * torch.randn(output.shape, generator=generator)).sum() for output in outputs]
    torch.autograd.backward(weighted)
    found = {name: parameter.grad for name, parameter in network.named_parameters()}
    network.zero_grad()
    network.eval()
    return {name: gradient for name, gradient in found.items() if gradient is not None}


def test_large_networks_have_a_smaller_twin() -> None:
    assert all(any(twin.settings == SMALLER[spec] for twin in TWINS if twin.spec == spec) for spec in SMALLER)


@pytest.mark.parametrize("twin", TWINS, ids=str)
def test_figures_are_those_of_the_twin(twin: Twin) -> None:
    """Parameters and MACs are those that torch counts in the reference, to the digit."""
    report = netdsl.check(twin.spec, **twin.settings)
    assert (report.params, report.macs) == figures(twin.make, list(report.inputs.values()))


def test_outputs_are_those_of_the_twin(pair: Pair) -> None:
    inputs = pair.inputs()
    with torch.no_grad():
        ours, theirs = tensors(pair.ours(*inputs)), tensors(pair.theirs(*inputs))
    assert max(difference(a, b) for a, b in zip(ours, theirs, strict=True)) <= OUTPUT_TOLERANCE


def test_gradients_in_training_are_those_of_the_twin(pair: Pair) -> None:
    inputs = pair.quick_inputs()
    ours, theirs = (gradients(network, inputs) for network in (pair.ours, pair.theirs))
    assert ours.keys() == {name for name, _ in pair.ours.named_parameters()}
    # a bias before a batch normalisation has no gradient but rounding
    floor = 1e-3 * max(float(gradient.abs().max()) for gradient in theirs.values())
    for layer in pair.mapping.pairs:
        for name in layer.tensors:
            if (at := f"{layer.target}.{name}".lstrip(".")) in ours:
                expected = theirs[f"{layer.source}.{name}".lstrip(".")]
                assert difference(ours[at], expected, floor) <= GRADIENT_TOLERANCE, at


def test_weights_go_back_to_the_twin(pair: Pair) -> None:
    blank = without_weights(pair.twin.make)
    copy_weights(pair.ours.state_dict() if pair.twin.has_own_kinds else pair.ours, blank)
    given = pair.theirs.state_dict()
    assert all(torch.equal(tensor, given[name]) for name, tensor in blank.state_dict().items())


@pytest.mark.parametrize("twin", [twin for twin in TWINS if twin.leaves], ids=str)
def test_leaves_are_those_published(twin: Twin) -> None:
    """Figures and the whole ordered list of leaves, to the digit."""
    reference = REFERENCES[twin.leaves]
    report = netdsl.check(twin.spec, **twin.settings)
    with torch.device("meta"):
        network = netdsl.build(twin.spec, **twin.settings)
    known = {kind for kind, _, _ in reference["leaves"]}
    leaves = steps(report) if twin.leaves_by_step else single_leaves(report, network, known)
    shapes = [list(shape) for shape in report.inputs.values()]
    assert (shapes[0] if len(shapes) == 1 else shapes) == reference["input"]
    assert (report.params, report.macs) == (reference["params"], reference["macs"])
    first = 1 if twin.leaves_by_step else 0
    assert [leaf[first:] for leaf in leaves if leaf[0] not in WITHOUT_MODULE] == [
        leaf[first:] for leaf in reference["leaves"] if leaf[0] not in WITHOUT_MODULE
    ]


def single_leaves(report: Report, network: nn.Module, known: set[str]) -> list[list[Any]]:
    """Every leaf but for a subsampling by a pooling of single cells, where the reference knows no pooling."""
    found = []
    for node in report.nodes:
        if node.layer not in MERGES.values():
            module = network.get_submodule(node.path)
            kind = type(module).__name__
            if kind in known or "pool" not in node.layer or module.kernel_size != 1:
                found.append([kind, list(node.output), node.params])
    return found


def steps(report: Report) -> list[list[Any]]:
    """Every step of every stage as if it were a leaf: its last layer or merge, its output, its parameters."""
    found = []
    for _, group in groupby(report.nodes, key=lambda node: node.path.split(".")[:2]):
        nodes = list(group)
        found.append([nodes[-1].layer.title(), list(nodes[-1].output), sum(node.params for node in nodes)])
    return found


def test_every_shipped_spec_has_a_twin() -> None:
    assert {twin.spec for twin in TWINS if not twin.settings} == set(netdsl.shipped_specs())


def test_gradients_tell_networks_apart() -> None:
    """The proof that the tests above could fail: one weight is another."""
    made = make_pair(next(twin for twin in TWINS if twin.spec == "lenet5"))
    with torch.no_grad():
        next(made.ours.parameters()).view(-1)[0] += 0.1
        ours, theirs = made.ours(*made.inputs()), made.theirs(*made.inputs())
    assert difference(ours, theirs) > OUTPUT_TOLERANCE
    with pytest.raises(AssertionError):
        test_gradients_in_training_are_those_of_the_twin(made)


def test_hybridsn_has_activations_that_the_article_left_out() -> None:
    without, usual = (make_pair(twin) for twin in TWINS if twin.spec == "hybridsn")
    with torch.no_grad():
        outputs = [made.ours(*made.inputs()) for made in (without, usual)]
    assert difference(*outputs) > OUTPUT_TOLERANCE, "the activations make no difference to this sample"


@pytest.mark.parametrize(
    ("width", "millions_of_macs", "millions_of_params"),
    [(1.0, 569, 4.2), (0.75, 325, 2.6), (0.5, 149, 1.3), (0.25, 41, 0.5)],
)
def test_mobilenetv1_has_the_papers_figures_at_every_width(
    width: float, millions_of_macs: int, millions_of_params: float
) -> None:
    """Howard et al. 2017, table 6."""
    report = netdsl.check("mobilenetv1_224", width=width)
    assert report.params is not None
    assert report.macs is not None
    assert round(report.macs / 1e6) == millions_of_macs
    assert round(report.params / 1e6, 1) == millions_of_params
