"""Weights by structure: mapped where two networks are the same, refused where they differ, saying where."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn

import netdsl
from netdsl.training.weights import MappingRefused, copy_weights, map_by_structure, map_weights


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
        "the source has 3 layers with weights, the target 4: `3` without counterpart in the source",
    ),
    "a layer less": (
        lambda: chain(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)),
        "the source has 3 layers with weights, the target 2: `2` without counterpart in the target",
    ),
}


@pytest.mark.parametrize("difference", REFUSED)
def test_a_difference_is_refused_with_its_place_and_nothing_is_copied(difference: str) -> None:
    make, problem = REFUSED[difference]
    source, target = chain(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Linear(9, 5)), make()
    before = {name: tensor.clone() for name, tensor in target.state_dict().items()}

    with pytest.raises(MappingRefused) as refused:
        copy_weights(source, target)

    assert refused.value.report == map_by_structure(source, target)
    assert refused.value.report.problem == problem
    assert str(refused.value).splitlines()[0] == problem
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


def test_it_is_public() -> None:
    assert netdsl.weights.copy_weights is copy_weights
    with pytest.raises(AttributeError, match="module `netdsl` has no attribute `weight`"):
        netdsl.weight  # noqa: B018


# The report of a refusal


def test_the_first_difference_is_told_in_context() -> None:
    """What stands before it, what meets what, and how far the networks agree."""
    source = chain(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 4, 1))
    target = chain(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 5), nn.Conv2d(8, 4, 1))

    assert str(map_by_structure(source, target)).splitlines() == [
        "layer 3: `weight` of `2` is (8, 8, 3, 3), of `2` it is (8, 8, 5, 5)",
        "1  `0` Conv2d 8×3×3×3 + bias  fits    `0` Conv2d 8×3×3×3 + bias",
        "2  `1` BatchNorm2d 8          fits    `1` BatchNorm2d 8",
        "3  `2` Conv2d 8×8×3×3 + bias  is not  `2` Conv2d 8×8×5×5 + bias",
        "4  `3` Conv2d 4×8×1×1 + bias  fits    `3` Conv2d 4×8×1×1 + bias",
        "of 4 layers, the first 2 fit, and 1 behind the difference at their places",
    ]


def test_another_number_of_classes_is_recognised() -> None:
    source, target = torchvision.models.resnet18(), torchvision.models.resnet18(num_classes=5)

    report = map_by_structure(source, target)

    assert report.explanation is not None
    assert report.explanation.other_classes == ("fc",)
    assert str(report).splitlines()[-1] == (
        "40 of 41 layers fit; only `fc` differs, and only in rows: "
        "another number of classes (1000 there, 5 here)"
    )


def test_another_width_is_not_taken_for_another_number_of_classes() -> None:
    """Rows differ in the first layer, columns in the second."""
    report = map_by_structure(
        chain(nn.Linear(4, 8), nn.Linear(8, 5)),
        chain(nn.Linear(4, 9), nn.Linear(9, 5)),
    )

    assert report.explanation is not None
    assert report.explanation.other_classes == ()


def test_a_fresh_head_is_left_as_it_is_and_the_rest_copied() -> None:
    source, target = torchvision.models.resnet18(), torchvision.models.resnet18(num_classes=5)
    before = target.fc.weight.clone()

    report = copy_weights(source, target, fresh_head=True)

    assert (len(report.pairs), report.new, report.left) == (40, ("fc",), ("fc",))
    assert torch.equal(target.fc.weight, before)
    assert torch.equal(target.layer4[1].conv2.weight, source.layer4[1].conv2.weight)


def test_a_fresh_head_excuses_nothing_but_rows() -> None:
    source, target = chain(nn.Conv2d(3, 8, 3), nn.Linear(9, 5)), chain(nn.Conv2d(3, 8, 3), nn.Linear(8, 4))

    assert not map_by_structure(source, target, fresh_head=True).fits


def test_a_counter_that_old_files_lack_is_not_missed() -> None:
    """torch counts batches since 0.4.1; files of the time before have no `num_batches_tracked`."""
    source, target = torchvision.models.resnet18(num_classes=7), Renamed()
    old = {name: t for name, t in source.state_dict().items() if not name.endswith("num_batches_tracked")}

    report = copy_weights(old, target)

    assert report.pairs[1].tensors == ("weight", "bias", "running_mean", "running_var")
    assert torch.equal(target.head.weight, source.fc.weight)


def test_kinds_derived_from_torchs_are_torchs() -> None:
    class Same(nn.Conv2d):
        """A convolution with a padding of its own."""

    assert map_by_structure(chain(Same(3, 8, 3)), chain(nn.Conv2d(3, 8, 3))).fits


# Parts in another order


class Trunk(nn.Module):
    """A net with an auxiliary classifier, whose children are registered in any order."""

    def __init__(self, *order: str, aux_classes: int = 4, body: int = 8) -> None:
        super().__init__()
        made = {
            "stem": nn.Conv2d(3, 8, 3),
            "body": nn.Conv2d(8, body, 3),
            "body2": nn.Conv2d(8, body, 3),
            "aux": chain(nn.Conv2d(8, 4, 1), nn.Linear(4, aux_classes)),
            "aux1": nn.Linear(8, 4),
            "fc": nn.Linear(8, 4),
        }
        for name in order:
            self.add_module(name, made[name])


MIDDLE, END = ("stem", "aux", "body", "fc"), ("stem", "body", "fc", "aux")


@pytest.mark.parametrize(("given", "wanted"), [(MIDDLE, END), (END, MIDDLE)])
@pytest.mark.parametrize("as_state", [False, True])
def test_children_may_stand_in_another_order(
    given: tuple[str, ...], wanted: tuple[str, ...], as_state: bool
) -> None:
    source, target = Trunk(*given), Trunk(*wanted)

    copy_weights(source.state_dict() if as_state else source, target)

    theirs = source.state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in target.state_dict().items())


@pytest.mark.parametrize("turned", [False, True])
def test_children_may_be_cut_differently(turned: bool) -> None:
    """What is two children in one network, before and behind the auxiliary one, is one in the other."""

    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = chain(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3), nn.Linear(8, 4))
            self.aux = chain(nn.Conv2d(8, 4, 1), nn.Linear(4, 4))

    one, other = Trunk(*MIDDLE), Cut()
    report = map_by_structure(other, one) if turned else map_by_structure(one, other)

    pairs = {(p.target, p.source) if turned else (p.source, p.target) for p in report.pairs}
    assert pairs == {
        ("stem", "net.0"),
        ("body", "net.1"),
        ("fc", "net.2"),
        ("aux.0", "aux.0"),
        ("aux.1", "aux.1"),
    }


def test_parts_of_the_same_layers_keep_their_order() -> None:
    source, target = Trunk("stem", "aux", "body", "body2"), Trunk("stem", "body", "body2", "aux")

    pairs = {pair.source: pair.target for pair in map_by_structure(source, target).pairs}

    assert (pairs["body"], pairs["body2"]) == ("body", "body2")


def test_what_could_be_put_together_in_two_ways_is_refused() -> None:
    """A part that is as long as two others, of the same layers, could be either side of them."""

    class Doubled(nn.Module):
        def __init__(self, *order: str) -> None:
            super().__init__()
            made = {
                "pair": chain(nn.Linear(4, 4), nn.Linear(4, 4)),
                "one": nn.Linear(4, 4),
                "end": nn.Linear(4, 2),
            }
            for name in order:
                self.add_module(name, made[name])

    source, target = Doubled("end", "pair", "one"), Doubled("one", "pair", "end")

    with pytest.raises(MappingRefused, match="more than one way") as refused:
        copy_weights(source, target)

    assert refused.value.report.explanation is not None
    assert refused.value.report.explanation.is_ambiguous


def test_a_place_that_names_contradict_is_refused() -> None:
    """By order the auxiliary classifier would become the last layer, and by shape it could."""
    with pytest.raises(MappingRefused, match="by its place `aux1` is `fc`, by its name it is `aux1`"):
        copy_weights(Trunk("stem", "aux1", "fc"), Trunk("stem", "fc", "aux1"))


def test_numbers_in_names_contradict_nothing() -> None:
    """They say where a layer stands among all, those without weights included."""
    source = chain(nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 5))

    assert map_by_structure(source, chain(nn.Linear(5, 5), nn.Linear(5, 5), nn.Linear(5, 5))).fits


def test_a_part_that_one_network_is_built_without_is_left_out_only_if_asked_for() -> None:
    source, target = Trunk(*MIDDLE), Trunk("stem", "body", "fc")

    refused = map_by_structure(source, target)
    given = copy_weights(source, target, excluding=["aux"])
    back = map_by_structure(target, source, excluding=["aux"])

    assert refused.explanation is not None
    assert refused.explanation.in_the_way == ("aux",)
    assert refused.problem == (
        "the source has 5 layers with weights, the target 3: `aux` without counterpart in the target"
    )
    assert (given.left, given.new) == (("aux.0", "aux.1"), ())
    assert (back.left, back.new) == ((), ("aux.0", "aux.1"))


def test_a_part_that_neither_network_has_cannot_be_left_out() -> None:
    report = map_by_structure(Trunk(*END), Trunk(*END), excluding=["aux2"])

    assert report.problem == "neither network has a layer or part `aux2`"


def test_inception_v3s_auxiliary_classifier_is_found_among_blocks_that_are_alike() -> None:
    """torchvision registers it in the middle; `Mixed_6c` and `Mixed_6d` have the same layers."""
    with torch.device("meta"):
        source = torchvision.models.inception_v3(init_weights=False)
        target = torchvision.models.inception_v3(init_weights=False)
    moved = target.AuxLogits
    del target.AuxLogits
    target.add_module("Aux", moved)

    for pair in (*map_by_structure(source, target).pairs, *map_by_structure(target, source).pairs):
        assert pair.source.replace("AuxLogits", "Aux") == pair.target.replace("AuxLogits", "Aux")


# By name and by shape


def test_by_name_the_order_is_nothing() -> None:
    source, target = Trunk(*END), Trunk(*MIDDLE)
    shuffled = dict(sorted(source.state_dict().items()))

    report = copy_weights(shuffled, target, by="name")

    assert report.by == "name"
    assert torch.equal(target.get_parameter("fc.weight"), source.get_parameter("fc.weight"))


def test_by_name_shapes_must_fit() -> None:
    report = map_weights(Trunk(*END, aux_classes=9).state_dict(), Trunk(*END), by="name")

    assert report.explanation is not None
    assert report.explanation.other_classes == ("aux.1",)


def test_names_that_one_network_alone_has_are_told() -> None:
    report = map_weights(Trunk("stem", "body"), Trunk("stem", "fc"), by="name")

    assert report.problem == "the source has no `fc`"


def test_by_shape_each_must_be_the_only_one() -> None:
    source, target = chain(nn.Linear(2, 3), nn.Linear(3, 4)), chain(nn.Linear(3, 4), nn.Linear(2, 3))
    twice = chain(nn.Linear(2, 3), nn.Linear(2, 3))

    pairs = map_weights(source, target, by="shape").pairs
    assert [(pair.source, pair.target) for pair in pairs] == [("1", "0"), ("0", "1")]
    ambiguous = map_weights(twice, twice, by="shape").explanation
    assert ambiguous is not None
    assert ambiguous.is_ambiguous
    unmet = map_weights(source, twice, by="shape").problem
    assert unmet == "nothing in the target has the shape of `1` Linear 4×3 + bias"
