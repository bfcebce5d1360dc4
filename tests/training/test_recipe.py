"""Recipes: what is written is what is read, and what is wrong is said where it stands."""

from __future__ import annotations

import json

import pytest

from netdsl.training.choices import Recipe, Use
from netdsl.training.recipe import check_recipe, resolve_recipe
from tests.training.networks import fault_of, faults_of, section

WHOLE = """
task: classify
data: [cifar10, digits]
prepare: resize(32) -> normalize(mean, std)
augment: random_crop(32, padding=4) -> hflip
batch: 2**7
epochs: n * 10
optimizer: sgd(lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=true)
schedule: cosine(warmup=1)
loss: cross_entropy(label_smoothing=0.1)
init: kaiming
seed: 7
precision: fp32
workers: 2
validate: 0.1
accumulate: 4
stop_early: 5
clip: 1
ema: 0.99
compile: true
"""


def test_a_recipe_says_every_choice() -> None:
    """Numbers may be computed from the spec's parameters; arguments left out have torch's defaults."""
    recipe = resolve_recipe(section(WHOLE), {"n": 3}, {})

    assert recipe == Recipe(
        task=Use("classify", {}),
        data=("cifar10", "digits"),
        prepare=(
            Use("resize", {"size": 32, "interpolation": "bilinear"}),
            Use("normalize", {"mean": "mean", "std": "std", "per": "channel"}),
        ),
        augment=(
            Use("random_crop", {"size": 32, "padding": 4, "padding_mode": "constant"}),
            Use("hflip", {"p": 0.5}),
        ),
        batch=128,
        epochs=30,
        optimizer=Use(
            "sgd", {"lr": 0.1, "momentum": 0.9, "dampening": 0, "weight_decay": 5e-4, "nesterov": True}
        ),
        schedule=Use("cosine", {"warmup": 1, "minimum": 0}),
        loss=Use("cross_entropy", {"label_smoothing": 0.1}),
        init=Use("kaiming", {}),
        seed=7,
        precision="fp32",
        workers=2,
        validate=0.1,
        accumulate=4,
        stop_early=5,
        clip=1,
        ema=0.99,
        compile="true",
    )


def test_a_spec_without_a_recipe_has_the_default_one() -> None:
    assert resolve_recipe(None, {}, {}) == Recipe()
    assert list(check_recipe(None, {})) == []


def test_the_command_line_replaces_keys() -> None:
    recipe = resolve_recipe(
        section("data: cifar10\nepochs: 90"), {}, {"epochs": "3", "data": "folder:my/cats"}
    )

    assert (recipe.epochs, recipe.data) == (3, ("folder:my/cats",))


@pytest.mark.parametrize(
    "text",
    [
        "augment: none",
        "init: none",
        "workers: auto",
        "prepare: none",
        "clip: none\nema: none\nvalidate: none\nstop_early: none",
    ],
)
def test_a_key_may_say_none(text: str) -> None:
    assert list(check_recipe(section(text), {})) == []


def test_a_chain_may_be_a_list() -> None:
    one, other = section("augment: [hflip, vflip]"), section("augment: hflip -> vflip")

    assert resolve_recipe(one, {}, {}) == resolve_recipe(other, {}, {})


@pytest.mark.parametrize(
    "text",
    [
        "",
        WHOLE,
        "task: binary(threshold=0.3)",
        "augment: none\nprepare: normalize([0.5], [0.25])\nschedule: step(30)",
    ],
)
def test_a_recipe_survives_its_json(text: str) -> None:
    recipe = resolve_recipe(section(text), {"n": 1}, {})

    assert Recipe.from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"batch": 64', '"batch": 0'),
        ('"batch": 64', '"batch": "64"'),
        ('"batch"', '"bathc"'),
        ('"word": "adamw"', '"word": "adamx"'),
        ('"lr": 0.001', '"lr": -1'),
        ('"lr": 0.001', '"rl": 0.001'),
        ('"precision": "auto"', '"precision": "fp8"'),
        ('"lr": 0.001', '"lr": 0.001, "speed": 1'),
        ('"warmup": 1', '"warmup": [1]'),
        ('"compile": "auto"', '"compile": "yes"'),
        ('"ema": null', '"ema": 1'),
        ('"accumulate": 1', '"accumulate": null'),
        ("{", "["),
    ],
)
def test_a_damaged_recipe_of_a_run_is_told(old: str, new: str) -> None:
    text = Recipe().to_json()
    assert old in text

    assert fault_of(lambda: Recipe.from_json(text.replace(old, new, 1))) == ("damaged-recipe", 5)


def test_what_an_older_netdsl_did_not_write_has_its_default() -> None:
    """A key of the recipe, and an argument of a word; what has no default is still asked for."""
    recipe = resolve_recipe(section("data: photographs\ntask: denoise(sigma=15)\nschedule: step(2)"), {}, {})
    written = json.loads(recipe.to_json())
    del written["workers"], written["init"], written["task"]["arguments"]["stride"]

    assert Recipe.from_json(json.dumps(written)) == recipe
    del written["schedule"]["arguments"]["every"]
    diagnostics, exit_code = faults_of(lambda: Recipe.from_json(json.dumps(written), "`a/recipe.json`"))
    assert exit_code == 5
    assert diagnostics[0].message == "`a/recipe.json` cannot be read: it lacks `every`"


@pytest.mark.parametrize(
    ("text", "code", "marked", "help"),
    [
        ("epoch: 3", "unknown-recipe-key", "epoch", "did you mean `epochs`?"),
        ("zzz: 3", "unknown-recipe-key", "zzz", "the keys of a recipe are task, data"),
        ("task: clasify", "unknown-task", "clasify", "did you mean `classify`?"),
        ("task: binary(2)", "argument-range", "2", None),
        ("task: [classify]", "recipe-value", None, "write a name"),
        ("data: cifr10", "unknown-dataset", "cifr10", "did you mean `cifar10`?"),
        ("data: [digits, mnits]", "unknown-dataset", "mnits", "did you mean `mnist`?"),
        ("data: 'folder:'", "unknown-dataset", "'folder:'", "the data sets are digits"),
        ("data: {a: 1}", "recipe-value", "{a: 1}", "write a name"),
        ("precision: fp16", "unknown-precision", "fp16", "did you mean `bf16`?"),
        ("precision: [fp32]", "unknown-precision", "[fp32]", "write `auto`"),
        ("compile: max", "unknown-compiling", "max", "write `auto`, `true` or `false`"),
        ("batch: 0", "recipe-value", "0", None),
        ("clip: 0", "recipe-value", "0", "write a number such as `clip: 0.5`"),
        ("ema: 1", "recipe-value", "1", None),
        ("ema: 0.3", "recipe-value", "0.3", None),
        ("accumulate: none", "recipe-value", "none", "write a number such as `accumulate: 1`"),
        ("validate: 1", "recipe-value", "1", None),
        ("stop_early: 3", "recipe-keys", "3", "keep a share of the training data for that"),
        ("batch: 8\naccumulate: 9", "recipe-keys", "9", "write a number up to 8"),
        ("task: hyperspectral\nvalidate: 0.1", "recipe-keys", "0.1", "leave `validate` out"),
        ("task: retrieve\naccumulate: 2", "recipe-keys", "2", "leave `accumulate` out"),
        ("task: retrieve\nvalidate: 0.2", "recipe-keys", "0.2", "leave `validate` out"),
        ("batch: 1.5", "recipe-value", "1.5", None),
        ("batch: [1, 2]", "recipe-value", "[1, 2]", None),
        ("epochs: -1", "recipe-value", "-1", None),
        ("epochs: m", "unknown-name", "m", "a recipe's values are numbers"),
        ("seed: true", "recipe-value", "true", None),
        ("epochs:", "missing-value", None, "write its value"),
        ("optimizer: sdg(lr=0.1)", "unknown-optimizer", "sdg", "did you mean `sgd`?"),
        ("optimizer: 3", "recipe-value", "3", "write a name with its arguments, such as `sgd(lr=0.001)`"),
        ("optimizer: sgd(rl=0.1)", "unknown-argument", "rl=0.1", "its arguments are lr, momentum"),
        ("optimizer: sgd(lr=-0.1)", "argument-range", "lr=-0.1", None),
        ("optimizer: sgd(lr=fast)", "unknown-name", "fast", "a recipe's values are numbers"),
        ("optimizer: sgd(0.1, lr=0.2)", "repeated-argument", "lr=0.2", "keep one of the two"),
        ("optimizer: sgd(lr=0.1, lr=0.2)", "repeated-argument", "lr=0.2", "keep one of the two"),
        ("optimizer: adam(betas=0.9)", "argument-type", "betas=0.9", None),
        ("optimizer: adam(betas=[0.9, 1])", "argument-range", "betas=[0.9, 1]", None),
        ("optimizer: adam(0.1, [0.9, 0.99], 0, 0, true, 1)", "surplus-argument", "1", "write `adam(lr"),
        ("optimizer: sgd(nesterov=true)", "recipe-arguments", "sgd(nesterov=true)", "write `sgd(lr=0.1"),
        ("schedule: cosin", "unknown-schedule", "cosin", "did you mean `cosine`?"),
        ("schedule: step", "missing-argument", "step", "write `step(every)`"),
        ("schedule: multistep(at=[0])", "argument-range", "at=[0]", None),
        ("loss: hinge", "unknown-loss", "hinge", "there are cross_entropy"),
        ("loss: cross_entropy(label_smoothing=2)", "argument-range", "label_smoothing=2", None),
        ("init: xavierr", "unknown-initialization", "xavierr", "did you mean `xavier`?"),
        ("augment: hflipp", "unknown-transform", "hflipp", "did you mean `hflip`?"),
        ("augment: resize(32)", "transform-place", "resize", "move it to `prepare`"),
        ("prepare: hflip", "transform-place", "hflip", "move it to `augment`"),
        ("prepare: normalize -> resize(3)", "normalize-not-last", "normalize", "put it at the end"),
        (
            "prepare: whiten -> normalize",
            "whiten-not-last",
            "whiten",
            "put it at the end, behind",
        ),
        ("prepare: whiten -> whiten", "whiten-not-last", "whiten", "put it at the end"),
        ("prepare: normalize -> whitn", "unknown-transform", "whitn", "did you mean `whiten`?"),
        ("prepare: whiten(epsilon=0)", "argument-range", "epsilon=0", None),
        ("prepare: whiten('svd')", "argument-range", "'svd'", None),
        ("task: denoise\nprepare: whiten", "word-of-other-task", "whiten", "for `denoise`"),
        ("prepare: resize(0)", "argument-range", "0", None),
        ("prepare: resize([1, 2, 3])", "argument-type", "[1, 2, 3]", None),
        ("prepare: normalize([0.5], [0])", "argument-range", "[0]", None),
        (
            "prepare: normalize([0.5], [0.1, 0.1])",
            "recipe-arguments",
            "normalize([0.5], [0.1, 0.1])",
            "give one",
        ),
        ("augment: scale([1.2, 0.8])", "argument-range", "[1.2, 0.8]", None),
        ("augment: random_crop(32, padding_mode='mirror')", "argument-range", "padding_mode='mirror'", None),
        ("loss: binary_cross_entropy", "word-of-other-task", "binary_cross_entropy", "for `classify`"),
        ("task: binary\nloss: cross_entropy", "word-of-other-task", "cross_entropy", "for `binary`, `loss`"),
        ("augment: hflip | vflip", "recipe-value", "hflip | vflip", "write a name"),
    ],
)
def test_a_fault_is_named_where_it_stands(text: str, code: str, marked: str | None, help: str | None) -> None:
    found = list(check_recipe(section(text), {"n": 3}))

    assert [diagnostic.code for diagnostic in found] == [code]
    (diagnostic,) = found
    assert diagnostic.span is not None
    if marked is not None:
        assert diagnostic.span.text == marked
    assert (diagnostic.help or "").startswith(help or "")


def test_all_faults_are_named_in_one_run() -> None:
    text = (
        "epoch: 3\nbatch: 0\naugment: hflipp -> rotate -> zoom(2)\noptimizer: sgd(lr=-1, nope=3)\ntask: sing"
    )

    codes = [diagnostic.code for diagnostic in check_recipe(section(text), {})]

    assert codes == [
        "unknown-recipe-key",
        "recipe-value",
        "unknown-transform",
        "missing-argument",
        "unknown-transform",
        "argument-range",
        "unknown-argument",
        "unknown-task",
    ]


def test_the_spec_s_own_fault_and_the_command_line_s_have_different_exit_codes() -> None:
    _, of_spec = faults_of(lambda: resolve_recipe(section("batch: 0"), {}, {}))
    found, of_command = faults_of(lambda: resolve_recipe(section("batch: 1"), {}, {"epochs": "0"}))

    assert (of_spec, of_command) == (1, 2)
    assert found[0].span is not None
    assert found[0].span.source.name == "--epochs"


def test_a_task_follows_from_the_data_and_the_loss_from_the_task() -> None:
    assert resolve_recipe(section("data: ichallenge_pm"), {}, {}).task.word == "binary"
    assert resolve_recipe(section("data: ichallenge_pm"), {}, {}).loss.word == "binary_cross_entropy"
    assert resolve_recipe(section("task: binary"), {}, {}).data == ("ichallenge_pm",)
    assert resolve_recipe(section("data: ichallenge_pm\ntask: classify"), {}, {}).loss.word == "cross_entropy"


def test_what_does_not_fit_the_command_line_s_task_is_the_command_line_s_fault() -> None:
    found, exit_code = faults_of(
        lambda: resolve_recipe(section("loss: cross_entropy"), {}, {"task": "binary"})
    )

    assert ([d.code for d in found], exit_code) == (["word-of-other-task"], 2)
