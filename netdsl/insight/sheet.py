"""Answers as one labelled sheet, as single pictures, and as arrays.

sheet.png sheet.svg          a row for each image and network, a column for each method
IMAGE-METHOD.png             overlays, of the image's own size
explanations.npz             the values
"""

from __future__ import annotations

import io
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from netdsl.diagnostics import fault
from netdsl.insight.colours import (
    HEAT,
    OPACITY,
    SMALLEST_SHOWN,
    Pixels,
    limits,
    mosaic,
    on_image,
    overlay,
    shown_image,
    signed,
)
from netdsl.insight.explain import Answer
from netdsl.insight.explanation import Array, Explanation
from netdsl.insight.given_boxes import Boxes
from netdsl.insight.localization import SHARE, Box, box_on_image

CELL_INCHES = 3.1
MOST_COLUMNS = 7
TITLE_INCHES = 0.8
MOST_ROWS = 100
DOTS_PER_INCH = 130
LABEL_POINTS = 8.5
GIVEN = "lime"
"""The colour of boxes that somebody drew; those of maps are white."""
SHEET, ARRAYS = "sheet", "explanations.npz"


@dataclass(frozen=True, slots=True)
class Drawn:
    """Boxes to draw: around what each map points at, and those that somebody drew."""

    threshold: float = SHARE
    given: Boxes = field(default_factory=dict)


def check_size(rows: int, out: Path) -> None:
    """Refuses a sheet that no picture can hold.

    Raises:
        Faults: it has too many rows; exit code 2.
    """
    if rows > MOST_ROWS and out.suffix != ".npz":
        message = f"a sheet of {rows:,} rows is more than a picture can hold, which is {MOST_ROWS}"
        raise fault("command-line", message, help="explain fewer images, or write values: `-o seen.npz`")


def draw_sheet(answers: Sequence[Answer], boxes: Drawn | None = None) -> Figure:
    """All answers: the image first, then what each method says of it; a long row goes on in the next."""
    columns = min(1 + len(answers[0].explanations), MOST_COLUMNS)
    lines = -(-(1 + len(answers[0].explanations)) // columns)
    heights = [_line_inches(answer) for answer in answers for _ in range(lines)]
    figure = Figure(figsize=(CELL_INCHES * columns, sum(heights)))
    figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
    several = _are_several(answers)
    cells = figure.subplots(len(heights), columns, squeeze=False, height_ratios=heights)
    for row, answer in enumerate(answers):
        first, *others = cells[row * lines : (row + 1) * lines].flat
        _draw_image(first, answer, with_network=several)
        for axes in others[len(answer.explanations) :]:
            axes.set_axis_off()
        for axes, explanation in zip(others, answer.explanations, strict=False):
            _draw(figure, axes, answer, explanation)
            if boxes is not None and explanation.kind == "heat":
                _draw_box(axes, box_on_image(explanation, answer.picture, boxes.threshold), "white")
                for box in boxes.given.get(answer.picture.name, ()):
                    _draw_box(axes, box, GIVEN)
    return figure


def _are_several(answers: Sequence[Answer]) -> bool:
    """Whether more than one network was asked."""
    return len({id(answer.subject) for answer in answers}) > 1


def _line_inches(answer: Answer) -> float:
    """A line is as high as what stands in it: the image, or a square where a method gives one."""
    height, width = answer.picture.pixels.shape[1:]
    is_square = any(explanation.kind != "heat" for explanation in answer.explanations)
    return TITLE_INCHES + CELL_INCHES * min(1.5, max(height / width, is_square))


def _draw_image(axes: Axes, answer: Answer, *, with_network: bool) -> None:
    axes.imshow(shown_image(answer.picture), interpolation="nearest")
    network = [answer.subject.name] if with_network else []
    chosen = [] if answer.chosen == answer.predicted else [f"explained: {answer.chosen}"]
    lines = [answer.picture.name, *network, f"predicted: {answer.predicted}", *chosen]
    _label(axes, lines)


def _draw(figure: Figure, axes: Axes, answer: Answer, explanation: Explanation) -> None:
    blue_first = answer.subject.blue_first
    if explanation.kind == "heat":
        image = shown_image(answer.picture)
        factor = -(-SMALLEST_SHOWN // min(image.shape[:2]))
        extent = (-0.5, image.shape[1] - 0.5, image.shape[0] - 0.5, -0.5)
        lowest, highest = limits(explanation.values)
        axes.imshow(image, interpolation="nearest")
        laid = on_image(explanation.values, answer.picture, factor)
        heat = axes.imshow(laid, cmap=HEAT, alpha=OPACITY, vmin=lowest, vmax=highest, extent=extent)
        bar = figure.colorbar(heat, cax=axes.inset_axes((1.02, 0, 0.04, 1)))
        bar.ax.tick_params(labelsize=7)
        bar.ax.yaxis.offsetText.set_fontsize(7)
    elif explanation.kind == "colour":
        axes.imshow(signed(explanation.values, blue_first), interpolation="nearest")
    else:
        axes.imshow(mosaic(explanation, blue_first), interpolation="nearest")
    silent = explanation.kind == "heat" and float(explanation.values.max()) <= 0
    said = (explanation.place, explanation.note, "nothing speaks for it" if silent else "")
    _label(axes, [explanation.method, *(text for text in said if text)])


def _draw_box(axes: Axes, box: Box, colour: str) -> None:
    left, top, right, bottom = box
    corner = (left - 0.5, top - 0.5)  # the middle of the first pixel is at 0
    axes.add_patch(Rectangle(corner, right - left, bottom - top, fill=False, color=colour, linewidth=1.5))


def _label(axes: Axes, lines: Sequence[str]) -> None:
    """The first line above the others, and stronger."""
    first, *others = (line.replace("$", r"\$") for line in lines)
    axes.set_title("\n".join(others), fontsize=LABEL_POINTS)
    axes.annotate(
        first,
        (0.5, 1),
        (0, 6 + 1.25 * LABEL_POINTS * len(others)),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=LABEL_POINTS + 2,
        fontweight="bold",
    )
    axes.set_xticks([])
    axes.set_yticks([])


def arrays(answers: Sequence[Answer]) -> dict[str, Array]:
    """The values of all answers, under `ROW.IMAGE.NETWORK.METHOD`, further figures behind another dot."""
    found: dict[str, Array] = {}
    for row, answer in enumerate(answers):
        for explanation in answer.explanations:
            name = f"{row}.{answer.picture.name}.{answer.subject.name}.{explanation.method}"
            name = _unused(name, found)
            found[name] = explanation.values
            found |= {f"{name}.{key}": values for key, values in explanation.extra.items()}
    return found


def write_answers(answers: Sequence[Answer], out: Path, boxes: Drawn | None = None) -> tuple[Path, ...]:
    """Writes a sheet (`.png`, `.svg`), arrays (`.npz`), or, without an ending, all there is into a folder.

    Raises:
        Faults: they cannot be written; exit code 2.
    """
    contents = _contents(answers, boxes)
    try:
        if out.suffix and not out.is_dir():
            out.parent.mkdir(parents=True, exist_ok=True)
            name = ARRAYS if out.suffix == ".npz" else f"{SHEET}{out.suffix}"
            out.write_bytes(contents[name]())
            return (out,)
        out.mkdir(parents=True, exist_ok=True)
        for name, make in contents.items():
            (out / name).write_bytes(make())
        return tuple(out / name for name in contents)
    except OSError as error:
        message = f"`{out}` cannot be written: {(error.strerror or str(error)).lower()}"
        raise fault("unwritable-file", message, exit_code=2, help="choose another with `-o`") from None


def _contents(answers: Sequence[Answer], boxes: Drawn | None) -> Mapping[str, Callable[[], bytes]]:
    """What a folder of answers holds, by name, each made when it is written."""
    found: dict[str, Callable[[], bytes]] = {
        f"{SHEET}.png": lambda: _figure_bytes(answers, "png", boxes),
        f"{SHEET}.svg": lambda: _figure_bytes(answers, "svg", boxes),
        ARRAYS: lambda: _array_bytes(answers),
    }
    several = _are_several(answers)
    for answer in answers:
        for explanation in answer.explanations:
            network = [answer.subject.name] if several else []
            stem = "-".join((Path(answer.picture.name).stem, *network, explanation.method))
            found[_unused(stem, found, ".png")] = lambda a=answer, e=explanation: _png(_pixels(a, e))  # type: ignore[misc]
    return found


def _unused(name: str, taken: Container[str], suffix: str = "") -> str:
    """The name, numbered where it is taken: a method asked twice, two images of one name."""
    numbered = (f"{name}-{number}{suffix}" for number in count(2))
    return next(candidate for candidate in chain((f"{name}{suffix}",), numbered) if candidate not in taken)


def _pixels(answer: Answer, explanation: Explanation) -> Pixels:
    blue_first = answer.subject.blue_first
    if explanation.kind == "heat":
        return overlay(explanation, answer.picture)
    if explanation.kind == "colour":
        return signed(explanation.values, blue_first)
    return mosaic(explanation, blue_first)


def _figure_bytes(answers: Sequence[Answer], kind: str, boxes: Drawn | None) -> bytes:
    file = io.BytesIO()
    draw_sheet(answers, boxes).savefig(file, format=kind, dpi=DOTS_PER_INCH)
    return file.getvalue()


def _array_bytes(answers: Sequence[Answer]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays(answers))  # type: ignore[arg-type]
    return file.getvalue()


def _png(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="png")
    return file.getvalue()
