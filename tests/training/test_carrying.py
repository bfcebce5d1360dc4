"""Weights carried over to an edited network: what is kept has its bits, and nothing is guessed."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st
from torch import nn

import netdsl
from netdsl.backends.torch_module import build_module
from netdsl.compiler import compile_source, network_of
from netdsl.diagnostics import Source
from netdsl.training.weights.carrying import Carried, CarryingRefused, Doubtful, carry_weights
from netdsl.training.weights.leaves import COUNTER

Stages = dict[str, list[tuple[int, int]]]
"""The stages of a net: of each convolution its channels and its kernel."""


def built(stages: Stages) -> nn.Module:
    """The stages as a network on 16×16, every tensor random, so that no two are equal by chance."""
    lines = [
        f"  {name}: {' -> '.join(f'conv({c}, {k}, padding={k // 2}) -> batchnorm' for c, k in layers)}"
        for name, layers in stages.items()
    ]
    text = "\n".join(
        ["name: drawn", "input: [3, 16, 16]", "net:", *lines, "  head: global_avgpool -> flatten"]
    )
    text += " -> linear(4)\n"
    module = build_module(network_of(compile_source(Source("drawn.yaml", text))))
    for tensor in module.state_dict().values():
        tensor.copy_(torch.rand(tensor.shape) * 100)
    return module


def shapes(module: nn.Module) -> dict[str, dict[str, torch.Size]]:
    """The shapes of every layer's tensors."""
    found: dict[str, dict[str, torch.Size]] = {}
    for key, tensor in module.state_dict().items():
        path, _, name = key.rpartition(".")
        found.setdefault(path, {})[name] = tensor.shape
    return found


def check_bits(before: nn.Module, untouched: nn.Module, after: nn.Module, carried: Carried) -> None:
    """Kept layers have the bits of the network before, new ones those that they had; there are no others."""
    earlier, own, now = (module.state_dict() for module in (before, untouched, after))
    origin = {one.target: one.source for one in carried.kept}
    for key, tensor in now.items():
        path, _, name = key.rpartition(".")
        expected = earlier[f"{origin[path]}.{name}"] if path in origin else own[key]
        assert torch.equal(tensor, expected)
    assert {*origin} | {one.name for one in carried.new} == {*shapes(after)}
    assert {*origin.values()} | {one.name for one in carried.lost} == {*shapes(before)}
    assert len({*origin.values()}) == len(origin) == len(carried.kept)


sizes = st.tuples(st.sampled_from([4, 6, 8]), st.sampled_from([1, 3]))
names = ["stem", "low", "middle", "high", "stage1", "stage2"]
networks = st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True).flatmap(
    lambda chosen: st.fixed_dictionaries({name: st.lists(sizes, min_size=1, max_size=3) for name in chosen})
)


@st.composite
def edits(draw: st.DrawFn, stages: Stages) -> tuple[str, Stages]:
    """A stage put in, taken out or renamed, a layer put in or taken out, a width changed; and which."""
    kind = draw(st.sampled_from(["stage in", "stage out", "renamed", "layer in", "layer out", "width"]))
    edited = copy.deepcopy(stages)
    name = draw(st.sampled_from(list(stages)))
    place = draw(st.integers(0, len(stages[name]) - 1))
    if kind == "stage in":
        items = list(edited.items())
        items.insert(
            draw(st.integers(0, len(items))), ("extra", draw(st.lists(sizes, min_size=1, max_size=2)))
        )
        edited = dict(items)
    elif kind == "stage out" and len(stages) > 1:
        del edited[name]
    elif kind == "renamed":
        edited = {("other" if n == name else n): layers for n, layers in edited.items()}
    elif kind == "layer in":
        edited[name].insert(place, draw(sizes))
    elif kind == "layer out" and len(stages[name]) > 1:
        del edited[name][place]
    else:
        edited[name][place] = draw(sizes)
    return kind, edited


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_is_kept_has_its_bits_and_all_that_keeps_its_path_is_kept(data: st.DataObject) -> None:
    stages = data.draw(networks)
    edited = stages
    kinds = []
    for _ in range(data.draw(st.integers(1, 3))):
        kind, edited = data.draw(edits(edited))
        kinds.append(kind)
    before, after = built(stages), built(edited)
    untouched = copy.deepcopy(after)

    try:
        carried = carry_weights(before, after, stages={*stages} & {*edited})
    except Doubtful:
        event("two ways")
        assert all(torch.equal(t, untouched.state_dict()[n]) for n, t in after.state_dict().items())
        return

    check_bits(before, untouched, after, carried)
    earlier, now = shapes(before), shapes(after)
    by_path = {path for path in now if earlier.get(path) == now[path]}
    kept = {one.target for one in carried.kept if one.source == one.target}
    if kinds.count("width") + 2 * len({"layer in", "layer out"} & {*kinds}) <= 1:
        assert by_path <= kept  # other edits may move the numbers behind them
    has_matrix = {path for path in by_path if len(now[path]["weight"]) > 1}
    assert len(has_matrix) <= sum(len(now[one.target]["weight"]) > 1 for one in carried.kept)
    event(f"{len(carried.kept) - len(kept)} moved")


BEFORE: Stages = {"stem": [(4, 3)], "body": [(6, 3), (6, 3)], "tail": [(8, 1)]}
EDITED: dict[str, tuple[Stages, dict[str, str], set[str], set[str]]] = {
    # the edited network, what moved, what is new, what was lost
    "nothing": (BEFORE, {}, set(), set()),
    "a stage renamed": (
        {"stem": [(4, 3)], "trunk": [(6, 3), (6, 3)], "tail": [(8, 1)]},
        {f"body.{layer}{n}": f"trunk.{layer}{n}" for layer in ("conv", "batchnorm") for n in (1, 2)},
        set(),
        set(),
    ),
    "a stage renamed and made longer": (
        {"stem": [(4, 3)], "trunk": [(6, 3), (6, 3), (6, 3)], "tail": [(8, 1)]},
        {f"body.{layer}{n}": f"trunk.{layer}{n}" for layer in ("conv", "batchnorm") for n in (1, 2)},
        {"trunk.conv3", "trunk.batchnorm3"},
        set(),
    ),
    "a stage put in": (
        {"stem": [(4, 3)], "extra": [(4, 1)], "body": [(6, 3), (6, 3)], "tail": [(8, 1)]},
        {},
        {"extra.conv1", "extra.batchnorm1"},
        set(),
    ),
    "a layer put in before others": (
        {"stem": [(4, 3)], "body": [(4, 5), (6, 3), (6, 3)], "tail": [(8, 1)]},
        {f"body.{layer}{n}": f"body.{layer}{n + 1}" for layer in ("conv", "batchnorm") for n in (1, 2)},
        {"body.conv1", "body.batchnorm1"},
        set(),
    ),
    "a stage made wider": (
        {"stem": [(4, 3)], "body": [(6, 3), (8, 3)], "tail": [(8, 1)]},
        {},
        {"body.conv2", "body.batchnorm2", "tail.conv1"},
        {"body.conv2", "body.batchnorm2", "tail.conv1"},
    ),
    "a width changed, so that normalisations behind others fit": (
        {"stem": [(4, 3)], "body": [(8, 3), (6, 3)], "tail": [(8, 1)]},
        {},
        {"body.conv1", "body.batchnorm1", "body.conv2"},
        {"body.conv1", "body.batchnorm1", "body.conv2"},
    ),
    "a stage taken out": (
        {"stem": [(4, 3)], "body": [(6, 3), (6, 3)]},
        {},
        {"head.linear1"},
        {"tail.conv1", "tail.batchnorm1", "head.linear1"},
    ),
}


@pytest.mark.parametrize("edit", EDITED)
def test_an_edit_changes_what_it_touches(edit: str) -> None:
    edited, moved, new, lost = EDITED[edit]
    before, after = built(BEFORE), built(edited)
    untouched = copy.deepcopy(after)

    carried = carry_weights(before, after)

    check_bits(before, untouched, after, carried)
    assert {one.source: one.target for one in carried.kept if one.source != one.target} == moved
    assert {one.name for one in carried.new} == new
    assert {one.name for one in carried.lost} == lost


def test_two_ways_are_refused_by_name_and_nothing_is_copied() -> None:
    """One stage became one of two that are alike."""
    before = built({"stem": [(4, 3)], "body": [(4, 3)]})
    after = built({"stem": [(4, 3)], "first": [(4, 3)], "second": [(4, 3)]})
    untouched = copy.deepcopy(after).state_dict()

    with pytest.raises(Doubtful, match="`body` could be `first` or `second`"):
        carry_weights(before, after)
    assert all(torch.equal(tensor, untouched[name]) for name, tensor in after.state_dict().items())

    carried = carry_weights(before, after, renamed={"body": "second"})
    assert {one.source: one.target for one in carried.kept if one.source != one.target} == {
        "body.conv1": "second.conv1",
        "body.batchnorm1": "second.batchnorm1",
    }


def test_parts_that_changed_places_under_other_names_are_refused() -> None:
    before = built({"stem": [(4, 3)], "a": [(4, 1)], "b": [(4, 3)]})
    after = built({"stem": [(4, 3)], "c": [(4, 3)], "d": [(4, 1)]})

    with pytest.raises(Doubtful, match="these stand in the other order"):
        carry_weights(before, after)


def test_a_stage_that_was_moved_keeps_its_weights() -> None:
    """Its name says which it is."""
    before = built({"stem": [(4, 3)], "a": [(4, 1)], "b": [(4, 3)]})
    after = built({"stem": [(4, 3)], "b": [(4, 3)], "a": [(4, 1)]})

    carried = carry_weights(before, after)

    assert all(one.source == one.target for one in carried.kept)
    assert not carried.new


def test_a_name_with_a_number_is_a_stage_s_own_where_the_spec_chose_it() -> None:
    """Of a net of named stages `stage2` was changed; of others something was put in before the second."""
    before = built({"stage1": [(4, 3)], "stage2": [(4, 5)]})
    edited: Stages = {"stage1": [(4, 3)], "stage2": [(4, 1)], "stage3": [(4, 5)]}

    chosen = carry_weights(before, built(edited), stages=["stage1", "stage2"])
    counted = carry_weights(before, built(edited))

    assert ("stage2.conv1", "weight was 4×4×5×5, is 4×4×1×1") in [
        (one.name, one.reason) for one in chosen.new
    ]
    assert ("stage2.conv1", "stage3.conv1") in {(one.source, one.target) for one in counted.kept}
    assert ("stage2.conv1", "what was called so is `stage3.conv1`") in [
        (one.name, one.reason) for one in counted.new
    ]


def test_a_chain_that_was_made_a_block_keeps_its_weights() -> None:
    before = nn.ModuleDict({"stem": nn.ModuleDict({"conv1": nn.Conv2d(3, 4, 3), "norm1": nn.BatchNorm2d(4)})})
    block = nn.ModuleDict(
        {"conv1": nn.Conv2d(3, 4, 3), "norm1": nn.BatchNorm2d(4), "conv2": nn.Conv2d(4, 4, 1)}
    )
    after = nn.ModuleDict({"stem": nn.ModuleDict({"block1": block})})

    there = carry_weights(before, after)
    back = carry_weights(after, before)

    assert [(one.source, one.target) for one in there.kept] == [
        ("stem.conv1", "stem.block1.conv1"),
        ("stem.norm1", "stem.block1.norm1"),
    ]
    assert [one.name for one in back.lost] == ["stem.block1.conv2"]


def test_deeper_networks_of_a_family_keep_all_of_the_shallower() -> None:
    """ResNet-18's layers are the first of each stage of ResNet-34's, by the same paths."""
    carried = carry_weights(netdsl.build("resnet18"), netdsl.build("resnet34"))

    assert not carried.lost
    assert all(one.source == one.target for one in carried.kept)
    assert {one.reason for one in carried.new} == {"was not there"}


def test_another_head_is_new_and_says_why() -> None:
    carried = carry_weights(netdsl.build("resnet18"), netdsl.build("resnet18", classes=5))

    assert [(one.name, one.reason) for one in carried.new] == [
        ("head.linear1", "weight was 1000×512, is 5×512")
    ]
    assert carried.new[0].parameters == 5 * 512 + 5


def test_a_renamed_part_that_is_not_there_is_refused() -> None:
    with pytest.raises(CarryingRefused, match="the edited network has no layer or part `tial`"):
        carry_weights(built(BEFORE), built(BEFORE), renamed={"tail": "tial"})


def test_a_batch_normalisation_s_counter_is_carried_too() -> None:
    before, after = built(BEFORE), built(BEFORE)
    carry_weights(before, after)

    assert all(
        torch.equal(after.state_dict()[name], tensor)
        for name, tensor in before.state_dict().items()
        if name.endswith(COUNTER)
    )
