"""Factors → combinations, checked before anything trains."""

from itertools import product
from pathlib import Path

import pytest

from netdsl import Faults, shipped_specs
from netdsl.sweep.plan import Plan, Wish, make_plan, trials_of
from netdsl.sweep.values import read_factors
from tests.sweep.specs import write_specs


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return write_specs(tmp_path_factory.mktemp("specs"))


def plan(spec: str | tuple[str, ...], *words: str, **options: bool | int) -> Plan:
    names = (spec,) if isinstance(spec, str) else spec
    return make_plan(Wish(names, read_factors(words), **options))  # type: ignore[arg-type]


def shown(made: Plan) -> list[tuple[str, ...]]:
    return [tuple(one.values.values()) for one in made.combinations]


def codes(spec: str | tuple[str, ...], *words: str, **options: bool | int) -> list[str]:
    with pytest.raises(Faults) as refused:
        plan(spec, *words, **options)
    return [diagnostic.code for diagnostic in refused.value.diagnostics]


def test_the_grid_is_the_product(specs: tuple[str, str]) -> None:
    """Every value of a factor with every value of the others, in order."""
    made = plan(specs[0], "lr=0.1..0.3:0.1", "width=2,4", "epochs=1")

    assert shown(made) == list(product(("0.1", "0.2", "0.3"), ("2", "4")))
    assert made.fixed == {"spec": specs[0], "epochs": "1"}
    for one in made.combinations:
        recipe, width = one.variant.recipe, int(one.values["width"])
        assert recipe.optimizer.arguments["lr"] == float(one.values["lr"])
        assert recipe.epochs == 1
        assert one.variant.params == (9 * width + width) + (16 * width * 10 + 10)


def test_one_factor_at_a_time_is_about_the_specs_own_values(specs: tuple[str, str]) -> None:
    """The baseline, and one combination for each other value; its own value is not trained twice."""
    made = plan(specs[0], "lr=0.1,0.01", "act=relu,tanh", "batch=32,64", one_at_a_time=True)

    own = {"lr": "0.01", "act": "relu", "batch": "64"}
    assert made.combinations[made.baseline].values == own
    others = [one.values for number, one in enumerate(made.combinations) if number != made.baseline]
    assert others == [own | {"lr": "0.1"}, own | {"act": "tanh"}, own | {"batch": "32"}]
    assert made.factors["lr"] == ("0.1", "0.01")


def test_the_specs_own_value_takes_its_place_among_numbers(specs: tuple[str, str]) -> None:
    """Where it is not listed."""
    made = plan(specs[0], "width=2,8", one_at_a_time=True)

    assert made.factors == {"width": ("2", "4", "8")}


def test_what_comes_to_the_same_is_counted_once(specs: tuple[str, str]) -> None:
    """Numbers by their value, the specs' own values as if they were not set."""
    made = plan(specs[0], "lr=0.1,0.10,1e-1", "width=4,2+2", "kernel=3")

    assert shown(made) == [("0.1", "4")]
    assert made.same == 5
    assert made.combinations[0].variant.settings == {}


def test_the_grids_baseline_is_the_specs_own_where_it_is_there(specs: tuple[str, str]) -> None:
    """And otherwise the first."""
    assert plan(specs[0], "lr=0.1,0.01").baseline == 1
    assert plan(specs[0], "lr=0.1,0.02").baseline == 0


def test_specs_are_a_factor(specs: tuple[str, str]) -> None:
    """Each has its own recipe; what is changed must be there in both."""
    made = plan(specs, "width=2,4")

    assert shown(made) == list(product(specs, ("2", "4")))
    assert [one.variant.recipe.epochs for one in made.combinations] == [2, 2, 1, 1]
    assert codes(specs, "kernel=3,5") == ["sweep-factor"]


def test_words_and_their_arguments_go_together(specs: tuple[str, str]) -> None:
    """`lr` is that of whichever optimizer a combination has."""
    made = plan(specs[0], "optimizer=sgd(momentum=0.9),adamw", "lr=0.1,0.2")
    found = [
        (one.variant.recipe.optimizer.word, one.variant.recipe.optimizer.arguments["lr"])
        for one in made.combinations
    ]

    assert found == [("sgd", 0.1), ("sgd", 0.2), ("adamw", 0.1), ("adamw", 0.2)]
    assert made.combinations[0].variant.recipe.optimizer.arguments["momentum"] == 0.9


def test_names_can_say_what_they_are_of(specs: tuple[str, str]) -> None:
    """`optimizer.lr`, `train.batch`, `params.width`."""
    made = plan(specs[0], "optimizer.lr=0.5", "train.batch=10", "params.width=3")
    variant = made.combinations[0].variant

    assert variant.recipe.optimizer.arguments["lr"] == 0.5
    assert variant.recipe.batch == 10
    assert variant.settings == {"width": "3"}


def test_a_list_of_data_sets_is_a_value(specs: tuple[str, str]) -> None:
    """The first that is there is used, as in a spec."""
    made = plan(specs[0], "data=[mnist, digits]")

    assert made.combinations[0].variant.recipe.data == ("mnist", "digits")
    assert codes(specs[0], "data=[mnist, didgits]") == ["unknown-dataset"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["kernel=3,99"], ["kernel-larger-than-input"]),
        (["lr=0.1,-1"], ["argument-range"]),
        (["batch=0,64"], ["recipe-value"]),
        (["kernel=3,99", "batch=0,64", "lr=0.1,0.2"], ["recipe-value", "kernel-larger-than-input"]),
        (["act=relu,rleu"], ["unknown-name"]),
        (["optimizer=adam,sgdd"], ["unknown-optimizer"]),
        (["optimizer=adam,sgd", "momentum=0.1,0.9"], ["sweep-argument"]),
        (["widht=3"], ["sweep-factor"]),
        (["seed=1,2"], ["sweep-factor"]),
        (["spec=a,b"], ["sweep-factor"]),
        (["width=1..1000", "batch=1..1000"], ["sweep-size"]),
    ],
)
def test_what_is_wrong_is_refused_before_anything_trains(
    specs: tuple[str, str], words: list[str], expected: list[str]
) -> None:
    """Each cause once, however many combinations it is in."""
    assert codes(specs[0], *words) == expected


def test_a_refusal_says_in_which_combinations(specs: tuple[str, str]) -> None:
    """How many, with one of them to try."""
    with pytest.raises(Faults) as refused:
        plan(specs[0], "kernel=3,99", "lr=0.1,0.2")
    (diagnostic,) = refused.value.diagnostics
    assert diagnostic.notes[-1] == "in 2 of 4 combinations, such as kernel=99 lr=0.1"


def test_what_is_wrong_can_be_left_out(specs: tuple[str, str]) -> None:
    """If that is asked for, and something is left."""
    made = plan(specs[0], "kernel=3,99", "lr=0.1,0.2", skip_invalid=True)

    assert shown(made) == [("3", "0.1"), ("3", "0.2")]
    assert [diagnostic.code for diagnostic in made.refused] == ["kernel-larger-than-input"]
    assert codes(specs[0], "kernel=98,99", skip_invalid=True) == ["kernel-larger-than-input"] * 2


def test_a_trial_is_named_by_all_that_determines_it(specs: tuple[str, str], tmp_path: Path) -> None:
    """Values, seed, data and the spec's text; not how values are written or in which grid they stand."""

    def ids(spec: str, *words: str, data: str = "digits", repeats: int = 1) -> list[str]:
        return [trial.id for trial in trials_of(plan(spec, *words, repeats=repeats), {("digits",): data})]

    (one,) = ids(specs[0], "lr=0.1")
    assert ids(specs[0], "lr=0.2,0.10", "width=4", repeats=2)[2] == one
    assert one not in ids(specs[0], "lr=0.1", repeats=2)[1:]
    assert one not in ids(specs[0], "lr=0.1", data="mnist")
    assert one not in ids(specs[0], "lr=0.1", "epochs=3")
    other = tmp_path / "small.yaml"
    other.write_text(Path(specs[0]).read_text().replace("maxpool", "avgpool"))
    assert one not in ids(str(other), "lr=0.1")
    everything = ids(specs[0], "lr=0.1..0.9:0.1", "width=1..5", "batch=16,32", repeats=3)
    assert len(set(everything)) == 9 * 5 * 2 * 3


def test_every_shipped_spec_can_be_swept() -> None:
    """With the one argument that every optimizer has."""
    for spec in shipped_specs():
        assert len(plan(spec, "lr=0.5,0.25").combinations) == 2
