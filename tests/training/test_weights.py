"""Weights by structure: mapped where two networks are the same, refused where they differ, saying where."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn

from netdsl.training.weights import MappingRefused, copy_weights, map_by_structure


class Renamed(nn.Module):
    """ResNet-18 under other names, built of torchvision's blocks in the same order."""

    def __init__(self) -> None:
        super().__init__()
        made = torchvision.models.resnet18(num_classes=7)
        self.stem = nn.Sequential(OrderedDict(first=made.conv1, norm=made.bn1))
        self.pool = made.maxpool
        self.body = nn.ModuleList([made.layer1, made.layer2, made.layer3, made.layer4])
        self.head = made.fc

    def forward(self, images: Tensor) -> Tensor:
        features = self.pool(self.stem(images).relu())
        for stage in self.body:
            features = stage(features)
        logits: Tensor = self.head(features.mean((2, 3)))
        return logits


@pytest.mark.parametrize("as_state", [False, True])
def test_the_same_network_under_other_names_computes_the_same(as_state: bool) -> None:
    source, target = torchvision.models.resnet18(num_classes=7), Renamed()
    with torch.no_grad():
        for buffer in source.buffers():
            buffer.add_(1)
    images = torch.randn(2, 3, 64, 64)

    report = copy_weights(source.state_dict() if as_state else source, target)

    assert report.fits
    assert torch.allclose(source.eval()(images), target.eval()(images), atol=1e-6)


def test_the_report_names_what_maps_onto_what() -> None:
    report = map_by_structure(torchvision.models.resnet18(num_classes=7), Renamed())

    assert [(pair.source, pair.target, pair.kind) for pair in report.pairs[:2]] == [
        ("conv1", "stem.first", "Conv2d"),
        ("bn1", "stem.norm", "BatchNorm2d"),
    ]
    assert (report.pairs[-1].source, report.pairs[-1].target) == ("fc", "head")


def chain(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(*layers)


REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "another shape": (
        lambda: chain(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Linear(9, 4)),
        "layer 3: `weight` of `2` is (5, 9), of `2` it is (4, 9)",
    ),
    "another kind": (
        lambda: chain(nn.Conv2d(3, 8, 3), nn.GroupNorm(1, 8), nn.Linear(9, 5)),
        "layer 2: `1` is BatchNorm2d, `1` is GroupNorm",
    ),
    "no bias": (
        lambda: chain(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.Linear(9, 5)),
        "layer 1: `0` has a `bias`, which `0` has not",
    ),
    "no running figures": (
        lambda: chain(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, track_running_stats=False), nn.Linear(9, 5)),
        "layer 2: `1` has a `running_mean`, which `1` has not",
    ),
    "a layer more": (
        lambda: chain(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Linear(9, 5), nn.Linear(5, 5)),
        "the source has 3 layers with weights, the target 4: `3` (Linear) has no counterpart in the source",
    ),
    "a layer less": (
        lambda: chain(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)),
        "the source has 3 layers with weights, the target 2: `2` (Linear) has no counterpart in the target",
    ),
}


@pytest.mark.parametrize("difference", REFUSED)
def test_a_difference_is_refused_with_its_place_and_nothing_is_copied(difference: str) -> None:
    make, problem = REFUSED[difference]
    source, target = chain(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Linear(9, 5)), make()
    before = {name: tensor.clone() for name, tensor in target.state_dict().items()}

    with pytest.raises(MappingRefused) as refused:
        copy_weights(source, target)

    assert str(refused.value) == problem == map_by_structure(source, target).problem
    assert all(torch.equal(tensor, before[name]) for name, tensor in target.state_dict().items())


def test_layers_without_weights_do_not_count() -> None:
    source = chain(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Dropout(), nn.Linear(8, 2))
    target = chain(nn.Conv2d(3, 8, 3), nn.Linear(8, 2))

    assert map_by_structure(source, target).fits


def test_a_shared_layer_is_mapped_once() -> None:
    def siamese() -> nn.Module:
        shared = nn.Linear(3, 3)
        return chain(shared, nn.ReLU(), shared, nn.Linear(3, 1))

    assert len(map_by_structure(siamese(), siamese()).pairs) == 2
