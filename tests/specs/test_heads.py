"""Networks that have further classifiers in training give there what their twins do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import netdsl
from netdsl.training.weights import copy_weights
from tests.specs.plain.inceptions import WITH_AUXILIARIES
from tests.specs.test_twins import OUTPUT_TOLERANCE, REFERENCES, difference, without_dropout
from tests.specs.trial import sample
from tests.specs.twins import with_random_weights


@pytest.mark.parametrize(("spec", "make"), WITH_AUXILIARIES.items(), ids=WITH_AUXILIARIES)
def test_heads_in_training_give_what_the_twins_do(spec: str, make: Callable[[], nn.Module]) -> None:
    theirs = with_random_weights(make)
    # others register auxiliary classifiers where they hang, netdsl every head behind the net
    weights = sorted(theirs.state_dict().items(), key=lambda item: item[0].lower().startswith("aux"))
    with torch.device("meta"):
        ours = netdsl.build(spec, heads=True)
    copy_weights(dict(weights), ours.to_empty(device="cpu"))
    [shape] = netdsl.check(spec).inputs.values()
    with torch.no_grad():
        given = without_dropout(ours)(sample(shape, batch=2))
        expected = in_order(without_dropout(theirs)(sample(shape, batch=2)))
    assert list(given) == ["output", *(head.name for head in netdsl.check(spec).heads)]
    differences = [difference(a, b) for a, b in zip(given.values(), expected, strict=True)]
    assert max(differences) <= OUTPUT_TOLERANCE


def in_order(outputs: Any) -> list[Tensor]:
    """The network's own output, then the heads' in the order in which they hang on it."""
    if not hasattr(outputs, "_asdict"):
        return list(outputs)
    named = outputs._asdict()  # torchvision's GoogLeNet names the later classifier first
    return [named.pop("logits"), *(output for _, output in sorted(named.items()))]


@pytest.mark.parametrize("spec", ["googlenet", "googlenet_2014"])
def test_googlenet_weighs_its_auxiliary_losses_as_the_paper(spec: str) -> None:
    """Szegedy et al. 2014, section 5: at 4a and 4d, weighted by 0.3, discarded after training."""
    heads = [(head.at, head.weight, head.keep) for head in netdsl.check(spec).heads]
    assert heads == [("inception4a", 0.3, False), ("inception4d", 0.3, False)]


def test_parameters_with_heads_are_those_published() -> None:
    with torch.device("meta"):
        network = netdsl.build("googlenet_2014", heads=True)
    params = sum(parameter.numel() for parameter in network.parameters())
    assert params == REFERENCES["googlenet_paper_aux"]["params"]
