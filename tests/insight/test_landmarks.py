"""Where explanations look is what the graph says, and what the built module does."""

from pathlib import Path

import pytest
import torch

from netdsl.insight.capture import captured, entering
from netdsl.insight.landmarks import (
    Place,
    classifier,
    first_convolution,
    last_spatial_place,
    probabilities_path,
)
from tests.insight.subjects import DEEP, question, shipped, written
from tests.training.networks import fault_of, faults_of

NET = "name: n\ninput: [3, 12, 12]\nnet:\n"


@pytest.mark.parametrize(
    ("name", "place", "weights"),
    [
        ("resnet18", "body.3.basic2.0.relu2", "head.linear1"),
        ("resnet34", "body.3.basic2.1.relu2", "head.linear1"),
        ("densenet121", "block4.relu1", "head.linear1"),
        ("googlenet", "inception5b", "head.linear1"),
        ("inception_v3", "mixed7.inception_e1.1", "head.linear1"),
        ("mobilenetv1", "layers.8.act2", "head.linear1"),
        ("efficientnet_b0", "stage9.silu1", "stage9.linear1"),
        ("squeezenet1_1", "conv10.relu1", None),
    ],
)
def test_the_end_of_networks_with_global_pooling(name: str, place: str, weights: str | None) -> None:
    """What is pooled, and what weighs it; in the last, the maps are the classes' own."""
    network = shipped(name).network
    end = classifier(network)

    assert end is not None
    assert (end.features, end.weights) == (Place(place), weights)
    assert last_spatial_place(network) == Place(place)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("vgg16", "stage5.conv_relu1.2.relu1"),
        ("alexnet", "conv5.relu1"),
        ("zfnet", "conv5.relu1"),
        ("lenet5", "c3.act1"),
        ("mobilenetv3_large", "last.hardswish1"),
    ],
)
def test_the_end_of_networks_without(name: str, place: str) -> None:
    """The last maps before they are pooled; more than one layer lies behind them."""
    network = shipped(name).network

    assert classifier(network) is None
    assert last_spatial_place(network) == Place(place)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (
            "  conv1: conv(4, 3)\n  sum: conv(4, 1) + id\n  head: global_avgpool -> flatten -> linear(2)\n",
            "sum",
        ),
        (
            "  all: conv(4, 3) -> id + conv(4, 1) -> global_avgpool -> flatten -> linear(2)\n",
            "all.global_avgpool1",
        ),
        (
            "  all: concat(conv(n, 3) for n in (2, 3)) -> global_avgpool -> flatten -> linear(2)\n",
            "all.global_avgpool1",
        ),
        ("  all: conv(4, 3)*3 -> avgpool(6) -> flatten -> dropout -> linear(2) -> softmax\n", "all.conv1.2"),
    ],
)
def test_merges_and_repeats_are_found(body: str, place: str, tmp_path: Path) -> None:
    """A sum that no module ends in is what enters the next; the module really holds what is pooled."""
    subject = written(NET + body, tmp_path)
    end, found = classifier(subject.network), last_spatial_place(subject.network)
    assert end is not None
    assert found is not None
    assert end.features == found
    assert (found.path, found.enters) == (place, place.endswith("pool1"))
    image = torch.rand(1, 3, 12, 12)
    pool = next(n for n, m in subject.module.named_modules() if "Pool" in type(m).__name__)
    with torch.no_grad(), captured(subject.module, found) as held, entering(subject.module, pool) as pooled:
        subject.module(image)
    assert torch.equal(held.maps, pooled[0])


@pytest.mark.parametrize(
    "end",
    [
        "avgpool(5) -> flatten -> linear(2)",
        "avgpool(9, padding=4, stride=9) -> flatten -> linear(2)",
        "global_maxpool -> flatten -> linear(2)",
        "global_avgpool -> flatten -> relu -> linear(2)",
        "flatten -> linear(2)",
        "global_avgpool -> flatten -> (linear(2) + linear(2))",
    ],
)
def test_what_is_no_mean_and_one_linear_is_no_such_end(end: str, tmp_path: Path) -> None:
    """Windows that miss cells or reach over the border, other pooling, and anything in between."""
    assert classifier(written(f"{NET}  all: conv(4, 4) -> {end}\n", tmp_path).network) is None


def test_a_network_without_maps_has_no_such_place(tmp_path: Path) -> None:
    """And a method that looks at one says so."""
    subject = written(f"{NET}  all: flatten -> linear(4) -> linear(2)\n", tmp_path)

    assert last_spatial_place(subject.network) is None
    assert first_convolution(subject.network) is None
    assert fault_of(lambda: question(subject).place) == ("layer-not-spatial", 2)


def test_scores_are_those_before_a_softmax(tmp_path: Path) -> None:
    """Whatever the network ends in."""
    with_softmax = written(
        f"{NET}  all: conv(4, 3) -> global_avgpool -> flatten -> linear(3) -> softmax\n", tmp_path
    )
    assert probabilities_path(with_softmax.network) == "all.softmax1"
    image = torch.rand(2, 3, 12, 12)
    scores, given = with_softmax.scores(image), with_softmax.module(image)

    assert torch.allclose(scores.softmax(dim=1), given)
    assert not torch.allclose(scores, given)
    assert torch.allclose(with_softmax.probabilities(image), given)


def test_a_layer_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    """The nearest is offered; one that has no maps, or takes no part, is another fault."""
    subject = written(DEEP, tmp_path)
    (unknown,), code = faults_of(lambda: run(subject, "body.conv2.relu"))
    assert (unknown.code, code) == ("unknown-layer-path", 2)
    assert unknown.help == "did you mean `body.conv2.relu1`?"
    assert fault_of(lambda: run(subject, "head.linear1")) == ("layer-not-spatial", 2)


def run(subject: object, path: str) -> None:
    """Looks at a layer."""
    asked = question(subject, layer=path)  # type: ignore[arg-type]
    with captured(asked.subject.module, asked.place) as found:
        asked.score(asked.picture.input)
    found.gradient(found.maps.sum())


def test_a_score_that_does_not_depend_on_a_layer_is_a_fault(tmp_path: Path) -> None:
    """A head that only training uses never runs."""
    subject = written(DEEP, tmp_path)
    asked = question(subject, layer="body.conv1.relu1")
    with captured(subject.module, asked.place) as found:
        asked.score(asked.picture.input)
    elsewhere = torch.ones(1, requires_grad=True)
    assert fault_of(lambda: found.gradient(elsewhere)) == ("layer-unused", 2)
    with captured(subject.module, asked.place) as never:
        pass
    assert fault_of(lambda: never.maps) == ("layer-unused", 2)
