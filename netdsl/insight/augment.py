"""Training data augmented by what a network looks at: its region erased, or cut out and enlarged.

A network that is shown its images without what it looked at has to find something else in them (Wei et al.
2017, Object Region Mining with Adversarial Erasing); one that is shown them from near sees details (Hu et al.
2019, See Better Before Looking Closer).

    OUT/train/CLASS/000017-cat.jpg  000017-cat-erased.png  …     each image, and what was made of it
    OUT/test/CLASS/000003-dog.jpg   …                            as they were
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from netdsl.diagnostics import fault
from netdsl.insight.catalog import Asked
from netdsl.insight.explain import FUNCTIONS
from netdsl.insight.explanation import Question
from netdsl.insight.landmarks import Place
from netdsl.insight.localization import box_around, looked_at, speaks_for
from netdsl.insight.subject import Subject
from netdsl.training.catalog.data import DATASETS, FOLDER
from netdsl.training.data.dataset import DataSet, ImageFiles, Split
from netdsl.training.data.find import data_root, find_data

How = Literal["erased", "cropped"]

SHARE = 0.5
"""Of a map's maximum, above which a region is erased or cut out (Hu et al. 2019, section 4.2)."""


@dataclass(frozen=True, slots=True)
class Augmented:
    """What was written."""

    folder: Path
    images: int
    """Images to train on that were there."""
    added: int
    """Images made of them; fewer where a map says nothing for an image's class."""


def data_to_augment(named: str, say: Callable[[str], None], root: Path | None = None) -> DataSet:
    """The data set of a folder, or of a name.

    Raises:
        Faults: it is missing or damaged (3), or there is none of that name (2).
    """
    if not Path(named).is_dir() and named not in DATASETS and not named.startswith(FOLDER):
        help = "name a folder with `train/CLASS/…` and `test/CLASS/…`, or a data set such as `digits`"
        raise fault("missing-data", f"`{named}` is neither a folder nor a data set", exit_code=3, help=help)
    name = f"{FOLDER}{named}" if Path(named).is_dir() else named
    found = find_data((name,), data_root(root), say).data
    if not isinstance(found, DataSet) or not found.classes:
        message = f"`{named}` is no set of images with classes"
        raise fault("missing-data", message, exit_code=3, help="name one such as `digits`")
    return found


def augment(
    subject: Subject,
    data: DataSet,
    method: Asked,
    how: How,
    out: Path,
    *,
    layer: str | None = None,
    threshold: float = SHARE,
) -> Augmented:
    """Writes a data set whose training images are there twice: as they are, and changed by a map.

    The map explains the class that an image is of. Erased is all of it above the threshold, and filled with
    the mean colour of all training images; cut out is the box around that, enlarged to the image's own size.

    Args:
        subject: the network that looks.
        data: the images.
        method: how to explain; one that gives a map.
        how: what to do with what is looked at.
        out: a folder that is not there yet.
        layer: the layer that the method looks at; the last before the classes unless given.
        threshold: the share of a map's maximum.

    Raises:
        Faults: the folder is taken or cannot be written (2), an image is damaged (3), or the network does not
            tell the data's classes apart, or the method gives no map (2).
    """
    if out.exists() and (out.is_file() or any(out.iterdir())):
        help = "choose another, or remove it"
        raise fault("run-folder-taken", f"`{out}` is there already", exit_code=2, help=help)
    numbers = [subject.class_number(name) for name in data.classes]
    changing = _Changing(subject, method, subject.place(layer) if layer else None, threshold, how)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as beside:
            folder = Path(beside) / "data"
            added = 0
            fill = mean_colour(data.train)
            for path, image, label in _written(data.train, data.classes, folder / "train"):
                changed = changing.changed(image, numbers[label], fill)
                if changed is not None:
                    _write(path.with_name(f"{path.stem}-{how}.png"), changed)
                    added += 1
            for _ in _written(data.test, data.classes, folder / "test"):
                pass
            folder.replace(out)  # whole or not at all
    except OSError as error:
        message = f"`{out}` cannot be written: {(error.strerror or str(error)).lower()}"
        raise fault("unwritable-file", message, exit_code=2, help="choose another folder") from None
    return Augmented(out, len(data.train), added)


@dataclass(frozen=True, slots=True)
class _Changing:
    """How images are changed."""

    subject: Subject
    method: Asked
    place: Place | None
    threshold: float
    how: How

    def changed(self, pixels: torch.Tensor, class_number: int, fill: torch.Tensor) -> torch.Tensor | None:
        """What is made of an image; None where the map says nothing for its class."""
        picture = self.subject.picture_of(pixels, "")
        question = Question(self.subject, picture, class_number, self.place)
        explanation = FUNCTIONS[self.method.word](question, **self.method.options)
        if explanation.kind != "heat":
            message = f"`{self.method}` gives no map that says where in an image a class is seen"
            raise fault("command-line", message, help="take one such as `gradcam` or `occlusion`")
        seen = looked_at(speaks_for(explanation, picture), self.threshold)
        if not seen.any():
            return None
        return erased(pixels, seen, fill) if self.how == "erased" else cropped(pixels, seen)


def erased(pixels: torch.Tensor, seen: np.ndarray, fill: torch.Tensor) -> torch.Tensor:
    """An image `(C, H, W)` whose region `(H, W)` is filled with a colour `(C,)`."""
    return torch.where(torch.from_numpy(seen), fill[:, None, None].to(pixels), pixels)


def cropped(pixels: torch.Tensor, seen: np.ndarray) -> torch.Tensor:
    """The box around a region `(H, W)` of an image `(C, H, W)`, enlarged to the image's own size."""
    left, top, right, bottom = map(int, box_around(seen))
    part = pixels[None, :, top:bottom, left:right].float()
    large = F.interpolate(part, pixels.shape[1:], mode="bilinear", align_corners=False)[0]
    return large.round().clamp(0, 255).to(torch.uint8)


def mean_colour(split: Split) -> torch.Tensor:
    """The mean of all pixels of all images, `(C,)` from 0 to 255; one value where all are grey."""
    sums, pixels = torch.zeros(3, dtype=torch.float64), 0
    channels = 1
    for number in range(len(split)):
        image = split.images[number]
        sums += image.double().sum(dim=(1, 2))
        pixels += image[0].numel()
        channels = max(channels, image.shape[0])
    return (sums / pixels).round()[:channels]


def _written(split: Split, classes: Sequence[str], folder: Path) -> Iterator[tuple[Path, torch.Tensor, int]]:
    """Writes the images of a split as they are: their new files, with their pixels and classes."""
    images = split.images
    for number, label in enumerate(split.labels.tolist()):
        within = folder / classes[label].replace("/", "_")
        within.mkdir(parents=True, exist_ok=True)
        image = images[number]
        if isinstance(images, ImageFiles):
            path = within / f"{number:06}-{images.paths[number].name}"
            shutil.copyfile(images.paths[number], path)
        else:
            path = within / f"{number:06}.png"
            _write(path, image)
        yield path, image, label


def _write(path: Path, pixels: torch.Tensor) -> None:
    values = pixels.permute(1, 2, 0).numpy()
    Image.fromarray(values[..., 0] if values.shape[2] == 1 else values).save(path)
