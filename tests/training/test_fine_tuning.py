"""Parts that keep their weights, parts that learn at other rates, and weight decay of weights alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import netdsl
from netdsl.compiler import compile_spec, network_of
from netdsl.diagnostics import Faults
from netdsl.graph.parts import parameters_by_part
from netdsl.training.choices import Use
from netdsl.training.fine_tuning import frozen_parameters, rate_of
from netdsl.training.optimization import make_optimizer
from netdsl.training.parameters import freeze, train_but_for
from netdsl.training.recipe import check_recipe, resolve_recipe
from netdsl.training.run import Run
from netdsl.training.session import trainable
from netdsl.training.trained import load_trained
from tests.training.networks import section

SPEC = """
name: small
input: [1, 8, 8]
blocks:
  cb(c): conv(c, 3, padding=1) -> batchnorm -> relu
net:
  stem: cb(4) -> dropout(0.2)
  body: cb(4)*2 -> maxpool(2)
  head: flatten -> linear(10)
train: {data: digits, batch: 128, epochs: 2, optimizer: "sgd(lr=0.125, momentum=0.5, weight_decay=0.01)"}
"""
PARTS = {"stem": 20, "body": 40, "body.0": 20, "body.1": 20, "head": 10}


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(SPEC)
    return "small.yaml"


def trained(spec: str, out: str, **recipe: object) -> dict[str, torch.Tensor]:
    """The weights that a training ends with."""
    return weights(netdsl.train(spec, out=out, device="cpu", **recipe))


def weights(run: Run) -> dict[str, torch.Tensor]:
    def rebuild(path: Path, settings: object) -> object:
        return trainable(compile_spec(path), {})

    return load_trained(run.folder, rebuild, "cpu", print).module.state_dict()  # type: ignore[arg-type]


def optimizer_of(text: str) -> Use:
    return resolve_recipe(section(f"optimizer: {text}"), {}, {}).optimizer


def beginning(spec: str) -> dict[str, torch.Tensor]:
    """The weights of a file that trainings begin with."""
    state = netdsl.build(spec).state_dict()
    for tensor in state.values():
        tensor.add_(torch.rand(tensor.shape).to(tensor.dtype))
    torch.save(state, "begin.pth")
    return state


def test_what_is_frozen_keeps_its_bits_and_all_else_learns(spec: str) -> None:
    """Running figures of normalisations and their counters included."""
    before = beginning(spec)

    after = trained(spec, "run", init="begin.pth", freeze="stem,body.cb1.0")

    frozen = [name for name in before if name.startswith(("stem.", "body.cb1.0."))]
    assert len(frozen) == 14
    assert all(torch.equal(after[name], before[name]) for name in frozen)
    assert not any(torch.equal(after[name], before[name]) for name in before.keys() - {*frozen})


def test_frozen_parts_have_no_place_in_the_optimizer_and_the_rest_trains_as_ever() -> None:
    module = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(), nn.Conv2d(2, 2, 3), nn.BatchNorm2d(2)
    )
    freeze(module, ["0", "1", "2"])
    train_but_for(module, ["0", "1", "2"])

    optimizer = make_optimizer(optimizer_of("sgd(lr=1)"), module)

    learning = [p for group in optimizer.param_groups for p in group["params"]]
    assert {id(p) for p in learning} == {
        id(p) for layer in (module[3], module[4]) for p in layer.parameters()
    }
    assert [layer.training for layer in module] == [True, False, True, True, True]


@pytest.mark.parametrize("word", ["sgd(lr=0.5, momentum=0.9)", "adamw(lr=0.5)", "rmsprop(lr=0.5)"])
def test_rates_are_those_of_torch_s_own_groups(word: str) -> None:
    ours, theirs = (nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3)) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    use = optimizer_of(word)
    optimizer = make_optimizer(use, ours, {"0": 0.1, "1": 2.0})
    for group in optimizer.param_groups:
        group["lr"] = group["factor"] * 0.5
    groups: list[dict[str, Any]] = [
        {"params": theirs[0].parameters(), "lr": 0.05},
        {"params": theirs[1].parameters(), "lr": 1.0},
        {"params": theirs[2].parameters()},
    ]
    fused = {name: optimizer.defaults[name] for name in ("fused",) if name in optimizer.defaults}
    made = type(optimizer)(groups, **use.arguments, **fused)

    for _ in range(3):
        inputs = torch.randn(5, 3)
        for module, one in ((ours, optimizer), (theirs, made)):
            one.zero_grad()
            module(inputs).square().sum().backward()
            one.step()

    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


def test_a_training_s_rates_multiply_its_schedule(spec: str) -> None:
    """A quarter of the rate for every part is a quarter of the optimizer's, to the bit."""
    quarter = trained(spec, "a", rates="stem=0.25,body=0.25,head=0.25")
    direct = trained(spec, "b", optimizer="sgd(lr=0.03125, momentum=0.5, weight_decay=0.01)")
    whole = trained(spec, "c")

    assert all(torch.equal(quarter[name], direct[name]) for name in direct)
    assert not torch.equal(whole["head.linear1.weight"], direct["head.linear1.weight"])


def test_decay_of_weights_alone_leaves_out_what_has_one_axis() -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(2, 2))
    optimizer = make_optimizer(optimizer_of("sgd(lr=1, weight_decay=0.5)"), module, decay="weights")

    decays = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert {name: decays[id(p)] for name, p in module.named_parameters()} == {
        "0.weight": 0.5, "0.bias": 0.0, "1.weight": 0.0, "1.bias": 0.0, "2.weight": 0.5, "2.bias": 0.0,
    }  # fmt: skip


def test_a_run_that_is_resumed_has_the_bits_of_an_undisturbed_one(spec: str) -> None:
    beginning(spec)
    choices: dict[str, object] = {
        "init": "begin.pth",
        "freeze": "stem",
        "rates": "body=0.5",
        "decay": "weights",
    }
    undisturbed = trained(spec, "whole", **choices)
    netdsl.train(spec, out="half", epochs=1, schedule="constant", device="cpu", **choices)
    half = trained(spec, "other", schedule="constant", **choices)

    resumed = weights(netdsl.train(spec, resume="half", epochs=2, device="cpu"))

    assert all(torch.equal(resumed[name], half[name]) for name in half)
    assert not torch.equal(undisturbed["head.linear1.weight"], half["head.linear1.weight"])


def test_what_is_frozen_is_said_and_recorded(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = netdsl.train(spec, out="run", epochs=1, freeze="stem,body", rates="head=2", device="cpu")

    said = capsys.readouterr().out
    assert "  freeze     stem, body: 360 of 1,010 parameters (35.6 %) keep their values\n" in said
    assert "what is frozen keeps its random beginning: `--init` names no weights" in said
    assert "  rates      head ×2\n" in said
    assert (run.recipe.freeze, run.recipe.rates, run.facts.frozen) == (("stem", "body"), {"head": 2.0}, 360)


def test_a_resumed_run_keeps_what_it_froze(spec: str) -> None:
    netdsl.train(spec, out="run", epochs=1, device="cpu")

    with pytest.raises(Faults) as refused:
        netdsl.train(spec, resume="run", freeze="stem", device="cpu")
    assert refused.value.diagnostics[0].code == "resume-override"


@pytest.mark.parametrize(
    ("text", "freeze", "rates"),
    [
        ("freeze: stem", ("stem",), {}),
        ("freeze: stem, body", ("stem", "body"), {}),
        ("freeze: [stem, body.0]", ("stem", "body.0"), {}),
        ("freeze: none", (), {}),
        ("rates: {body: 0.1, head: 2}", (), {"body": 0.1, "head": 2.0}),
        ("rates: body=0.1, body.0=1e-2", (), {"body": 0.1, "body.0": 0.01}),
        ("rates: none", (), {}),
    ],
)
def test_parts_are_written_one_by_one_or_as_a_list(
    text: str, freeze: tuple[str, ...], rates: dict[str, float]
) -> None:
    recipe = resolve_recipe(section(text), {}, {}, lambda: PARTS)

    assert (recipe.freeze, recipe.rates) == (freeze, rates)
    assert type(recipe).from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize(
    ("text", "code", "help"),
    [
        ("freeze: stme", "unknown-part", "did you mean `stem`?"),
        ("freeze: pool", "unknown-part", "the outermost are stem, body, head"),
        ("freeze: {stem: 1}", "recipe-value", "write a stage's name"),
        ("freeze: [[stem]]", "recipe-value", "write a stage's name"),
        ("freeze: stem,,body", "recipe-value", "write a stage's name"),
        ("freeze: [head, stem, body]", "nothing-to-train", "leave out what is to learn"),
        ("freeze: [head, stem, body.0, body.1]", "nothing-to-train", "leave out what is to learn"),
        ("rates: {haed: 2}", "unknown-part", "did you mean `head`?"),
        ("rates: {head: 0}", "recipe-value", "write `{body: 0.1}`"),
        ("rates: {head: fast}", "recipe-value", "write `{body: 0.1}`"),
        ("rates: {head: inf}", "recipe-value", "write `{body: 0.1}`"),
        ("rates: [head]", "recipe-value", "write `{body: 0.1}`"),
        ("rates: head", "recipe-value", "write `{body: 0.1}`"),
        ("freeze: body\nrates: {body.0: 2}", "recipe-arguments", "leave it out of one"),
        ("decay: biases", "unknown-decay", "write `all` or `weights`"),
    ],
)
def test_what_is_wrong_with_parts_is_told_without_torch(text: str, code: str, help: str) -> None:
    found = list(check_recipe(section(text), {}, lambda: PARTS))

    assert [diagnostic.code for diagnostic in found] == [code]
    assert found[0].span is not None
    assert (found[0].help or "").startswith(help)


def test_nested_parts_count_once_and_the_innermost_says_the_rate() -> None:
    assert frozen_parameters(["body", "body.0", "stem"], PARTS) == 60
    assert rate_of("body.0.conv1.weight", {"body": 0.1, "body.0": 3.0}) == 3.0
    assert rate_of("body.01.conv1.weight", {"body": 0.1, "body.0": 3.0}) == 0.1
    assert rate_of("stem.weight", {"body": 0.1}) == 1.0


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "dscmr", "densenet121", "lenet5"])
def test_parts_are_the_modules_with_their_parameters(name: str) -> None:
    """As torch counts them, heads and shared modules included."""
    module = netdsl.build(name, heads=True)

    parts = parameters_by_part(network_of(compile_spec(name)))

    assert parts == {
        path: count
        for path, part in module.named_modules()
        if path and (count := sum(p.numel() for p in part.parameters()))
    }
