"""`netdsl explain` from the command line: a small network on the embedded digits, and what can go wrong."""

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from netdsl.cli.main import main
from tests.cli.test_runs import digit

SPEC = """
name: small
input: [1, 8, 8]
net:
  body: conv(8, 3, padding=1) -> relu
  head: global_avgpool -> flatten -> linear(10)
train:
  data: digits
  batch: 64
  epochs: 1
  optimizer: adam(lr=1e-2)
"""
DEEP = SPEC.replace("global_avgpool -> flatten", "flatten -> linear(16) -> relu").replace("small", "deep")
EVERY = (
    "cam, gradcam, gradcam++, smoothgradcam++(samples=2), scorecam, sscam(samples=2), saliency, guided, "
    "deconvnet, occlusion, filters, features(count=4)"
)

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "small.yaml").write_text(SPEC)
    (folder / "deep.yaml").write_text(DEEP)
    assert main(["train", str(folder / "small.yaml"), "--out", str(folder / "run"), "--device", "cpu"]) == 0
    return str(folder / "run")


@pytest.fixture(scope="module")
def photograph(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a photograph in colour, 80 by 53 pixels."""
    path = tmp_path_factory.mktemp("images") / "flower.png"
    Image.fromarray(load_sample_images().images[1][::8, ::8]).save(path)
    return str(path)


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of a picture."""
    with Image.open(path) as picture:
        return picture.size


def test_a_folder_holds_sheet_overlays_and_arrays(
    run: str, photograph: str, tmp_path: Path, capsys: Output
) -> None:
    """For each image and method; overlays are of the image's own size; all that was written is named."""
    out = tmp_path / "out"
    images = [digit(3, tmp_path), photograph]
    assert main(["explain", run, *images, "--method", EVERY, "-o", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert {Path(line) for line in lines[2:]} == set(out.iterdir())
    assert lines[0].startswith("3.png: ")
    assert "small at body.relu1" in lines[0]
    for name, size in (("3", (8, 8)), ("flower", (80, 54))):
        for method in ("cam", "gradcam++", "occlusion"):
            assert size_of(out / f"{name}-{method}.png") == size
        assert size_of(out / f"{name}-guided.png") == (8, 8)
    assert size_of(out / "sheet.png")[0] > 1000
    ET.fromstring((out / "sheet.svg").read_text())  # noqa: S314 - our own file
    with np.load(out / "explanations.npz") as arrays:
        assert arrays["0.3.png.small.cam"].shape == (8, 8)
        assert arrays["1.flower.png.small.deconvnet"].shape == (1, 8, 8)
        assert arrays["1.flower.png.small.features"].shape == (4, 1, 8, 8)
        assert all(np.isfinite(arrays[name]).all() for name in arrays.files)


@pytest.mark.parametrize("suffix", [".png", ".svg", ".npz"])
def test_a_file_is_of_the_kind_it_is_called(run: str, photograph: str, suffix: str, tmp_path: Path) -> None:
    """And in a folder that is made for it; the class is the one that is named."""
    out = tmp_path / "new" / f"seen{suffix}"
    assert main(["explain", run, photograph, "--class", "4", "-o", str(out)]) == 0

    assert [path.name for path in out.parent.iterdir()] == [out.name]
    beginnings = {".png": b"\x89PNG", ".svg": b"<?xml", ".npz": b"PK"}
    assert out.read_bytes().startswith(beginnings[suffix])


def test_classes_are_said_with_their_probabilities(run: str, tmp_path: Path, capsys: Output) -> None:
    """The predicted one, and another that is explained."""
    image, out = digit(0, tmp_path), str(tmp_path / "a.npz")
    assert main(["explain", run, image, "--class", "4", "-o", out]) == 0
    line = capsys.readouterr().out.splitlines()[0]

    predicted, explained = line.removeprefix("0.png: ").split(", explained: ")
    assert predicted.endswith("%")
    assert explained.startswith("4 ")


def test_a_box_is_printed_and_drawn(run: str, photograph: str, tmp_path: Path, capsys: Output) -> None:
    """Inside the image; a method that is asked twice keeps both answers."""
    words = ["explain", run, photograph, "--method", "cam, cam(relu=true), guided"]
    assert main([*words, "-o", str(tmp_path / "plain.png")]) == 0
    assert main([*words, "--box", "-o", str(tmp_path / "boxed.png")]) == 0
    boxes = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("  cam")]
    assert main([*words, "-o", str(tmp_path / "values.npz")]) == 0

    for box in boxes:
        left, top, right, bottom = (int(word.strip(",")) for word in box[2::2])
        assert 0 <= left < right <= 80
        assert 0 <= top < bottom <= 54
    assert len(boxes) == 2
    assert (tmp_path / "plain.png").read_bytes() != (tmp_path / "boxed.png").read_bytes()
    with np.load(tmp_path / "values.npz") as arrays:
        assert {"0.flower.png.small.cam", "0.flower.png.small.cam-2"} <= set(arrays.files)


def test_networks_are_compared(run: str, photograph: str, tmp_path: Path, capsys: Output) -> None:
    """A row for each image and network; one that has no checkpoint is a spec, and told as such."""
    out, deep = tmp_path / "out", str(Path(run).parent / "deep.yaml")
    assert main(["explain", run, photograph, "--compare", deep, "-o", str(out)]) == 0
    said = capsys.readouterr().out

    assert "note: `deep` has random weights" in said
    assert "; small at body.relu1" in said
    assert "; deep at body.relu1" in said
    assert {"flower-small-gradcam.png", "flower-deep-gradcam.png"} <= {path.name for path in out.iterdir()}


def test_a_spec_takes_weights_as_training_does(
    run: str, photograph: str, tmp_path: Path, capsys: Output
) -> None:
    """From a run: the maps are those of the run itself, scaling aside."""
    spec, out = str(Path(run).parent / "small.yaml"), str(tmp_path / "a.npz")
    assert main(["explain", spec, photograph, "--init", run, "-o", out]) == 0

    assert "begins with" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (["--method", "gradcma"], "unknown-method", 2),
        (["--method", "gradcam(size=3)"], "unknown-argument", 2),
        (["--layer", "body.relu"], "unknown-layer-path", 2),
        (["--layer", "head.linear1"], "layer-not-spatial", 2),
        (["--layer", "body.relu1", "--method", "saliency"], "command-line", 2),
        (["--method", "features(map=8)"], "unknown-map", 2),
        (["--class", "10"], "unknown-class", 2),
        (["--class", "cat"], "unknown-class", 2),
        (["--device", "gpu"], "unknown-device", 2),
        (["--set", "a=1"], "command-line", 2),
        (["--compare", "no_such_net"], "missing-spec", 2),
        (["-o", "seen.jpg"], "option-value", 2),
        (["-o", "/dev/null/seen"], "unwritable-file", 2),
    ],
)
def test_what_is_wrong_is_said(
    words: list[str], code: str, exit_code: int, run: str, photograph: str, capsys: Output
) -> None:
    """Each with a code of its own, and the exit code of its kind."""
    assert main(["explain", run, photograph, *words]) == exit_code
    said = capsys.readouterr().err
    assert f"error[{code}]: " in said
    assert "Traceback" not in said


def test_cam_without_global_pooling_proposes_gradcam(run: str, photograph: str, capsys: Output) -> None:
    """Which needs none."""
    deep = str(Path(run).parent / "deep.yaml")
    assert main(["explain", deep, photograph, "--method", "cam"]) == 2
    said = capsys.readouterr().err

    assert "error[no-global-pooling]: `deep` does not end in global average pooling" in said
    assert "help: use `gradcam`" in said


def test_images_that_cannot_be_read_are_told_at_once(run: str, tmp_path: Path, capsys: Output) -> None:
    """All of them; the exit code is that of bad data."""
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    assert main(["explain", run, str(broken), str(tmp_path / "none.png")]) == 3
    said = capsys.readouterr().err

    assert "error[damaged-image]" in said
    assert "error[missing-image]" in said


def test_a_folder_that_is_no_run_and_one_without_weights(run: str, photograph: str, tmp_path: Path) -> None:
    """A run that ended in its first epoch has no checkpoint."""
    for name in ("run.json", "recipe.json", "spec.yaml"):
        (tmp_path / name).write_bytes((Path(run) / name).read_bytes())

    assert main(["explain", str(tmp_path), photograph]) == 5
    (tmp_path / "run.json").unlink()
    assert main(["explain", str(tmp_path), photograph]) == 2
