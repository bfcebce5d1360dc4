"""`netdsl train --init` from the command line, and `netdsl.train(init=…)`."""

from pathlib import Path

import pytest
import torch

import netdsl
from netdsl.cli.main import main

SPEC = """
name: small
input: [1, 8, 8]
params: {classes: 10}
net:
  body: conv(16, 3, padding=1) -> batchnorm -> relu -> maxpool(2)
  head: flatten -> linear(classes)
train: {data: digits, batch: 32, epochs: 1, optimizer: adam(lr=1e-2)}
"""

Output = pytest.CaptureFixture[str]


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a spec in the current folder, with a file of its weights beside it."""
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(SPEC)
    torch.save(netdsl.build("small.yaml").state_dict(), "small.pth")
    return "small.yaml"


def test_a_training_begins_with_the_weights_of_a_file(spec: str, capsys: Output) -> None:
    assert main(["train", spec, "--init", "small.pth", "--out", "run"]) == 0
    assert "begins with small.pth: 3 of 3 layers, mapped by name" in capsys.readouterr().out


def test_python_says_the_same(spec: str, capsys: Output) -> None:
    run = netdsl.train(spec, init=Path("small.pth"), init_except=["head"], out="run")

    assert "begins with small.pth: 2 of 3 layers" in capsys.readouterr().out
    assert (run.folder / "initial_weights.json").is_file()


def test_words_of_a_recipe_are_still_its(spec: str, capsys: Output) -> None:
    """`--init` replaces the key of its name, as every other option does."""
    run = netdsl.train(spec, init="xavier", out="run")

    assert str(run.recipe.init) == "xavier"
    assert not (run.folder / "initial_weights.json").exists()


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (["--init", "no.pth"], "missing-weights", 3),
        (["--init", "torchvision:"], "init-form", 2),
        (["--init", "torchvision:IMAGENET1K_V1"], "unknown-weights", 2),
        (["--init", "xaver"], "unknown-initialization", 2),
        (["--fresh-head"], "init-form", 2),
        (["--init", "xavier", "--init-except", "head"], "init-form", 2),
        (["--init", "cut.pth"], "damaged-weights", 5),
        (["--init", "small.pth", "--set", "classes=12"], "weights-mismatch", 5),
        (["--init", "small.pth", "--init-except", "haed"], "weights-mismatch", 5),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_trained(
    words: list[str], code: str, exit_code: int, spec: str, tmp_path: Path, capsys: Output
) -> None:
    """Each with its exit code and no traceback, and no run is left behind."""
    Path("cut.pth").write_bytes(Path("small.pth").read_bytes()[:1000])

    assert main(["train", spec, *words]) == exit_code

    said = capsys.readouterr().err
    assert f"error[{code}]: " in said
    assert "Traceback" not in said
    assert not any(path.is_file() for path in (tmp_path / "runs").rglob("*"))


def test_a_refusal_shows_what_meets_what(spec: str, capsys: Output) -> None:
    assert main(["train", spec, "--init", "small.pth", "--set", "classes=12"]) == 5

    assert capsys.readouterr().err == (
        "error[weights-mismatch]: the weights of `small.pth` do not fit `small`: layer 3: "
        "`weight` of `head.linear1` is (10, 256), of `head.linear1` it is (12, 256)\n"
        " = note: 1  `body.conv1` weight 16×1×3×3 + bias  fits    `body.conv1` Conv2d 16×1×3×3 + bias\n"
        "         2  `body.batchnorm1` weight 16          fits    `body.batchnorm1` BatchNorm2d 16\n"
        "         3  `head.linear1` weight 10×256 + bias  is not  `head.linear1` Linear 12×256 + bias\n"
        "         2 of 3 layers fit; only `head.linear1` differs, and only in rows: "
        "another number of classes (10 there, 12 here)\n"
        " = help: keep the rest, and let these layers begin anew: `--fresh-head`\n"
    )
