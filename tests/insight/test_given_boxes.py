"""Weak localisation: boxes from maps measured beside boxes from a file."""

from pathlib import Path

import pytest
from PIL import Image

from netdsl.cli.main import main
from netdsl.insight.catalog import read_methods
from netdsl.insight.explain import Answer, explain
from netdsl.insight.given_boxes import located, read_boxes, scores
from netdsl.insight.localization import overlap
from tests.insight.planted import detector, plant
from tests.insight.subjects import SMALL
from tests.training.networks import fault_of

HEAD = "image,left,top,right,bottom\n"
Output = pytest.CaptureFixture[str]


def planted_images(folder: Path, count: int) -> tuple[list[Path], Path]:
    """Images in files, and the file of their patches' boxes, each with a second box far off."""
    paths, lines = [], HEAD
    for number in range(count):
        one = plant(number)
        paths.append(folder / f"{number}.png")
        Image.fromarray(one.pixels[0].numpy()).save(paths[-1])
        lines += f"{number}.png,{','.join(map(str, one.box))}\n{number}.png,0,0,1,1\n"
    (folder / "boxes.csv").write_text(lines)
    return paths, folder / "boxes.csv"


def test_overlaps_are_with_the_nearest_box(tmp_path: Path) -> None:
    """As computed box by box; their mean, and the share of those that are enough."""
    images, file = planted_images(tmp_path, 6)
    subject = detector(tmp_path)
    answers = explain((subject,), images, read_methods("saliency, guided, cam"))
    found = located(answers, read_boxes(file), 0.2)

    assert [(one.image, one.method) for one in found[:3]] == [
        ("0.png", "saliency"),
        ("0.png", "cam"),
        ("1.png", "saliency"),
    ]
    for number, one in enumerate(found[::2]):
        assert one.overlap == overlap(one.box, plant(number).box) > 0.5
    (saliency, cam) = scores(found)
    shares = [one.overlap for one in found[1::2]]
    assert cam.mean == pytest.approx(sum(shares) / 6)
    assert cam.found == pytest.approx(sum(share >= 0.5 for share in shares) / 6)
    assert (saliency.images, saliency.found) == (6, 1.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cat.png,1,2,3,4\n",
        f"{HEAD}cat.png,1,2,3\n",
        f"{HEAD}cat.png,1,2,3,4,5\n",
        f"{HEAD}cat.png,a,2,3,4\n",
        f"{HEAD}cat.png,3,2,3,4\n",
        f"{HEAD}cat.png,1,5,3,4\n",
        f"{HEAD}cat.png,1,2,nan,4\n",
        f"{HEAD}cat.png,1,2,inf,4\n",
    ],
)
def test_lines_that_are_no_boxes_are_refused(text: str, tmp_path: Path) -> None:
    """With the file and the line; so is a file that is not there, or not text."""
    (tmp_path / "boxes.csv").write_text(text)
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe")

    for name in ("boxes.csv", "none.csv", "bytes.csv"):
        assert fault_of(lambda name=name: read_boxes(tmp_path / name)) == ("boxes-form", 3)  # type: ignore[misc]


def test_blank_lines_and_blanks_say_nothing(tmp_path: Path) -> None:
    """As spreadsheets write them."""
    (tmp_path / "boxes.csv").write_text(
        "\ufeffimage, left, top, right, bottom\r\n\r\n cat.png ,1, 2,3.5,4\r\n"
    )

    assert read_boxes(tmp_path / "boxes.csv") == {"cat.png": [(1.0, 2.0, 3.5, 4.0)]}


def test_an_image_without_a_box_is_a_fault(tmp_path: Path) -> None:
    """It would change the mean; so is a method without maps."""
    images, file = planted_images(tmp_path, 2)
    file.write_text(HEAD + "1.png,1,2,3,4\n")
    subject = detector(tmp_path)

    def answers(methods: str, images: list[Path]) -> tuple[Answer, ...]:
        return explain((subject,), images, read_methods(methods))

    assert fault_of(lambda: located(answers("cam", images), read_boxes(file), 0.2)) == ("boxes-form", 3)
    assert fault_of(lambda: located(answers("guided", images[1:]), read_boxes(file), 0.2)) == (
        "command-line",
        2,
    )


def test_the_command_measures_and_draws(tmp_path: Path, capsys: Output) -> None:
    """A line for each image, then the means; a sheet where one is asked for, with both boxes in it."""
    images, file = planted_images(tmp_path, 2)
    spec = tmp_path / "small.yaml"
    spec.write_text(SMALL)
    words = ["explain", str(spec), *map(str, images), "--boxes", str(file), "--device", "cpu"]
    assert main([*words, "--method", "saliency, gradcam"]) == 0
    said = capsys.readouterr().out.splitlines()

    assert [line.split()[2:] for line in said if line.startswith("overlap")] == [
        [method, image] for image in ("0.png", "1.png") for method in ("saliency", "gradcam")
    ]
    assert sum(line.startswith("mean overlap") for line in said) == 2
    assert not (tmp_path / "explained.png").exists()
    assert main([*words, "-o", str(tmp_path / "drawn.svg")]) == 0
    drawn = (tmp_path / "drawn.svg").read_text()
    assert drawn.count("stroke: #00ff00") == 4
    assert drawn.count("stroke: #ffffff") == 2


def test_a_sheet_has_an_end(tmp_path: Path, capsys: Output) -> None:
    """More rows than a picture can hold are refused before anything is explained."""
    images, _ = planted_images(tmp_path, 1)
    (tmp_path / "small.yaml").write_text(SMALL)
    words = ["explain", str(tmp_path / "small.yaml"), *[str(images[0])] * 101]

    assert main([*words, "-o", str(tmp_path / "seen.png")]) == 2
    assert "a sheet of 101 rows" in capsys.readouterr().err
