"""The catalogue's augmentations: what each draws for a sample, and what it does with it.

Each draws as torchvision's transform of the same name does, under torchvision's names for parameters, and as
many numbers for every sample, whatever comes of them.

N images of a batch, C channels, H height, W width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, final

import torch
from torchvision.transforms.v2 import functional

from netdsl.training.augment import colour, geometry
from netdsl.training.catalog.images import MIXING
from netdsl.training.choices import Use
from netdsl.training.seeds import Chance

Drawn = Mapping[str, torch.Tensor]
"""Parameters of each image, `(N, …)`, on the CPU."""

TRIES = 10
"""How often a rectangle is drawn until one fits, as in torchvision."""


class Augmentation(Protocol):
    """What training images go through by chance."""

    def draw(self, chance: Chance, height: int, width: int) -> Drawn:
        """What is to be done to each image of that size.

        Raises:
            ValueError: images of that size cannot go through it.
        """
        ...

    def apply(self, images: torch.Tensor, drawn: Drawn) -> torch.Tensor:
        """Images `(N, C, H, W)` after what was drawn for them."""
        ...


@final
@dataclass(frozen=True, slots=True)
class Augmented:
    """Augmentations one after another."""

    steps: tuple[Augmentation, ...]

    def __call__(self, images: torch.Tensor, chance: Chance) -> torch.Tensor:
        """Images `(N, C, H, W)` as the samples that draw from `chance`."""
        for step in self.steps:
            images = step.apply(images, step.draw(chance, *images.shape[-2:]))
        return images


@final
@dataclass(frozen=True, slots=True)
class RandomCrop:
    size: tuple[int, int]
    padding: int
    padding_mode: str

    def draw(self, chance: Chance, height: int, width: int) -> Drawn:
        rest = [
            side + 2 * self.padding - wanted for side, wanted in zip((height, width), self.size, strict=True)
        ]
        if min(rest) < 0:
            wanted, given = (f"{sides[0]}×{sides[1]}" for sides in (self.size, (height, width)))
            with_padding = f" with {self.padding} pixels around it" if self.padding else ""
            raise ValueError(f"a window of {wanted} is larger than {given}{with_padding}")
        return {"top": chance.below(rest[0] + 1), "left": chance.below(rest[1] + 1)}

    def apply(self, images: torch.Tensor, drawn: Drawn) -> torch.Tensor:
        if self.padding:
            images = functional.pad(images, [self.padding], padding_mode=self.padding_mode)
        return geometry.crop(images, drawn["top"], drawn["left"], self.size)


@final
@dataclass(frozen=True, slots=True)
class RandomResizedCrop:
    size: tuple[int, int]
    scale: tuple[float, float]
    ratio: tuple[float, float]

    def draw(self, chance: Chance, height: int, width: int) -> Drawn:
        widths, heights = _rectangles(chance, height * width, self.scale, self.ratio)
        fits = (heights > 0) & (widths > 0) & (heights <= height) & (widths <= width)
        first = fits.long().argmax(dim=1, keepdim=True)
        found, (whole_height, whole_width) = fits.any(dim=1), self._middle(height, width)
        tall = torch.where(found, heights.gather(1, first)[:, 0], whole_height)
        wide = torch.where(found, widths.gather(1, first)[:, 0], whole_width)
        top, left = chance.below(height - tall + 1), chance.below(width - wide + 1)
        return {
            "top": torch.where(found, top, (height - tall) // 2),
            "left": torch.where(found, left, (width - wide) // 2),
            "height": tall,
            "width": wide,
        }

    def _middle(self, height: int, width: int) -> tuple[int, int]:
        """The largest window about the middle of an aspect that is allowed."""
        if width / height < self.ratio[0]:
            return round(width / self.ratio[0]), width
        return (height, round(height * self.ratio[1])) if width / height > self.ratio[1] else (height, width)

    def apply(self, images: torch.Tensor, drawn: Drawn) -> torch.Tensor:
        places = torch.stack([drawn[name] for name in ("top", "left", "height", "width")], dim=1).tolist()
        made = images.new_empty(*images.shape[:2], *self.size)
        for number, place in enumerate(places):  # windows differ in size, so each is scaled by itself
            made[number] = functional.resized_crop(images[number], *place, list(self.size), antialias=True)
        return made


@final
@dataclass(frozen=True, slots=True)
class RandomFlip:
    p: float
    axis: int

    def draw(self, chance: Chance, height: int, width: int) -> Drawn:
        return {"flip": chance.uniform()[:, 0] < self.p}

    def apply(self, images: torch.Tensor, drawn: Drawn) -> torch.Tensor:
        return geometry.mirror(images, drawn["flip"], self.axis)


@final
@dataclass(frozen=True, slots=True)
class QuarterTurns:
    def draw(self, chance: Chance, height: int, width: int) -> Drawn:
        if height != width:
            raise ValueError("turned by 90 degrees, its height and width change places")
        return {"turns": chance.below(4)}

    def apply(self, images: torch.Tensor, drawn: Drawn) -> torch.Tensor:
        return geometry.quarter_turns(images, drawn["turns"])


@final
@dataclass(frozen=True, slots=True)
class RandomAffine:
    """Turns, shifts and scales about the middle; `torchvision.transforms.v2.RandomAffine` and, for turns
    alone, `RandomRotation`."""

    degrees: float = 0
    fraction: float = 0
    factors: tuple[float, float] = (1, 1)

    def draw(self, chance: Chance, height: int, width: int) -> Drawn:
        drawn = chance.uniform(count=4)
        spans = (self.degrees, self.fraction * width, self.fraction * height)
        angle, right, down = ((2 * drawn[:, i] - 1) * span for i, span in enumerate(spans))
        low, high = self.factors
        scale = low + (high - low) * drawn[:, 3]
        return {"angle": angle, "translate": torch.stack((right, down), dim=1).round(), "scale": scale}

    def apply(self, images: torch.Tensor, drawn: Drawn) -> torch.Tensor:
        right, down = drawn["translate"].unbind(1)
        # torchvision's `rotate` turns the other way than its `affine`
        matrices = geometry.affine_matrices(-drawn["angle"] % 360, right, down, drawn["scale"])
        return geometry.affine(images, matrices, "bilinear")


@final
@dataclass(frozen=True, slots=True)
class ColorJitter:
    brightness: float = 0
    contrast: float = 0
    saturation: float = 0
    hue: float = 0

    def draw(self, chance: Chance, height: int, width: int) -> Drawn:
        drawn: dict[str, torch.Tensor] = {"fn_idx": chance.uniform(count=4).argsort(dim=1)}
        for name in ("brightness", "contrast", "saturation"):
            amount = getattr(self, name)
            drawn[f"{name}_factor"] = chance.uniform(max(0.0, 1 - amount), 1 + amount)[:, 0]
        return drawn | {"hue_factor": chance.uniform(-self.hue, self.hue)[:, 0]}

    def apply(self, images: torch.Tensor, drawn: Drawn) -> torch.Tensor:
        images = images.clone()
        changes = [(number, name) for number, name in enumerate(_CHANGES) if getattr(self, name)]
        for turn in range(len(_CHANGES)):
            for number, name in changes:
                chosen = (drawn["fn_idx"][:, turn] == number).nonzero()[:, 0]
                place = chosen.to(images.device)
                images[place] = _CHANGES[name](images[place], drawn[f"{name}_factor"][chosen])
        return images


_CHANGES: Mapping[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "brightness": colour.brightness,
    "contrast": colour.contrast,
    "saturation": colour.saturation,
    "hue": colour.hue,
}
"""In the order of torchvision's numbers for them."""


@final
@dataclass(frozen=True, slots=True)
class RandomErasing:
    p: float
    scale: tuple[float, float]
    ratio: tuple[float, float]

    def draw(self, chance: Chance, height: int, width: int) -> Drawn:
        heights, widths = _rectangles(chance, height * width, self.scale, self.ratio)
        fits = (heights < height) & (widths < width)
        first = fits.long().argmax(dim=1, keepdim=True)
        happens = fits.any(dim=1) & (chance.uniform()[:, 0] < self.p)
        tall, wide = (torch.where(happens, sides.gather(1, first)[:, 0], 0) for sides in (heights, widths))
        return {
            "i": chance.below(height - tall + 1),
            "j": chance.below(width - wide + 1),
            "h": tall,
            "w": wide,
        }

    def apply(self, images: torch.Tensor, drawn: Drawn) -> torch.Tensor:
        return geometry.erase(images, drawn["i"], drawn["j"], drawn["h"], drawn["w"])


def _rectangles(
    chance: Chance, area: int, scale: tuple[float, float], ratio: tuple[float, float]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sides of rectangles, several tries for each sample, `(N, TRIES)`: of a share of the area, and of a
    ratio of the first side to the second, uniform by its logarithm."""
    shares = chance.uniform(scale[0], scale[1], TRIES) * area
    ratios = chance.uniform(math.log(ratio[0]), math.log(ratio[1]), TRIES).exp()
    return (shares * ratios).sqrt().round().long(), (shares / ratios).sqrt().round().long()


@final
@dataclass(frozen=True, slots=True)
class RandAugment:
    num_ops: int
    magnitude: int

    def draw(self, chance: Chance, height: int, width: int) -> Drawn:
        drawn = chance.uniform(count=2 * self.num_ops).view(-1, 2, self.num_ops)
        return {"operation": (drawn[:, 0] * len(_OPERATIONS)).long(), "negative": drawn[:, 1] < 0.5}

    def apply(self, images: torch.Tensor, drawn: Drawn) -> torch.Tensor:
        images = images.clone()
        for operations, negative in zip(drawn["operation"].T, drawn["negative"].T, strict=True):
            for number, operation in enumerate(_OPERATIONS):
                for sign in (1, -1):
                    chosen = (operations == number) & (negative == (sign < 0))
                    place = chosen.nonzero()[:, 0].to(images.device)
                    if len(place):
                        images[place] = operation(images[place], _Level(self.magnitude, sign))
        return images


@final
@dataclass(frozen=True, slots=True)
class _Level:
    """A magnitude and a sign: what they are for an operation follows from what the largest is."""

    magnitude: int
    sign: int

    def __call__(self, last: float, first: float = 0.0) -> float:
        """One of 31 steps, by torch's own rounding."""
        return self.sign * float(torch.linspace(first, last, 31)[self.magnitude])


_Operation = Callable[[torch.Tensor, _Level], torch.Tensor]


def _sheared(across: int, down: int) -> _Operation:
    def apply(images: torch.Tensor, level: _Level) -> torch.Tensor:
        angle = math.degrees(math.atan(level(0.3)))
        shear = [angle * across, angle * down]
        made: torch.Tensor = functional.affine(images, 0.0, [0, 0], 1.0, shear, center=[0, 0])
        return made

    return apply


def _shifted(axis: int) -> _Operation:
    def apply(images: torch.Tensor, level: _Level) -> torch.Tensor:
        shift = [0, 0]
        shift[axis] = int(level(150 / 331 * images.shape[-1 - axis]))
        made: torch.Tensor = functional.affine(images, 0.0, shift, 1.0, [0.0, 0.0])
        return made

    return apply


_OPERATIONS: Sequence[_Operation] = (
    lambda images, _: images,
    _sheared(1, 0),
    _sheared(0, 1),
    _shifted(0),
    _shifted(1),
    lambda images, level: functional.rotate(images, level(30)),
    lambda images, level: functional.adjust_brightness(images, 1 + level(0.9)),
    lambda images, level: functional.adjust_saturation(images, 1 + level(0.9)),
    lambda images, level: functional.adjust_contrast(images, 1 + level(0.9)),
    lambda images, level: functional.adjust_sharpness(images, 1 + level(0.9)),
    lambda images, level: functional.posterize(images, 8 - round(abs(level(4)))),
    lambda images, level: functional.solarize(images, 255 * abs(level(0, 1))),
    lambda images, _: functional.autocontrast(images),
    lambda images, _: functional.equalize(images),
)
"""RandAugment's operations in torchvision's order. Images of one operation and sign go through torchvision's
own at once, since the magnitude is one for all."""


def augmentation(augment: Sequence[Use]) -> Augmented | None:
    """What each of a recipe's training images goes through by chance; None where there is nothing of the
    kind. What mixes several is in `mixing`."""
    steps = tuple(_WORDS[use.word](use.arguments) for use in augment if use.word not in MIXING)
    return Augmented(steps) if steps else None


def _sides(size: Any) -> tuple[int, int]:
    return (size[0], size[-1]) if isinstance(size, tuple) else (size, size)


_WORDS: Mapping[str, Callable[[Mapping[str, Any]], Augmentation]] = {
    "random_crop": lambda a: RandomCrop(_sides(a["size"]), a["padding"], a["padding_mode"]),
    "random_resized_crop": lambda a: RandomResizedCrop(_sides(a["size"]), a["scale"], a["ratio"]),
    "hflip": lambda a: RandomFlip(a["p"], -1),
    "vflip": lambda a: RandomFlip(a["p"], -2),
    "rotate90": lambda _: QuarterTurns(),
    "rotate": lambda a: RandomAffine(degrees=a["degrees"]),
    "translate": lambda a: RandomAffine(fraction=a["fraction"]),
    "scale": lambda a: RandomAffine(factors=a["factors"]),
    "brightness": lambda a: ColorJitter(brightness=a["amount"]),
    "color_jitter": lambda a: ColorJitter(a["brightness"], a["contrast"], a["saturation"], a["hue"]),
    "random_erasing": lambda a: RandomErasing(a["p"], a["scale"], a["ratio"]),
    "randaugment": lambda a: RandAugment(a["num_ops"], a["magnitude"]),
}
