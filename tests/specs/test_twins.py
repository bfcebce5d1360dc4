"""Given a reference network's weights, a spec's network computes what the reference does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import netdsl
from netdsl.training.weights import copy_weights
from tests.specs import articles
from tests.specs.trial import sample
from tests.specs.twins import TIMM, TWINS, figures, torchvision_model, with_random_weights

TOLERANCE = 1e-5
"""The largest difference allowed, as a share of the largest value."""


def difference(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference between two outputs, as a share of the largest value."""
    assert ours.shape == theirs.shape
    assert theirs.isfinite().all()
    return float((ours - theirs).abs().max() / theirs.abs().max())


def with_weights_of(
    source: nn.Module | Mapping[str, Tensor], spec: str, heads: bool = False, **settings: Any
) -> nn.Module:
    """A spec's network with another's weights, mapped on by order, kind and shape."""
    with torch.device("meta"):
        network = netdsl.build(spec, heads=heads, **settings)
    network.to_empty(device="cpu")
    copy_weights(source, network)
    return network


@pytest.mark.parametrize("spec", TWINS)
def test_outputs_are_those_of_the_twin(spec: str) -> None:
    twin = with_random_weights(TWINS[spec])
    # timm's layers are its own subclasses of torch's, so their kinds say nothing
    network = with_weights_of(twin.state_dict() if spec in TIMM else twin, spec).eval()
    input = netdsl.check(spec).input
    assert isinstance(input, tuple)
    with torch.no_grad():
        ours, theirs = network(sample(input)), twin(sample(input))
    assert difference(ours, theirs) <= TOLERANCE


def test_googlenet_in_training_gives_what_torchvision_does_with_its_auxiliary_classifiers() -> None:
    twin = with_random_weights(partial(torchvision_model, "googlenet", aux_logits=True, init_weights=False))
    # torchvision registers the auxiliary classifiers before the last layer, netdsl every head behind the net
    in_our_order = dict(sorted(twin.state_dict().items(), key=lambda item: item[0].startswith("aux")))
    network = with_weights_of(in_our_order, "googlenet", heads=True)
    for module in [*twin.modules(), *network.modules()]:
        if isinstance(module, nn.Dropout):
            module.p = 0
    with torch.no_grad():
        theirs = twin.train()(sample((3, 224, 224), batch=2))
        ours = network.train()(sample((3, 224, 224), batch=2))
    assert set(ours) == {"output", "aux1", "aux2"}
    assert difference(ours["output"], theirs.logits) <= TOLERANCE
    assert difference(ours["aux1"], theirs.aux_logits1) <= TOLERANCE
    assert difference(ours["aux2"], theirs.aux_logits2) <= TOLERANCE
    assert sum(p.numel() for p in network.parameters()) == sum(p.numel() for p in twin.parameters())


def test_googlenet_weighs_its_auxiliary_losses_as_the_paper() -> None:
    """Szegedy et al. 2014, section 5: at 4a and 4d, weighted by 0.3, discarded after training."""
    heads = [(head.at, head.weight, head.keep) for head in netdsl.check("googlenet").heads]
    assert heads == [("inception4a", 0.3, False), ("inception4d", 0.3, False)]


def test_hybridsn_without_hidden_activations_is_the_articles() -> None:
    twin = with_random_weights(partial(articles.HybridSN, has_hidden_relu=False))
    network = with_weights_of(twin, "hybridsn", act="id").eval()
    with torch.no_grad():
        output = twin(sample((1, 30, 25, 25)))
        assert difference(network(sample((1, 30, 25, 25))), output) <= TOLERANCE
        usual = with_weights_of(twin, "hybridsn").eval()(sample((1, 30, 25, 25)))
        assert difference(usual, output) > TOLERANCE, "the activations make no difference to this sample"


FAMILIES: list[tuple[str, dict[str, Any], Callable[[], nn.Module]]] = [
    ("densenet121", {"depths": [6, 12, 36, 24], "growth": 48}, partial(torchvision_model, "densenet161")),
    ("mobilenetv2_224", {"width": 0.35}, partial(torchvision_model, "mobilenet_v2", width_mult=0.35)),
    ("mobilenetv2_224", {"width": 1.4}, partial(torchvision_model, "mobilenet_v2", width_mult=1.4)),
    ("resnet18", {"classes": 10}, partial(torchvision_model, "resnet18", num_classes=10)),
]


@pytest.mark.parametrize(("spec", "settings", "make"), FAMILIES)
def test_parameters_reach_the_rest_of_the_family(
    spec: str, settings: dict[str, Any], make: Callable[[], nn.Module]
) -> None:
    report = netdsl.check(spec, **settings)
    assert isinstance(report.input, tuple)
    assert (report.params, report.macs) == figures(make, report.input)


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
