"""Means, deviations, changes and fronts, against the definitions."""

import random
from collections.abc import Mapping, Sequence
from fractions import Fraction

import pytest

from netdsl.sweep.page import page
from netdsl.sweep.pictures import draw_all
from netdsl.sweep.study import FORMAT, Outcome, Planned, Row, Study, Used
from netdsl.sweep.study_file import Published
from netdsl.sweep.summary import Summary, front, summarize
from netdsl.sweep.tables import NONE, as_text, cells_csv, main_table, trials_csv


def study(
    factors: Mapping[str, Sequence[str]],
    rows: Sequence[Mapping[str, str]],
    repeats: int,
    published: Published | None = None,
) -> Study:
    return Study(
        format=FORMAT,
        netdsl="0",
        name="<b>study</b>",
        about="",
        specs=("small",),
        factors={name: tuple(values) for name, values in factors.items()},
        fixed={},
        one_at_a_time=True,
        repeats=repeats,
        baseline=0,
        combinations=tuple(
            Row(values=row, params=100 + number, macs=1000 - number, optimizer="sgd")
            for number, row in enumerate(rows)
        ),
        trials=tuple(
            Planned(id=f"{number}-{repeat}", combination=number, repeat=repeat, seed=repeat)
            for number in range(len(rows))
            for repeat in range(repeats)
        ),
        data=(Used(names=("mnist", "digits"), used="digits", passed_over=("`mnist` is not there",)),),
        threads=1,
        published=published,
    )


def outcome(number: int, repeat: int, value: float | None) -> Outcome:
    return Outcome(
        id=f"{number}-{repeat}",
        combination=number,
        values={},
        repeat=repeat,
        seed=repeat,
        status="failed" if value is None else "finished",
        metric="" if value is None else "accuracy",
        figures={} if value is None else {"test_accuracy": value},
        seconds=1.5,
        code="non-finite-loss" if value is None else "",
        reason="the loss is nan" if value is None else "",
    )


@pytest.fixture
def summary() -> Summary:
    """Three values of `lr` and one other of `act`; a trial failed, another has not ended."""
    own = {"lr": "0.1", "act": "relu"}
    rows = [own, own | {"lr": "0.2"}, own | {"lr": "0.3"}, own | {"act": "<script>"}]
    published = Published(cite="a book", best=0.9, figures={"lr": {"0.10": 0.55, "0.2": 0.66}})
    outcomes = [outcome(0, 0, 0.5), outcome(0, 1, 0.75), outcome(1, 0, 0.875), outcome(1, 1, 0.625)]
    outcomes += [outcome(2, 0, None), outcome(2, 1, None), outcome(3, 1, 0.25)]
    factors = {"lr": ["0.1", "0.2", "0.3"], "act": ["relu", "<script>"]}
    return summarize(study(factors, rows, 2, published), outcomes)


def test_means_and_deviations_are_exact() -> None:
    """By rational arithmetic: the sum over n, and the root of the squared distances over n-1."""
    chance = random.Random(5)
    for count in range(2, 9):
        values = [chance.random() for _ in range(count)]
        outcomes = [outcome(0, repeat, value) for repeat, value in enumerate(values)]
        (cell,) = summarize(study({}, [{}], count), outcomes).cells
        exact = sum(map(Fraction, values)) / count
        variance = sum((Fraction(value) - exact) ** 2 for value in values) / (count - 1)
        assert cell.mean == pytest.approx(float(exact), rel=1e-15)
        assert cell.deviation == pytest.approx(float(variance) ** 0.5, rel=1e-14)


def test_a_cell_knows_what_is_missing(summary: Summary) -> None:
    """One value has no deviation, none has no mean, and neither is taken for 0."""
    half, better, failed, single = summary.cells

    assert half.mean == 0.625
    assert half.deviation == pytest.approx(0.125 * 2**0.5)
    assert better.mean == 0.75
    assert (failed.mean, failed.deviation, len(failed.failures), failed.missing) == (None, None, 2, 0)
    assert (single.mean, single.deviation, single.missing) == (0.25, None, 1)
    assert [summary.change(cell) for cell in summary.cells] == [None, 0.125, None, -0.375]
    assert summary.best is better


def test_published_figures_stand_beside_the_value_they_are_of(summary: Summary) -> None:
    """However the number is spelled; the baseline has them too."""
    assert [cell.published for cell in summary.cells] == [0.55, 0.66, None, None]


def test_a_factor_is_seen_alone(summary: Summary) -> None:
    """The cells that differ from the baseline in it and in nothing else."""
    along = {value: [cell.number for cell in cells] for value, cells in summary.along("lr")}

    assert along == {"0.1": [0], "0.2": [1], "0.3": [2]}


def test_the_front_is_that_of_brute_force() -> None:
    """A point is on it unless another is as good in both and better in one; ties and doubles included."""
    chance = random.Random(7)
    for _ in range(300):
        points = [
            (float(chance.randrange(6)), float(chance.randrange(6))) for _ in range(chance.randrange(1, 15))
        ]
        expected = [
            number
            for number, (cost, value) in enumerate(points)
            if not any(c <= cost and v >= value and (c, v) != (cost, value) for c, v in points)
        ]
        assert front(points) == expected


def test_tables_say_what_is_known(summary: Summary) -> None:
    """Means with deviations, changes, published figures, failures with their reason."""
    headings, rows = main_table(summary)
    found = [dict(zip(headings, row, strict=True)) for row in rows]

    assert [row["test accuracy"] for row in found] == ["0.6250 ± 0.1768", "0.7500 ± 0.1768", NONE, "0.2500"]
    assert [row["change"] for row in found] == ["baseline", "+0.1250", NONE, "-0.3750"]
    assert [row["published"] for row in found] == ["0.5500", "0.6600", NONE, NONE]
    assert [row[""] for row in found] == ["", "best", "2 failed: the loss is nan", "1 to go"]
    assert as_text((headings, rows)).count("\n") == 5
    assert len(cells_csv(summary).splitlines()) == 1 + 4
    assert len(trials_csv(summary).splitlines()) == 1 + 7


def test_the_page_loads_nothing_and_believes_nothing(summary: Summary) -> None:
    """Pictures are in it, texts are escaped, the fallback is said."""
    pictures = draw_all(summary)
    text = page(summary, pictures)

    assert set(pictures) == {"factor_lr.png", "factor_act.png", "front.png"}
    assert all(picture.startswith(b"\x89PNG") for _, picture in pictures.values())
    assert text.count("data:image/png;base64,") == 3
    assert "http" not in text.replace("http-equiv", "")
    assert "<script" not in text
    assert "<b>study" not in text
    assert "on digits, in the place of mnist" in text
    assert "A fallback was used. `mnist` is not there" in text
    assert "Its best is 0.9000; the best here is 0.7500 ± 0.1768." in text
