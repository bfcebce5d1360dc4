"""Studies as files: the shipped ones can be trained, and what is misspelled is refused."""

from pathlib import Path

import pytest

from netdsl import Faults
from netdsl.diagnostics import Source
from netdsl.sweep.plan import make_plan
from netdsl.sweep.study_file import Asked, find_study, read_study_file, shipped_studies
from netdsl.sweep.values import same_value
from tests.sweep.specs import write_specs

STUDY = """
study: tiny
about: a
  sentence
spec: [small.yaml, other.yaml]
factors:
  lr: 0.1..0.3:0.1
  optimizer: ["sgd(lr=0.1, momentum=0.9)", adam]
repeats: 2
one_at_a_time: true
fallback: {spec: other.yaml, factors: {lr: 0.1}, repeats: 1}
published:
  cite: a book
  best: 0.9
  figures: {lr: {0.1: 0.5}}
"""


def read(text: str, folder: Path) -> Asked:
    return read_study_file(Source(str(folder / "tiny.yaml"), text))


def test_a_study_says_what_is_asked(tmp_path: Path) -> None:
    """Specs beside it are found by their paths from its own folder."""
    specs = write_specs(tmp_path)
    asked = read(STUDY, tmp_path)

    assert (asked.name, asked.about) == ("tiny", "a sentence")
    assert asked.wish.specs == specs
    assert asked.wish.factors == {
        "lr": ("0.1", "0.2", "0.3"),
        "optimizer": ("sgd(lr=0.1, momentum=0.9)", "adam"),
    }
    assert (asked.wish.repeats, asked.wish.one_at_a_time) == (2, True)
    assert asked.fallback is not None
    assert (asked.fallback.specs, asked.fallback.repeats) == (specs[1:], 1)
    assert asked.fallback.factors == {**asked.wish.factors, "lr": ("0.1",)}
    assert asked.published is not None
    assert (asked.published.best, asked.published.figures) == (0.9, {"lr": {"0.1": 0.5}})


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("factors:", "factor:", "study-form"),
        ("study: tiny", "study: a/b", "study-form"),
        ("study: tiny", "study: [a]", "study-form"),
        ("repeats: 2", "repeats: 0", "study-form"),
        ("repeats: 2", "repeats: many", "study-form"),
        ("one_at_a_time: true", "one_at_a_time: yes", "study-form"),
        ("lr: 0.1..0.3:0.1", "lr: 0.1..0.3", "study-form"),
        ("lr: 0.1..0.3:0.1", "lr: {a: 1}", "study-form"),
        ("lr: 0.1..0.3:0.1", "lr: [[1], 2]", "study-form"),
        ("{lr: {0.1: 0.5}}", "{lr: {0.1: half}}", "study-form"),
        ("{lr: {0.1: 0.5}}", "{lr: 0.5}", "study-form"),
        ("{lr: {0.1: 0.5}}", "0.5", "study-form"),
        ("fallback: {", "fallback: {about: a, ", "study-form"),
        ("factors: {lr: 0.1}, repeats: 1", "factors: [lr]", "study-form"),
        ("repeats: 1}", "repeats: 0}", "study-form"),
        ("cite: a book", "source: a book", "study-form"),
        ("cite: a book", "cite: [a]", "study-form"),
        ("best: 0.9", "best: [0.9]", "study-form"),
        ("spec: [small.yaml, other.yaml]", "spec: {a: b}", "study-form"),
        ("spec: [small.yaml, other.yaml]", "spec:", "study-form"),
        ("repeats: 2", "repeats: 2\nrepeats: 3", "duplicate-key"),
        ("study: tiny", "study: *tiny", "yaml-alias"),
    ],
)
def test_what_is_wrong_is_refused_where_it_stands(old: str, new: str, code: str, tmp_path: Path) -> None:
    """Nothing is ignored."""
    write_specs(tmp_path)
    assert old in STUDY
    with pytest.raises(Faults) as refused:
        read(STUDY.replace(old, new), tmp_path)
    assert {diagnostic.code for diagnostic in refused.value.diagnostics} == {code}
    assert all(diagnostic.span is not None for diagnostic in refused.value.diagnostics)


@pytest.mark.parametrize("text", ["", "a", "- a", "study: a", "{"])
def test_what_is_no_study_is_refused(text: str, tmp_path: Path) -> None:
    """With a diagnostic, whatever it is."""
    with pytest.raises(Faults):
        read(text, tmp_path)


@pytest.mark.parametrize("name", shipped_studies())
def test_a_shipped_study_can_be_trained(name: str) -> None:
    """Every combination is right; every published figure is of a value that is trained."""
    asked = read_study_file(find_study(name))
    plan = make_plan(asked.wish)

    assert asked.name == name
    assert asked.about
    assert plan.same == 0
    if asked.fallback is not None:
        assert make_plan(asked.fallback).factors.keys() == plan.factors.keys()
    figures = asked.published.figures if asked.published else {}
    assert set(figures) <= set(plan.factors)
    for factor, values in figures.items():
        trained = plan.factors[factor]
        assert [value for value in values if not any(same_value(value, one) for one in trained)] == []
        own = [
            f
            for value, f in values.items()
            if same_value(value, plan.combinations[plan.baseline].values[factor])
        ]
        assert len(own) == 1


def test_there_are_studies() -> None:
    """The test above is not empty: every question of the articles' has its file."""
    assert set(shipped_studies()) == {
        "dncnn",
        "hybridsn",
        "lenet",
        "lenet_best",
        "lenet_resnet18",
        "mobilenets",
        "se_axes",
        "se_ratio",
        "zfnet",
    }


def test_the_figures_of_studies_are_the_articles() -> None:
    """What stands in their text, number by number: tables 1 to 9 of the LeNet, and what others give."""
    figures = {
        name: asked.published.figures
        for name in shipped_studies()
        if (asked := read_study_file(find_study(name))).published is not None
    }

    rates = [0.809, 0.828, 0.766, 0.83, 0.825, 0.831, 0.772, 0.764, 0.758]
    assert list(figures["lenet"]["lr"].values()) == rates
    batches = [0.82, 0.862, 0.887, 0.888, 0.861, 0.869, 0.856, 0.809, 0.737, 0.618]
    assert list(figures["lenet"]["batch"].values()) == batches
    assert figures["lenet_resnet18"]["spec"] == {"lenet_d2l": 0.809, "resnet18_d2l": 0.902}
    assert figures["mobilenets"]["spec"] == {"mobilenetv1": 0.7814, "mobilenetv2": 0.801}
    assert figures["hybridsn"]["spec"] == {"hybridsn": 0.974}
    assert figures["zfnet"]["widths"] == {"[384, 384, 256]": 0.616, "[512, 1024, 512]": 0.625}
