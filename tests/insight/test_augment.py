"""Training data with what a network looks at erased, or cut out: pixel by pixel, and as data to train on."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from netdsl.cli.main import main
from netdsl.insight.augment import augment, cropped, data_to_augment, erased, mean_colour
from netdsl.insight.catalog import read_methods
from netdsl.insight.subject import Subject
from netdsl.training.data.dataset import DataSet, HeldImages, Split
from tests.insight.planted import detector, plant
from tests.insight.subjects import quiet
from tests.training.networks import fault_of

(GRADCAM,) = read_methods("gradcam")
Output = pytest.CaptureFixture[str]


def read(path: Path) -> torch.Tensor:
    """A picture's bytes, `(1, H, W)`."""
    with Image.open(path) as picture:
        return torch.from_numpy(np.array(picture))[None]


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return detector(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight images to train on and two for tests, in the folders of their classes."""
    found = tmp_path_factory.mktemp("data") / "planted"
    for number in range(10):
        one = plant(number)
        path = found / ("train" if number < 8 else "test") / str(one.label) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(one.pixels[0].numpy()).save(path)
    return found


def test_what_is_looked_at_is_erased(subject: Subject, folder: Path, tmp_path: Path) -> None:
    """On the patch, which alone decides, so that less is seen of it; the images' mean takes its place."""
    data = data_to_augment(str(folder), quiet)
    made = augment(subject, data, GRADCAM, "erased", tmp_path / "out", threshold=0.2)
    everything = torch.stack([plant(number).pixels for number in range(8)])
    fill = round(float(everything.double().mean()))

    assert (made.images, made.added) == (8, 8)
    for number in range(8):
        one = plant(number)
        (before,) = (tmp_path / "out/train" / str(one.label)).glob(f"*-{number}.png")
        assert torch.equal(read(before), one.pixels)
        after = read(before.with_name(f"{before.stem}-erased.png"))
        changed = (after != one.pixels)[0]
        assert (after[0][changed] == fill).all()
        left, top, right, bottom = map(int, one.box)
        near = changed[max(0, top - 3) : bottom + 3, max(0, left - 3) : right + 3]
        assert near.sum() == changed.sum() > 0
        scores = [subject.scores(subject.picture_of(image, "").input)[0] for image in (one.pixels, after)]
        assert scores[1][one.label] < 0.5 * scores[0][one.label]


def test_what_is_looked_at_is_cut_out(subject: Subject, folder: Path, tmp_path: Path) -> None:
    """And enlarged to the size of its image: the stripes are as wide as the box is to the image."""
    data = data_to_augment(str(folder), quiet)
    augment(subject, data, GRADCAM, "cropped", tmp_path / "out", threshold=0.2)

    for path in (tmp_path / "out/train").rglob("*-cropped.png"):
        after = read(path).float() / 255
        assert after.shape == (1, 32, 32)
        bright = (after > 0.8).float().mean() + (after < 0.2).float().mean()
        assert bright > 0.4  # stripes of black and white; before, a tenth of the image


def test_a_region_is_a_region() -> None:
    """By hand, at three pixels."""
    pixels = torch.arange(12, dtype=torch.uint8).view(1, 3, 4)
    seen = np.zeros((3, 4), dtype=bool)
    seen[1, 1:3] = True

    assert erased(pixels, seen, torch.tensor([99.0]))[0].tolist() == [
        [0, 1, 2, 3],
        [4, 99, 99, 7],
        [8, 9, 10, 11],
    ]
    assert cropped(pixels, seen).tolist() == [[[5, 5, 6, 6]] * 3]


def test_the_mean_is_over_all_pixels() -> None:
    """Of images of several sizes, grey and in colour: each pixel counts once."""
    images = [torch.full((1, 1, 1), 10), torch.stack([torch.full((1, 3), value) for value in (20, 30, 50)])]
    split = Split([image.to(torch.uint8) for image in images], torch.zeros(2))

    assert mean_colour(split).tolist() == [round(70 / 4), round(100 / 4), 40]


def test_it_is_data_to_train_on(subject: Subject, folder: Path, tmp_path: Path) -> None:
    """A folder as any other: as many test images as before, twice as many to train on."""
    out = tmp_path / "out"
    augment(subject, data_to_augment(str(folder), quiet), GRADCAM, "erased", out)
    data = data_to_augment(str(out), quiet)

    assert (len(data.train), len(data.test), data.classes) == (16, 2, ("0", "1"))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_images_that_say_nothing_are_left_alone(subject: Subject, tmp_path: Path) -> None:
    """And counted: a map of zeros has no region."""
    images = torch.stack([torch.full((1, 32, 32), 128, dtype=torch.uint8), plant(1).pixels])
    split = Split(HeldImages(images), torch.tensor([1, 1]))
    data = DataSet(name="n", classes=("0", "1"), train=split, test=split, fingerprint="")
    made = augment(subject, data, GRADCAM, "erased", tmp_path / "out")

    assert (made.images, made.added) == (2, 1)
    names = sorted(path.name for path in (tmp_path / "out").rglob("*.png"))
    assert names == ["000000.png", "000000.png", "000001-erased.png", "000001.png", "000001.png"]


def test_nothing_is_overwritten_and_nothing_left_half_done(
    subject: Subject, folder: Path, tmp_path: Path
) -> None:
    """A folder that is taken is refused; where the method gives no map, none is made."""
    data = data_to_augment(str(folder), quiet)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/thesis.txt").write_text("…")
    (guided,) = read_methods("guided")

    assert fault_of(lambda: augment(subject, data, GRADCAM, "erased", tmp_path / "taken")) == (
        "run-folder-taken",
        2,
    )
    assert fault_of(lambda: augment(subject, data, guided, "erased", tmp_path / "new")) == ("command-line", 2)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


SPEC = "name: small\ninput: [1, 8, 8]\nnet:\n  body: conv(8, 3, padding=1) -> relu\n"
SPEC += "  head: global_avgpool -> flatten -> linear(2)\n"


@pytest.fixture
def spec(tmp_path: Path) -> str:
    (tmp_path / "small.yaml").write_text(SPEC)
    return str(tmp_path / "small.yaml")


def test_the_command_says_how_to_go_on(spec: str, folder: Path, tmp_path: Path, capsys: Output) -> None:
    """With the folder that was written."""
    out = tmp_path / "erased"
    assert main(["explain", spec, str(folder), "--erase", str(out), "--device", "cpu"]) == 0
    said = capsys.readouterr().out

    assert "images to train on added to 8, by `gradcam`" in said
    assert f"train on them with `--data folder:{out}`" in said
    recipe = ["--epochs", "1", "--device", "cpu", "--out", str(tmp_path / "run")]
    assert main(["train", spec, "--data", f"folder:{out}", *recipe]) == 0


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (["DATA", "--erase", "OUT", "--crop", "OUT"], "command-line", 2),
        (["DATA", "DATA", "--erase", "OUT"], "command-line", 2),
        (["DATA", "--erase", "OUT", "--method", "cam, gradcam"], "command-line", 2),
        (["DATA", "--erase", "OUT", "--class", "1"], "command-line", 2),
        (["DATA", "--erase", "OUT", "-o", "seen.png"], "command-line", 2),
        (["DATA", "--erase", "OUT", "--threshold", "2"], "option-value", 2),
        (["DATA", "--erase", "OUT", "--method", "filters"], "command-line", 2),
        (["no_such_data", "--erase", "OUT"], "missing-data", 3),
        (["digits", "--erase", "OUT"], "unknown-class", 2),
        (["synthetic_scene", "--erase", "OUT"], "missing-data", 3),
    ],
)
def test_what_is_wrong_is_said(
    words: list[str], code: str, exit_code: int, spec: str, folder: Path, tmp_path: Path, capsys: Output
) -> None:
    """And no folder is left behind."""
    stand_ins = {"DATA": str(folder), "OUT": str(tmp_path / "out")}
    assert main(["explain", spec, *(stand_ins.get(word, word) for word in words)]) == exit_code
    said = capsys.readouterr().err

    assert f"error[{code}]: " in said
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]
