"""Searches: what is chosen, what is counted, what is passed over, and several folders with one memory."""

import json
import random
import shutil
import sys
import threading
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from netdsl import Faults
from netdsl.cli.main import main
from netdsl.sweep.memory import Memory, Tried
from netdsl.sweep.plan import Wish
from netdsl.sweep.space import Interval, Sought, Space, as_interval, make_space, read_space
from netdsl.sweep.study import read_outcomes, read_study
from tests.long import in_part
from tests.sweep.killing import check, figures, words_of
from tests.sweep.specs import write_specs

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return write_specs(tmp_path_factory.mktemp("specs"))


@pytest.fixture(scope="module")
def searched(specs: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a search that nobody disturbed."""
    folder = tmp_path_factory.mktemp("searches") / "unbroken"
    assert main(words_of("search", specs[0], folder)) == 0
    return folder


def space(specs: tuple[str, ...], *words: str) -> Space:
    lists, intervals = read_space(words)
    return make_space(Wish(specs, lists), Sought(1, (), intervals))


# What is chosen from


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.001..1:log", Interval(0.001, 1.0, True, False)),
        ("1e-4..1e-1:log", Interval(1e-4, 0.1, True, False)),
        ("0.1..0.9", Interval(0.1, 0.9, False, False)),
        ("4..512:log", Interval(4.0, 512.0, True, True)),
        ("-0.5..0.5", Interval(-0.5, 0.5, False, False)),
        ("1..9", None),
        ("0.1..0.9:0.1", None),
        ("2**1..2**5", None),
        ("relu,tanh", None),
        ("folder:../a..b", None),
    ],
)
def test_intervals_are_what_has_no_step(text: str, expected: Interval | None) -> None:
    """Whole numbers without `:log` and everything with a step are lists, as in any sweep."""
    assert as_interval("x", text) == expected


@pytest.mark.parametrize("text", ["1.5..0.5", "0..1:log", "-1..1:log", "0.5..0.5"])
def test_intervals_that_lead_nowhere_are_refused(text: str) -> None:
    """With a diagnostic."""
    with pytest.raises(Faults, match="sweep-values"):
        as_interval("lr", text)


def test_numbers_are_spelled_in_four_digits_within_their_interval() -> None:
    """So that they can be typed again, and never leave it."""
    chance = random.Random(3)
    interval = Interval(0.0123412, 0.0789012, log=False, whole=False)
    for _ in range(200):
        text = interval.spelled(chance.uniform(interval.low, interval.high))
        assert interval.holds(text)
        assert "e" not in text
    assert interval.spelled(interval.low) == "0.0123412"  # and not 0.01234
    assert Interval(1, 8, log=True, whole=True).spelled(3.0) == "3"


@pytest.mark.parametrize(
    "words",
    [
        ["lr=0.1"],
        ["spec=a,b"],
        ["seed=1,2"],
        ["learning_rat=0.1..0.2"],
        ["lr=0.1..0.2", "lr=0.1,0.2"],
        ["lr=0.1..0.2", "lr=0.3..0.4"],
    ],
)
def test_what_cannot_be_searched_is_refused(words: list[str], specs: tuple[str, str]) -> None:
    """Before anything is trained."""
    with pytest.raises(Faults, match=r"sweep-(values|factor)"):
        space(specs[:1], *words)


def test_the_specs_own_values_are_found_in_a_space(specs: tuple[str, str]) -> None:
    """However they are spelled; where one is missing there are none."""
    assert space(specs[:1], "lr=0.001..1:log", "width=2,4.0").own() == {"lr": "0.01", "width": "4.0"}
    assert space(specs[:1], "lr=0.1..1:log", "width=2,4").own() is None
    assert space(specs[:1], "lr=0.001..1:log", "width=2,3").own() is None


# The memory


def memory(folder: Path, storage: str | None = None) -> Memory:
    return Memory(storage, folder, "test", ["maximize"])


def test_choices_stay_in_the_space_and_follow_what_is_told(specs: tuple[str, str], tmp_path: Path) -> None:
    """A function with its best at the end of each factor is climbed: later choices are better."""
    where = space(specs[:1], "lr=0.001..1:log", "width=2..40", "act=relu,tanh")
    kept, reached = memory(tmp_path), []
    for number in range(40):
        chosen, values = kept.choose(where, number, parallel=False)
        assert where.intervals["lr"].holds(values["lr"])
        assert values["width"] in where.lists["width"]
        assert values["act"] in where.lists["act"]
        reached.append(float(values["lr"]) + int(values["width"]) / 40 + (values["act"] == "tanh"))
        kept.tell(chosen, [reached[-1]])

    assert sum(reached[20:]) / 20 > sum(reached[:10]) / 10 + 0.5


def test_choices_follow_from_what_is_known(specs: tuple[str, str], tmp_path: Path) -> None:
    """The same memory chooses the same: a search that is killed and taken up again is the same search."""
    where = space(specs[:1], "lr=0.001..1:log", "width=2,4")
    chosen = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        found = []
        for number in range(4):
            again = memory(tmp_path / name)  # opened anew each time
            tried, values = again.choose(where, number, parallel=False)
            again.tell(tried, [float(values["lr"])])
            found.append(values)
        chosen.append(found)

    assert chosen[0] == chosen[1]
    assert len({json.dumps(values) for values in chosen[0]}) == 4


@pytest.mark.parametrize("storage", [None, "shared.journal", "sqlite:///{}/search.db"])
def test_what_is_noted_is_remembered(storage: str | None, tmp_path: Path, specs: tuple[str, str]) -> None:
    """In a journal and in a database, by whoever opens it next."""
    where = storage and (storage.format(tmp_path) if "{" in storage else str(tmp_path / storage))
    first = memory(tmp_path, where)
    number, values = first.choose(space(specs[:1], "width=2,4"), 0, parallel=False)
    one = Tried(number=number, values=values, owner="a", state="refused", code="add-shapes", reason="…")
    first.note(one)

    assert memory(tmp_path, where).tried() == (one,)


def test_a_storage_that_holds_something_else_is_a_diagnostic(tmp_path: Path) -> None:
    """And is left as it was."""
    (tmp_path / "thesis.txt").write_text("Chapter 1\nIn the beginning\n")
    with pytest.raises(Faults, match="search-storage"):
        memory(tmp_path, str(tmp_path / "thesis.txt"))
    assert (tmp_path / "thesis.txt").read_text() == "Chapter 1\nIn the beginning\n"


# Searches from beginning to end


def kept_by_optuna(folder: Path) -> optuna.Study:
    """The study as optuna itself reads it."""
    storage = JournalStorage(JournalFileBackend(str(folder / "search.journal")))
    return optuna.load_study(study_name=None, storage=storage)


def test_a_search_trains_as_many_as_it_was_asked_for(searched: Path, specs: tuple[str, str]) -> None:
    """Each once, the spec's own values first; what optuna was told is what the runs reached."""
    study, rows = read_study(searched), figures(searched)

    assert len(rows) == len({row["id"] for row in rows}) == len(study.combinations) == 8
    assert study.combinations[0].values == {"width": "4", "lr": "0.01"}
    assert study.baseline == 0
    for row in rows:
        report = json.loads((searched / "trials" / row["id"] / "report.json").read_text())
        assert report["final"]["test_accuracy"] == row["figures"]["test_accuracy"]
    told = kept_by_optuna(searched).trials
    complete = [trial.value for trial in told if trial.state.name == "COMPLETE"]
    assert complete == [row["figures"]["test_accuracy"] for row in rows]


def test_a_search_that_is_done_goes_on_when_more_is_asked_for(
    searched: Path, specs: tuple[str, str], tmp_path: Path, capsys: Output
) -> None:
    """The same command has nothing to do; with a larger number the first stay, and one is added."""
    folder = tmp_path / "longer"
    shutil.copytree(searched, folder)
    before, words = figures(folder), words_of("search", specs[0], folder)
    assert main(words) == 0
    assert "8 have ended before" in capsys.readouterr().out
    assert figures(folder) == before
    assert main([*words, "--search", "9"]) == 0

    assert figures(folder)[:8] == before
    assert len(figures(folder)) == 9


@pytest.mark.parametrize("kills", in_part([1, 10], [1]))
def test_a_killed_search_is_the_same_search(
    searched: Path, specs: tuple[str, str], tmp_path: Path, kills: int
) -> None:
    """Killed at moments that chance chooses."""
    check("search", specs[0], searched, tmp_path / "killed", kills, random.Random())


def test_what_is_wrong_is_passed_over_and_told(
    specs: tuple[str, str], tmp_path: Path, capsys: Output
) -> None:
    """Each reason once; a small space is searched to its end, and each of its combinations trained once."""
    folder = tmp_path / "small"
    words = [
        "sweep",
        specs[0],
        "kernel=3,12",
        "act=relu,tanh",
        "epochs=1",
        "--search",
        "9",
        "--device",
        "cpu",
    ]
    assert main([*words, "--out", str(folder), "--jobs", "2"]) == 0
    said = capsys.readouterr().out

    assert said.count("left out: a kernel that reaches over 12 does not fit") == 1
    outcomes = read_outcomes(folder)
    assert sorted(outcome.values["act"] for outcome in outcomes) == ["relu", "tanh"]
    assert {outcome.values["kernel"] for outcome in outcomes} == {"3"}
    searched = read_study(folder).searched
    assert searched is not None
    assert len(searched.refused) == 1
    assert "Left out: a kernel that reaches over 12" in (folder / "report.html").read_text()


def test_a_search_of_which_all_is_wrong_says_why(
    specs: tuple[str, str], tmp_path: Path, capsys: Output
) -> None:
    """With the diagnostics of what was chosen."""
    words = ["sweep", specs[0], "kernel=12,13", "--search", "2", "--device", "cpu"]
    assert main([*words, "--out", str(tmp_path / "wrong")]) == 1
    assert capsys.readouterr().err.count("error[kernel-larger-than-input]") == 2


def test_two_folders_with_one_storage_share_the_work(specs: tuple[str, str], tmp_path: Path) -> None:
    """At the same time: together they train what was asked for, none of it twice, and each reports all."""
    storage = str(tmp_path / "shared.journal")
    words = ["sweep", specs[0], "width=2..9", "epochs=1", "--search", "6", "--device", "cpu", "--jobs", "1"]
    folders = [tmp_path / name for name in ("one", "two")]
    codes: dict[Path, int] = {}

    def lead(folder: Path) -> None:
        codes[folder] = main([*words, "--storage", storage, "--out", str(folder)])

    others = [threading.Thread(target=lead, args=(folder,)) for folder in folders]
    for one in others:
        one.start()
    for one in others:
        one.join()
    assert codes == dict.fromkeys(folders, 0)
    assert main([*words, "--storage", storage, "--out", str(folders[0])]) == 0
    trained = [{path.name for path in (folder / "trials").iterdir()} for folder in folders]
    rows = figures(folders[0])

    assert not trained[0] & trained[1]
    assert {row["id"] for row in rows} == trained[0] | trained[1]
    assert len(rows) == len({row["id"] for row in rows})
    assert 6 <= len(rows) <= 7  # both may take the last at once


def test_objectives_are_the_figure_and_costs(specs: tuple[str, str], tmp_path: Path) -> None:
    """Optuna is told one value for each, in their order, the costs to be small."""
    folder = tmp_path / "costs"
    words = [
        "sweep",
        specs[0],
        "width=2..9",
        "epochs=1",
        "--search",
        "2",
        "--objective",
        "accuracy,macs,params",
    ]
    assert main([*words, "--out", str(folder), "--device", "cpu", "--jobs", "1"]) == 0
    backend = optuna.storages.journal.JournalFileBackend(str(folder / "search.journal"))
    told = optuna.load_study(study_name=None, storage=optuna.storages.JournalStorage(backend))
    study, rows = read_study(folder), figures(folder)

    assert [direction.name for direction in told.directions] == ["MAXIMIZE", "MINIMIZE", "MINIMIZE"]
    assert [trial.values for trial in told.trials] == [
        [row["figures"]["test_accuracy"], float(combination.macs), float(combination.params)]
        for row, combination in zip(rows, study.combinations, strict=True)
    ]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--search", "0"], "option-value"),
        (["--search", "3", "--one-at-a-time"], "command-line"),
        (["--objective", "macs"], "command-line"),
        (["--storage", "a.journal"], "command-line"),
        (["--search", "3", "--objective", "acuracy"], "option-value"),
        (["--search", "3", "--storage", "nosuch://a"], "search-storage"),
        (["--search", "3", "--storage", "/dev/null/a"], "search-storage"),
        (["lr=0.1..1:log"], "sweep-values"),
    ],
)
def test_bad_input_is_a_diagnostic(
    words: list[str], code: str, specs: tuple[str, str], tmp_path: Path, capsys: Output
) -> None:
    """Nothing is trained."""
    folder = tmp_path / "never"
    assert main(["sweep", specs[0], "width=2,4", *words, "--out", str(folder), "--device", "cpu"]) == 2
    assert f"error[{code}]" in capsys.readouterr().err
    assert not (folder / "trials").exists()


def test_without_optuna_it_is_said_what_to_install(
    specs: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """A sweep that does not search never asks for it."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    words = ["sweep", specs[0], "width=2,4", "--search", "2", "--out", str(tmp_path / "never")]
    assert main(words) == 2
    said = capsys.readouterr().err

    assert "error[missing-library]: a search needs optuna" in said
    assert "pip install 'netdsl[search]'" in said


def test_a_dry_run_tells_what_is_searched(specs: tuple[str, str], capsys: Output) -> None:
    """And trains nothing."""
    words = ["sweep", specs[0], "lr=0.001..1:log", "width=2,4", "--search", "9", "--dry-run"]
    assert main(words) == 0
    assert capsys.readouterr().out == (
        "width: 2, 4\nlr: 0.001..1:log\n9 combinations × 1, chosen as the search goes on\n"
    )
