"""Sweeps from beginning to end, in processes of their own, killed and taken up again."""

import json
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from netdsl import Faults
from netdsl.cli.main import main
from netdsl.diagnostics import fault
from netdsl.sweep.study import locked, read_outcomes, read_study
from tests.long import in_part
from tests.sweep.killing import check, figures
from tests.sweep.specs import write_specs

WITHOUT_FIGURES = json.dumps(
    {"id": "a", "combination": 0, "values": {}, "repeat": 0, "seed": 0, "status": "finished", "figures": {}}
)
"""A trial that says it finished."""

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_specs(tmp_path_factory.mktemp("specs"))[0]


@pytest.fixture(scope="module")
def words(spec: str) -> list[str]:
    """Four combinations, of which two diverge; two seeds each."""
    return ["sweep", spec, "lr=0.01,1e30", "width=2,4", "epochs=2", "--repeats", "2", "--device", "cpu"]


@pytest.fixture(scope="module")
def unbroken(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sweep that nobody disturbed."""
    folder = tmp_path_factory.mktemp("sweeps") / "unbroken"
    assert main([*words, "--out", str(folder), "--jobs", "2"]) == 0
    return folder


def test_every_trial_is_a_run_and_a_row(unbroken: Path) -> None:
    """What finished has its run's folder with those figures; what diverged has its reason."""
    rows = [json.loads(line) for line in (unbroken / "trials.jsonl").read_text().splitlines()]

    assert len({row["id"] for row in rows}) == len(rows) == 2 * 2 * 2
    for row in rows:
        if row["values"]["lr"] == "1e30":
            assert (row["status"], row["code"]) == ("failed", "non-finite-loss")
            continue
        run = unbroken / "trials" / row["id"]
        assert row["status"] == "finished"
        assert json.loads((run / "report.json").read_text())["final"] == row["figures"]
        recipe = json.loads((run / "recipe.json").read_text())
        assert recipe["seed"] == row["repeat"]
        assert recipe["optimizer"]["arguments"]["lr"] == float(row["values"]["lr"])
        assert json.loads((run / "run.json").read_text())["settings"] == (
            {} if row["values"]["width"] == "4" else {"width": "2"}
        )


def test_the_report_is_made_of_the_folder_alone(unbroken: Path, tmp_path: Path, capsys: Output) -> None:
    """Of `study.json` and `trials.jsonl`, with nothing trained."""
    for name in ("study.json", "trials.jsonl"):
        shutil.copy(unbroken / name, tmp_path / name)
    capsys.readouterr()

    assert main(["sweep", "--report", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "small: lr, width on digits" in said
    assert said.count("2 failed: the loss is") == 2
    for name in ("report.html", "table.csv", "factor_lr.png", "factor_width.png", "front.png"):
        assert (tmp_path / name).read_bytes() == (unbroken / name).read_bytes()


@pytest.mark.parametrize("kills", in_part([1, 10], [1]))
def test_a_killed_sweep_goes_on_to_the_same_figures(
    spec: str, unbroken: Path, tmp_path: Path, kills: int
) -> None:
    """At moments that chance chooses, its workers left to themselves."""
    check("sweep", spec, unbroken, tmp_path / "killed", kills, random.Random())


def test_nothing_is_trained_twice(words: list[str], unbroken: Path, tmp_path: Path, capsys: Output) -> None:
    """The same command has nothing to do; a trial whose run is gone is trained again, to the same figures."""
    folder = tmp_path / "again"
    shutil.copytree(unbroken, folder)
    before = figures(folder)
    capsys.readouterr()
    assert main([*words, "--out", str(folder)]) == 0
    assert "8 have ended before; 0 to go" in capsys.readouterr().out
    shutil.rmtree(folder / "trials" / before[0]["id"])
    (folder / "trials.jsonl").write_text("damaged\n")
    assert main([*words, "--out", str(folder), "--jobs", "1"]) == 0

    assert figures(folder) == before


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C interrupts, as in a terminal: who starts tests in the background lets them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_stops_and_says_how_to_go_on(spec: str, tmp_path: Path, capsys: Output) -> None:
    """Exit code 130, no traceback, the trials that ended kept, and nobody left at work."""
    folder = tmp_path / "stopped"

    def press() -> None:
        while not (folder / "trials.jsonl").is_file() or not read_outcomes(folder):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    words = ["sweep", spec, "epochs=1,2000", "--out", str(folder), "--jobs", "1", "--device", "cpu"]
    assert main(words) == 130
    said = capsys.readouterr().err

    assert "error[interrupted]: stopped; 1 of 2 trials have ended" in said
    assert "the same command goes on" in said
    assert "Traceback" not in said
    with locked(folder):
        assert [outcome.values for outcome in read_outcomes(folder)] == [{"epochs": "1"}]


def test_two_sweeps_do_not_share_a_folder(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """The second is refused, with what to do."""
    monkeypatch.setattr("netdsl.sweep.study.PATIENCE", 0.2)
    with locked(tmp_path):
        assert main([*words, "--out", str(tmp_path)]) == 2
    assert "error[sweep-folder-taken]: another sweep is at work" in capsys.readouterr().err


def test_a_folder_with_something_else_is_left_alone(words: list[str], tmp_path: Path, capsys: Output) -> None:
    """And so is a file of that name."""
    (tmp_path / "thesis.txt").write_text("…")
    assert main([*words, "--out", str(tmp_path)]) == 2
    assert "error[sweep-folder-taken]" in capsys.readouterr().err
    assert main([*words, "--out", str(tmp_path / "thesis.txt")]) == 2
    assert "error[sweep-folder-taken]" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("given", "code", "exit_code"),
    [
        ([], "command-line", 2),
        (["lr=1"], "command-line", 2),
        (["SPEC", "lr"], "sweep-values", 2),
        (["SPEC", "kernel=99"], "kernel-larger-than-input", 1),
        (["SPEC", "lr=-1"], "argument-range", 2),
        (["SPEC", "--only", "lr"], "command-line", 2),
        (["--study", "lenet", "--only", "lrr"], "sweep-factor", 2),
        (["--study", "lenett"], "missing-study", 2),
        (["no_such_spec", "lr=1"], "missing-spec", 2),
        (["--report", "EMPTY"], "missing-study", 2),
        (["--report", "EMPTY", "--study", "lenet"], "command-line", 2),
        (["SPEC", "lr=1", "--jobs", "0"], "option-value", 2),
        (["SPEC", "lr=1", "--device", "cpuu"], "unknown-device", 2),
        (["SPEC", "lr=1", "data=mnist", "--data-root", "EMPTY"], "missing-data", 3),
    ],
)
def test_bad_input_is_a_diagnostic(
    given: list[str],
    code: str,
    exit_code: int,
    spec: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
) -> None:
    """Nothing is trained, and nothing is left behind but an empty study's folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("netdsl.training.data.find._fetch", lambda name, *_: f"`{name}` is not here")
    empty = tmp_path / "empty"
    empty.mkdir()
    stand_ins = {"SPEC": spec, "EMPTY": str(empty)}

    assert main(["sweep", *(stand_ins.get(word, word) for word in given)]) == exit_code
    assert f"error[{code}]" in capsys.readouterr().err
    assert not list(tmp_path.glob("sweeps/*/trials"))


def test_a_study_is_smaller_where_other_data_stand_in(
    spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    """Its title says so; the same command goes on in that form; the command line replaces what it says."""
    monkeypatch.setattr("netdsl.training.data.find._fetch", lambda name, *_: f"`{name}` is not here")
    study, root, folder = tmp_path / "study.yaml", tmp_path / "empty", tmp_path / "swept"
    root.mkdir()
    study.write_text(
        f"study: tiny\nspec: {spec}\nrepeats: 2\nfactors: {{width: 4, data: '[mnist, digits]', epochs: 9}}\n"
        "fallback: {repeats: 1, factors: {epochs: 2, width: 2}}\n"
    )
    words = ["sweep", "--study", str(study), "width=3", "--device", "cpu", "--jobs", "1"]
    words += ["--data-root", str(root), "--out", str(folder)]

    for _ in range(2):
        assert main(words) == 0
        assert "tiny on digits, in the place of mnist, in its smaller form" in capsys.readouterr().out
    kept = read_study(folder)
    assert (kept.fixed["epochs"], kept.fixed["width"], kept.repeats) == ("2", "3", 1)
    assert [outcome.epochs for outcome in read_outcomes(folder)] == [2]


def test_words_may_stand_behind_options(spec: str, capsys: Output) -> None:
    """Wherever they stand, the plan is the same."""
    plans = []
    for words in (
        [spec, "lr=0.1,0.2", "width=2,4", "--repeats", "3"],
        ["--repeats", "3", spec, "lr=0.1,0.2", "width=2,4"],
        [spec, "lr=0.1,0.2", "--repeats", "3", "width=2,4"],
    ):
        assert main(["sweep", *words, "--dry-run"]) == 0
        plans.append(capsys.readouterr().out)

    assert plans[0].endswith("4 combinations × 3 = 12 trials\n")
    assert plans[1:] == [plans[0]] * 2


def test_a_sweep_of_which_all_trials_fail_says_so(unbroken: Path, tmp_path: Path, capsys: Output) -> None:
    """With the reason of the first, and exit code 4."""
    shutil.copy(unbroken / "study.json", tmp_path / "study.json")
    rows = (unbroken / "trials.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "trials.jsonl").write_text("".join(row for row in rows if '"failed"' in row))

    assert main(["sweep", "--report", str(tmp_path)]) == 4
    assert "error[sweep-failed]: all trials" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("study.json", "{}"),
        ("study.json", "no JSON"),
        ("trials.jsonl", "{}\n"),
        ("trials.jsonl", WITHOUT_FIGURES),
    ],
)
def test_a_damaged_study_is_a_diagnostic(unbroken: Path, tmp_path: Path, name: str, text: str) -> None:
    """Named with its file; exit code 5."""
    for kept in ("study.json", "trials.jsonl"):
        shutil.copy(unbroken / kept, tmp_path / kept)
    (tmp_path / name).write_text(text)

    assert main(["sweep", "--report", str(tmp_path)]) == 5


def test_a_number_of_combinations_that_does_not_add_up_is_found(unbroken: Path, tmp_path: Path) -> None:
    """A trial of a combination that is not there."""
    study = json.loads((unbroken / "study.json").read_text())
    study["trials"][0]["combination"] = 99
    (tmp_path / "study.json").write_text(json.dumps(study))

    assert main(["sweep", "--report", str(tmp_path)]) == 5


def test_the_lock_is_given_back(tmp_path: Path) -> None:
    """When the sweep ends, also by a fault."""
    with pytest.raises(Faults, match="no mnist"), locked(tmp_path):
        raise fault("missing-data", "no mnist", exit_code=3)
    with locked(tmp_path):
        pass
