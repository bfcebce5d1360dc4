"""Every method works on every shipped classifier, without a layer being named.

On the device `meta`, where nothing is computed but shapes, all of them are asked where their maps are; on the
processor, one of each family answers by every method, and in the long run each that is small.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from netdsl import shipped_specs
from netdsl.backends.torch_module import build_module
from netdsl.compiler import compile_spec, network_of
from netdsl.graph.graph import Network
from netdsl.insight.capture import captured, part_of
from netdsl.insight.catalog import read_methods
from netdsl.insight.explain import FUNCTIONS
from netdsl.insight.landmarks import classifier, first_convolution, last_spatial_place
from tests.insight.subjects import question, shipped
from tests.long import in_part
from tests.training.networks import fault_of

FAMILIES = (
    "convnet_pattern",
    "lenet1_1990",
    "lenet5_1998",
    "lenet_pm",
    "mobilenetv2",
    "nin",
    "preact_resnet18",
    "resnet18_d2l",
    "resnet20",
    "se_resnet18",
    "shufflenet_v2",
    "squeezenet1_1",
)
"""Small ones, with sigmoids and rectifiers, with global pooling and without."""
CHEAP = (
    "gradcam, gradcam++, smoothgradcam++(samples=1), saliency, guided, deconvnet, filters(count=2), "
    "features(count=2)"
)
SMALL = 500_000_000
"""Multiply-adds up to which a network is asked on the processor."""


@cache
def network(name: str) -> Network:
    return network_of(compile_spec(name, {}, (), to_print=False))


def is_classifier(name: str) -> bool:
    """Whether a spec takes one image and gives a score for each class."""
    graph = network(name).graph
    return len(graph.inputs) == 1 and graph.inputs[0].rank == 3 and graph.output.rank == 1


CLASSIFIERS = [name for name in shipped_specs() if is_classifier(name)]
WITHOUT_MAPS = ("mlp", "mlp1")
ASKED = [n for n in CLASSIFIERS if n not in WITHOUT_MAPS and network(n).costs.macs <= SMALL]


def test_the_shipped_classifiers_are_many() -> None:
    """The tests below are not empty."""
    assert len(CLASSIFIERS) > 70
    assert set(FAMILIES) <= set(CLASSIFIERS)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_maps_are_found_in_every_classifier(name: str) -> None:
    """Of several cells, on which the scores depend; a classifier behind them has as many weights."""
    place = last_spatial_place(network(name))
    if name in WITHOUT_MAPS:
        assert place is None
        return
    assert place is not None
    with torch.device("meta"):
        module = build_module(network_of(compile_spec(name, {}, ()))).eval().requires_grad_(False)
        image = torch.zeros(1, *network(name).graph.inputs[0].sizes)
    with captured(module, place) as found:
        output = module(image)
    end = classifier(network(name))

    assert found.maps.shape[2] * found.maps.shape[3] > 1
    assert found.gradient(output).shape == found.maps.shape
    assert first_convolution(network(name)) is not None
    if end is not None and end.weights is not None:
        weights = part_of(module, end.weights).get_parameter("weight").flatten(1)
        with captured(module, end.features) as averaged:
            module(image)
        assert weights.shape == (output.shape[1], averaged.maps.shape[1])


@pytest.mark.parametrize("name", in_part(ASKED, FAMILIES))
def test_every_method_answers(name: str) -> None:
    """For the class that is predicted, with finite figures of the kind of the method."""
    subject = shipped(name)
    with torch.no_grad():
        predicted = int(subject.scores(question(subject).picture.input).argmax())
    asked = question(subject, class_number=predicted)
    methods = read_methods(CHEAP + ", cam" * (classifier(asked.subject.network) is not None))
    for method in methods:
        answer = FUNCTIONS[method.word](asked, **method.options)
        assert np.isfinite(answer.values).all()
        ranks = {"heat": 2, "colour": 3, "tiles": 4}
        assert answer.values.ndim == ranks[answer.kind]
        if method.word in ("saliency", "features", "filters"):
            assert answer.values.std() > 0


def test_a_network_without_maps_is_told_what_it_can_be_asked() -> None:
    """Its pixels matter all the same."""
    asked = question(shipped("mlp"), class_number=0)

    assert FUNCTIONS["saliency"](asked).values.shape == (28, 28)
    for word in ("gradcam", "scorecam", "deconvnet", "features"):
        assert fault_of(lambda word=word: FUNCTIONS[word](asked)) == ("layer-not-spatial", 2)  # type: ignore[misc]


@pytest.mark.parametrize("name", ["dncnn", "unet", "dscmr", "hybridsn"])
def test_what_classifies_no_images_is_refused(name: str) -> None:
    """Pictures, two inputs, windows of a scene: each with a diagnostic of its own."""
    codes = {
        "dncnn": "output-not-classes",
        "unet": "output-not-classes",
        "dscmr": "several-inputs-data",
        "hybridsn": "input-not-image",
    }
    assert fault_of(lambda: shipped(name)) == (codes[name], 1)
