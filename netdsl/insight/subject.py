"""What is explained: a network with its weights, and how images come to it and classes are called.

C channels, H height, W width.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from netdsl.diagnostics import did_you_mean, fault
from netdsl.graph.graph import Network
from netdsl.insight.capture import entering
from netdsl.insight.landmarks import Place, last_spatial_place, probabilities_path
from netdsl.training.data.pictures import read_picture
from netdsl.training.device import Placement
from netdsl.training.transforms import Scaling, Transform


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the network's input lies on an image, in the image's own pixels."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An image, as it is and as the network takes it."""

    name: str
    pixels: torch.Tensor
    """Bytes, `(1 or 3, H, W)`, of the image's own size."""
    input: torch.Tensor
    """`(1, C, H, W)`, sized and scaled."""
    frame: Frame


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Subject:
    """A network, ready to be asked."""

    name: str
    network: Network
    module: nn.Module
    """In eval mode; its weights want no gradients."""
    placement: Placement
    size: Transform
    scaling: Scaling
    classes: tuple[str, ...]
    """The names of the classes; their numbers where nobody named them."""
    data: tuple[str, ...] = ()
    """The data sets that it was, or is to be, trained on."""
    smallest_wins: bool = False
    """Whether outputs are penalties, such as distances."""
    blue_first: bool = False
    """Whether the network takes the channels of colour as OpenCV reads them."""

    @property
    def at_once(self) -> int:
        """Images in a batch, where many of the network's size are asked about. What a few of them leave in a
        processor's caches is still there for the next layer."""
        return 8 if self.placement.device.type == "cpu" else 32

    def scores(self, images: torch.Tensor) -> torch.Tensor:
        """What speaks for each class, before any softmax: `(batch, classes)`, the largest wins.

        A network with one output decides between two classes, for the second and against the first.
        """
        end = probabilities_path(self.network)
        if end is None:
            output = self.module(images)
        else:
            with entering(self.module, end) as found:
                self.module(images)
            output = found[0]
        scores: torch.Tensor = -output if self.smallest_wins else output
        return torch.cat((-scores, scores), dim=1) if scores.shape[1] == 1 else scores

    def probabilities(self, images: torch.Tensor) -> torch.Tensor:
        """The softmax of the scores; of one output its sigmoid. `(batch, classes)`."""
        scores = self.scores(images)
        is_single = len(self.classes) == 2 and self.network.graph.output.elements == 1
        return (scores / 2 if is_single else scores).softmax(dim=1)

    def class_number(self, text: str) -> int:
        """The class of a name or a number.

        Raises:
            Faults: there is none; exit code 2.
        """
        if text in self.classes:
            return self.classes.index(text)
        if text.isdecimal() and int(text) < len(self.classes):
            return int(text)
        help = did_you_mean(text, self.classes) if not text.lstrip("-").isdecimal() else None
        message = f"`{self.name}` has no class `{text}`: its {len(self.classes)} classes are numbered from 0"
        raise fault("unknown-class", message, exit_code=2, help=help or "give a number, or a class's name")

    def place(self, path: str | None) -> Place:
        """The layer of a path; without one, the last that has maps of height and width.

        Raises:
            Faults: the network has no such layer; exit code 2.
        """
        found = Place(path) if path is not None else last_spatial_place(self.network)
        if found is None:
            message = f"`{self.name}` has no layer of maps with height and width before its classes"
            raise fault("layer-not-spatial", message, exit_code=2, help="use `saliency`, which needs none")
        return found

    def picture(self, path: Path) -> Picture:
        """An image's file, read.

        Raises:
            Faults: it cannot be read (3), or not brought to the network's input (1, 3).
        """
        return self.picture_of(read_picture(path), path.name)

    def picture_of(self, pixels: torch.Tensor, name: str) -> Picture:
        """An image, `(1 or 3, H, W)` as bytes."""
        scaled = self.scaling(self.placement.images(self.size(pixels)[None]))
        return Picture(name, pixels, scaled, self._frame(pixels))

    def _frame(self, pixels: torch.Tensor) -> Frame:
        """Sizes a ramp of coordinates as images are sized: the inner cells tell where all come from."""
        *_, height, width = pixels.shape
        down = ((torch.arange(height) + 0.5) / height)[:, None].expand(height, width)
        across = ((torch.arange(width) + 0.5) / width).expand(height, width)
        top, bottom = _ends(self.size(down.expand_as(pixels).contiguous())[0, :, 0])
        left, right = _ends(self.size(across.expand_as(pixels).contiguous())[0, 0, :])
        return Frame(left * width, top * height, right * width, bottom * height)


def _ends(ramp: torch.Tensor) -> tuple[float, float]:
    """Where the first cell begins and the last ends, of places that lie on a line but for the borders.

    The line of least squares through the inner half: resizing moves single cells by a part of a pixel.
    """
    count = len(ramp)
    inner = torch.arange(count // 4, count - count // 4, dtype=torch.float64)
    middle, places = inner.mean(), ramp[inner.long()].double()
    spread = ((inner - middle) ** 2).sum()
    if not spread:
        return 0.0, 1.0
    step = float(((inner - middle) * (places - places.mean())).sum() / spread)
    begin = float(places.mean()) - (float(middle) + 0.5) * step
    return begin, begin + count * step
