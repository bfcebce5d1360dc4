"""A recipe's transforms → functions on images, in three stages.

    sizing        bytes → bytes of the network's size    the same for every image, done once
    augmentation  bytes → bytes                          by chance, anew in each epoch: see `augment`
    scaling       bytes → floats, normalised, whitened   on whole batches, on the device

Images stay bytes as long as they can, as in torchvision's own references, which is what makes them quick.

C channels, H height, W width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from netdsl.diagnostics import Faults, fault
from netdsl.training.catalog.images import CHANNELS, FINISHING, OWN_MEAN, OWN_STD, SIZING
from netdsl.training.choices import Use
from netdsl.training.device import is_out_of_memory
from netdsl.training.seeds import Chance
from netdsl.training.whitening import Whitening

Transform = Callable[[torch.Tensor], torch.Tensor]
ImageShape = tuple[int, int, int]


def sizing(prepare: Sequence[Use], shape: ImageShape) -> Transform:
    """What brings any image, `(channels, height, width)` or a batch of them, to the network's input.

    A recipe that says nothing of sizes gets a plain resize, one that says nothing of channels gets those of
    the network: a single one repeated, or the luma of three.
    """
    steps = [_preparation(use) for use in prepare if use.word not in FINISHING]
    if not any(use.word in SIZING for use in prepare):
        steps.append(v2.Resize(shape[1:], antialias=True))
    if not any(use.word in CHANNELS for use in prepare):
        steps.append(_WithChannels(shape[0]))
    return InTurn(tuple(steps))


def channels_only(prepare: Sequence[Use], shape: ImageShape) -> Transform:
    """What `sizing` does to the channels alone: for augmentations that choose the size themselves."""
    steps = [_preparation(use) for use in prepare if use.word in CHANNELS]
    return InTurn(tuple(steps) or (_WithChannels(shape[0]),))


def pictures_only(prepare: Sequence[Use], shape: ImageShape) -> Transform:
    """What `sizing` does, but that pictures keep their sizes where a recipe says nothing of them."""
    steps = [_preparation(use) for use in prepare]
    if not any(use.word in CHANNELS for use in prepare):
        steps.append(_WithChannels(shape[0]))
    return InTurn(tuple(steps))


def chooses_size(augment: Sequence[Use]) -> bool:
    """Whether the augmentation cuts from the whole image, so that `prepare` must not have cut before."""
    return any(use.word == "random_resized_crop" for use in augment)


@final
@dataclass(frozen=True, slots=True, eq=False)
class InTurn:
    """Transforms one after another; a class, since worker processes may be handed it as a pickle."""

    steps: tuple[Transform, ...]

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        for step in self.steps:
            images = step(images)
        return images


@final
@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A transform whose results must be as the network takes them."""

    transform: Callable[..., torch.Tensor]
    shape: tuple[int, ...]
    key: str
    """The recipe's key that it stands under."""

    def __call__(self, images: torch.Tensor, *chance: Chance) -> torch.Tensor:
        """An image or a batch of them; an augmentation takes what its samples draw from as well.

        Raises:
            Faults: the result has another shape, or there is none; exit code 1.
        """
        try:
            made = self.transform(images, *chance)
        except (ValueError, RuntimeError) as error:
            if is_out_of_memory(error):
                raise
            raise self._misfit("cannot be applied to", images, f": {str(error).lower()}") from None
        if made.shape[-3:] != self.shape:
            wanted = f", the network takes {spelled(self.shape)}"
            raise self._misfit(f"makes {spelled(made.shape[-3:])} of", images, wanted)
        return made

    def _misfit(self, does: str, images: torch.Tensor, behind: str) -> Faults:
        height, width = self.shape[-2:]
        help = f"let it end at {height}×{width}; without a size, images are resized to the network's input"
        message = f"`{self.key}` {does} an image of {spelled(images.shape[-3:])}{behind}"
        return fault("image-size", message, exit_code=1, help=help)


def spelled(shape: Sequence[int]) -> str:
    """A shape as people write it."""
    return "×".join(map(str, shape))


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """Bytes to floats from 0 to 1, less the mean, over the standard deviation: one for each channel, or for
    each pixel of each, or None; and whitened, if that is asked for.

    What comes as floats has its scale already.
    """

    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    whitening: Whitening | None = None
    _laid_out: dict[tuple[torch.device, torch.Size], tuple[torch.Tensor, torch.Tensor]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Both beside images of a shape on a device, made once."""

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """A batch `(batch, channels, height, width)` as floats."""
        scaled = self._normalized(images.float().div_(255) if images.dtype == torch.uint8 else images)
        return scaled if self.whitening is None else self.whitening(scaled)

    def _normalized(self, images: torch.Tensor) -> torch.Tensor:
        if self.mean is None or self.std is None:
            return images
        place = (images.device, images.shape[1:])
        if place not in self._laid_out:
            self._laid_out[place] = (_beside(self.mean, *place), _beside(self.std, *place))
        mean, std = self._laid_out[place]
        return images.sub_(mean).div_(std)


def _beside(figures: tuple[float, ...], device: torch.device, shape: torch.Size) -> torch.Tensor:
    values = torch.tensor(figures, device=device)
    return values.view(-1, 1, 1) if len(figures) == shape[0] else values.view(shape)


def scaling(prepare: Sequence[Use], images: Callable[[], torch.Tensor], channels: int) -> Scaling:
    """The scaling a recipe asks for, but for its whitening; `images` gives the bytes whose own figures it may
    name."""
    normalize = next((use for use in prepare if use.word == "normalize"), None)
    if normalize is None:
        return Scaling(None, None)
    mean, std = normalize.arguments["mean"], normalize.arguments["std"]
    if mean == OWN_MEAN or std == OWN_STD:
        of = _statistics_of_pixels if normalize.arguments["per"] == "pixel" else _statistics
        own_mean, own_std = of(images())
        mean, std = own_mean if mean == OWN_MEAN else mean, own_std if std == OWN_STD else std
    for name, figures in (("mean", mean), ("std", std)):
        given = normalize.arguments[name]
        if len(figures) not in (1, channels) and given not in (OWN_MEAN, OWN_STD):
            message = (
                f"`normalize` has a `{name}` for {len(figures)} channels, the network's input has {channels}"
            )
            raise fault("normalize-channels", message, exit_code=1, help=f"give {channels}, or one for all")
    return Scaling(_spread(mean, channels), _spread(std, channels))


def whiten_of(prepare: Sequence[Use]) -> Use | None:
    """The step of a recipe that whitens images, if it has one."""
    return next((use for use in prepare if use.word == "whiten"), None)


def _spread(figures: Sequence[float], channels: int) -> tuple[float, ...]:
    return (float(figures[0]),) * channels if len(figures) == 1 else tuple(map(float, figures))


COUNTED_AT_ONCE = 4096
"""Images whose values are counted in one go."""
SMALLEST_STD = 1 / 255
"""What a channel that hardly varies is divided by: one step of a byte."""


def _statistics(images: torch.Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of bytes `(images, C, H, W)`, on the scale from 0 to 1.

    By counting values, which is exact and needs no copy as floats.
    """
    values = torch.arange(256, dtype=torch.float64) / 255
    means, stds = [], []
    for channel in range(images.shape[1]):
        counts = torch.zeros(256, dtype=torch.float64)
        for part in torch.split(images[:, channel], COUNTED_AT_ONCE):
            counts += torch.bincount(part.flatten(), minlength=256)
        mean = float((counts * values).sum() / counts.sum())
        means.append(mean)
        stds.append(max(math.sqrt(float((counts * (values - mean) ** 2).sum() / counts.sum())), SMALLEST_STD))
    return tuple(means), tuple(stds)


def _statistics_of_pixels(images: torch.Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each pixel of each channel, over the images, row by row; as AlexNet's
    mean image (Krizhevsky et al. 2012)."""
    total, squares = (torch.zeros(images.shape[1:], dtype=torch.float64) for _ in range(2))
    for part in torch.split(images, COUNTED_AT_ONCE):
        values = part.double()
        total += values.sum(dim=0)
        squares += values.square().sum(dim=0)  # whole numbers below 2**53: exact
    mean = total / len(images)
    std = (squares / len(images) - mean.square()).clamp(min=0).sqrt() / 255
    return tuple((mean / 255).flatten().tolist()), tuple(std.clamp(min=SMALLEST_STD).flatten().tolist())


# The catalogue's words as torchvision's transforms


class _WithChannels:
    """An image with the channels a network takes."""

    def __init__(self, channels: int) -> None:
        self.channels = channels

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        given = image.shape[-3]
        if given == self.channels:
            return image
        if given == 1:
            return image.expand(*image.shape[:-3], self.channels, *image.shape[-2:])
        if self.channels == 1:
            luma: torch.Tensor = functional.rgb_to_grayscale(image)
            return luma
        raise fault(
            "image-channels",
            f"the images have {given} channels, the network takes {self.channels}",
            exit_code=3,
            help="use a network with 1 or 3 input channels",
        )


def _reversed_channels(images: torch.Tensor) -> torch.Tensor:
    return images.flip(-3)


def _preparation(use: Use) -> Transform:
    arguments = use.arguments
    made: Mapping[str, Callable[[], Transform]] = {
        "resize": lambda: v2.Resize(
            _size(arguments["size"]), v2.InterpolationMode(arguments["interpolation"]), antialias=True
        ),
        "center_crop": lambda: v2.CenterCrop(_size(arguments["size"])),
        "grayscale": lambda: _WithChannels(1),
        "rgb": lambda: _WithChannels(3),
        "bgr": lambda: InTurn((_WithChannels(3), _reversed_channels)),
    }
    return made[use.word]()


def _size(size: Any) -> list[int]:
    return list(size) if isinstance(size, tuple) else [size]
