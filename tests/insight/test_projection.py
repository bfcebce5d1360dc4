"""Deconvnet against one written by hand, guided backpropagation and saliency against captum."""

from collections.abc import Iterator
from pathlib import Path

import captum.attr
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from netdsl.insight.capture import captured
from netdsl.insight.deconvnet import deconvnet
from netdsl.insight.landmarks import Place
from netdsl.insight.projection import projected, rectified
from netdsl.insight.saliency import guided, saliency
from tests.insight.subjects import DEEP, SMALL, question, shipped, written
from tests.training.networks import fault_of

X = torch.tensor([[1.0, 2, 5, 3], [4, 0, 1, 2], [7, 8, 0, 1], [6, 5, 2, 9]])[None, None]
MAX_UNPOOLED = [[0, 0, 5, 0], [4, 0, 0, 0], [0, 8, 0, 0], [0, 0, 0, 9]]
AVERAGE_UNPOOLED = [[1.75, 1.75, 2.75, 2.75]] * 2 + [[6.5, 6.5, 3.0, 3.0]] * 2


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        (nn.MaxPool2d(2), MAX_UNPOOLED),
        (nn.AvgPool2d(2), AVERAGE_UNPOOLED),
        (nn.AdaptiveAvgPool2d(2), AVERAGE_UNPOOLED),
    ],
)
def test_unpooling_puts_values_where_they_came_from(pool: nn.Module, expected: list[list[float]]) -> None:
    """Maxima to their switches, zeros elsewhere; means to each cell they are of."""
    module, image = nn.Sequential(pool), X.clone().requires_grad_()
    with rectified(module, "deconvnet"), captured(module, Place("0"), cut=False) as found:
        module(image)

    assert projected(found.value, found.value.detach(), image)[0, 0].tolist() == expected


def layers_up_to(module: nn.Module, path: str) -> Iterator[nn.Module]:
    """The leaves of a network without branches, in order, up to one."""
    for name, part in module.named_modules():
        if not list(part.children()):
            yield part
            if name == path:
                return


def by_hand(module: nn.Module, path: str, image: torch.Tensor) -> torch.Tensor:
    """Zeiler & Fergus 2013, section 2.1, layer by layer: forward with switches, back without gradients."""
    forward = []
    value = image
    for layer in layers_up_to(module, path):
        switches = None
        if isinstance(layer, nn.MaxPool2d):
            switches = F.max_pool2d(
                value,
                layer.kernel_size,
                layer.stride,
                layer.padding,
                ceil_mode=layer.ceil_mode,
                return_indices=True,
            )[1]
        forward.append((layer, value.shape, switches))
        value = layer(value)
    seed = torch.zeros_like(value)
    place = np.unravel_index(int(value.argmax()), tuple(value.shape))
    seed[place] = value[place]
    for layer, shape, switches in reversed(forward):
        match layer:
            case nn.ReLU():
                seed = seed.clamp(min=0)
            case nn.MaxPool2d():
                assert switches is not None
                flat = torch.zeros(shape).flatten(2)
                seed = flat.scatter_add(2, switches.flatten(2), seed.flatten(2)).view(shape)
            case nn.Conv2d(weight=weight, stride=stride, padding=(down, across)):
                reach = F.conv_transpose2d(seed, weight, None, stride, (down, across)).shape
                rest = (shape[2] - reach[2], shape[3] - reach[3])
                seed = F.conv_transpose2d(seed, weight, None, stride, (down, across), rest)
            case _:
                assert isinstance(layer, nn.LocalResponseNorm), "the only other layer here"
    return seed


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("alexnet", "conv5.relu1"),
        ("alexnet", "conv2.conv1"),
        ("zfnet", "conv5.relu1"),
        ("zfnet", "conv3.relu1"),
        ("vgg11", "stage5.conv_relu1.1.relu1"),
    ],
)
def test_deconvnet_equals_one_written_by_hand(name: str, path: str) -> None:
    """Overlapping pools, strides that leave a rest and contrast normalisation included."""
    asked = question(shipped(name), layer=path)
    with torch.no_grad():
        expected = by_hand(asked.subject.module, path, asked.picture.input)[0].numpy()
    found = deconvnet(asked)

    assert np.abs(expected).max() > 0
    assert np.abs(found.values - expected).max() <= 1e-5 * np.abs(expected).max()


def test_a_map_that_is_named_is_projected(tmp_path: Path) -> None:
    """Alone; all its activations or the strongest; one that is not there is a fault."""
    asked = question(written(DEEP, tmp_path))
    strongest, whole = deconvnet(asked, map=3), deconvnet(asked, map=3, keep="all")

    assert strongest.note == "map 3"
    reached = [(np.abs(e.values) > 0).any(axis=0).sum() for e in (strongest, whole)]
    assert reached[0] <= 10 * 10  # a cell of the layer sees at most 8 by 8 of the image, at its border less
    assert reached[1] > reached[0]
    assert fault_of(lambda: deconvnet(asked, map=12)) == ("unknown-map", 2)


@pytest.mark.parametrize("text", [SMALL, DEEP])
def test_saliency_equals_captums(text: str, tmp_path: Path) -> None:
    """The largest amount among the channels."""
    asked = question(written(text, tmp_path))
    image = asked.picture.input.clone().requires_grad_()
    theirs = captum.attr.Saliency(asked.subject.module).attribute(image, target=1)

    assert saliency(asked).values == pytest.approx(theirs[0].amax(dim=0).detach().numpy(), rel=1e-5)


@pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU activations")
def test_guided_backpropagation_equals_captums(tmp_path: Path) -> None:
    """Rectified on both ways."""
    asked = question(written(DEEP, tmp_path))
    image = asked.picture.input.clone().requires_grad_()
    theirs = captum.attr.GuidedBackprop(asked.subject.module).attribute(image, target=1)[0].detach().numpy()

    assert np.abs(theirs).max() > 0
    assert guided(asked).values == pytest.approx(theirs, rel=1e-4, abs=1e-7)


def test_the_network_is_as_it_was(tmp_path: Path) -> None:
    """No rule and no hook outlives its context."""
    asked = question(written(DEEP, tmp_path))
    before = saliency(asked).values
    guided(asked)
    deconvnet(asked)

    assert np.array_equal(saliency(asked).values, before)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in asked.subject.module.modules())
