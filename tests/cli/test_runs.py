"""`netdsl train`, `eval` and `predict` from the command line: a small network on the embedded digits."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from netdsl.cli.main import main

SPEC = """
name: small
input: [1, 8, 8]
params: {width: 16}
net:
  body: conv(width, 3, padding=1) -> relu -> maxpool(2)
  head: flatten -> linear(10)
train:
  data: digits
  batch: 32
  epochs: 1
  optimizer: adam(lr=1e-2)
"""

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a spec that learns digits in a second."""
    path = tmp_path_factory.mktemp("spec") / "small.yaml"
    path.write_text(SPEC)
    return str(path)


@pytest.fixture(scope="module")
def run(spec: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a finished run of two epochs."""
    folder = str(tmp_path_factory.mktemp("runs") / "small")
    assert main(["train", spec, "--epochs", "2", "--out", folder, "--device", "cpu"]) == 0
    return folder


def digit(number: int, folder: Path) -> str:
    """The path of a picture of a digit, bright on black as those it was trained on."""
    digits = load_digits()
    index = int(np.flatnonzero(digits.target == number)[0])
    path = folder / f"{number}.png"
    Image.fromarray((digits.images[index] / 16 * 255).astype(np.uint8)).save(path)
    return str(path)


def test_eval_prints_the_figures_of_the_latest_weights(run: str, capsys: Output) -> None:
    """Two epochs are far better than the tenth that guessing gives."""
    assert main(["eval", run]) == 0
    line = capsys.readouterr().out
    words = line.split()
    assert line.startswith("digits, 360 test images, weights of epoch 2:")
    assert float(words[words.index("accuracy") + 1]) > 0.7


def test_predict_names_what_an_image_shows(run: str, tmp_path: Path, capsys: Output) -> None:
    """A line for each image, the likeliest class first; it has learned most digits."""
    images = [digit(number, tmp_path) for number in range(10)]
    assert main(["predict", run, *images, "--top", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert [line.partition(":")[0] for line in lines] == images
    first = [line.partition(": ")[2].split()[0] for line in lines]
    assert sum(guess == str(number) for number, guess in enumerate(first)) >= 8
    assert all(line.count("%") == 2 for line in lines)


def test_a_run_goes_on_where_it_stopped(spec: str, tmp_path: Path, capsys: Output) -> None:
    """With more epochs than it began with."""
    folder = str(tmp_path / "run")
    assert main(["train", spec, "--out", folder]) == 0
    capsys.readouterr()
    assert main(["train", spec, "--resume", folder, "--epochs", "2"]) == 0
    said = capsys.readouterr().out
    assert "going on after epoch 1" in said
    assert "epoch 2/2" in said
    assert "epoch 1/2" not in said


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (["--data", "cifar"], "unknown-dataset", 2),
        (["--epochs", "0"], "recipe-value", 2),
        (["--optimizer", "sdg(lr=1)"], "unknown-optimizer", 2),
        (["--set", "widht=3"], "unknown-parameter", 2),
        (["--device", "gpu"], "unknown-device", 2),
        (["--device", "cuda:99"], "missing-device", 4),
        (["--data", "folder:no/such/folder"], "missing-data", 3),
        (["--out", "/dev/null/run"], "run-folder-unwritable", 2),
        (["--resume", "no/such/run"], "missing-run", 2),
        (["--out", "a", "--resume", "b"], "command-line", 2),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_trained(
    words: list[str],
    code: str,
    exit_code: int,
    spec: str,
    tmp_path: Path,
    capsys: Output,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each has a code of its own, an exit code of its kind, and leaves no run behind."""
    monkeypatch.chdir(tmp_path)
    assert main(["train", spec, *words]) == exit_code
    output = capsys.readouterr()
    assert f"error[{code}]: " in output.err
    assert "Traceback" not in output.err
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_damaged_image_is_named(run: str, tmp_path: Path, capsys: Output) -> None:
    """All of them in one go; the exit code is that of bad data."""
    broken = tmp_path / "broken.png"
    whole = Path(digit(3, tmp_path)).read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    missing = str(tmp_path / "missing.png")

    assert main(["predict", run, str(broken), missing]) == 3
    said = capsys.readouterr().err
    assert "error[damaged-image]" in said
    assert "error[missing-image]" in said


def test_a_folder_that_is_no_run_is_named(tmp_path: Path, capsys: Output) -> None:
    """The command line is to blame."""
    assert main(["eval", str(tmp_path)]) == 2
    assert "error[missing-run]" in capsys.readouterr().err
