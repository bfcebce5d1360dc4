"""Augmentations in batches: to torchvision's bytes where the draws are the same, and the draws as often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from scipy import stats
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from netdsl.training.augment.words import Augmentation, Augmented, Drawn, augmentation
from netdsl.training.catalog.images import AUGMENTATIONS, MIXING
from netdsl.training.seeds import Chance
from tests.training.networks import uses

COUNT = 96
"""Images of a batch: enough that each operation of RandAugment is drawn."""
Theirs = Callable[[torch.Tensor, dict[str, Any]], Any]
"""One image and what was drawn for it → the image after torchvision's transform."""


def batch(channels: int = 3, height: int = 24, width: int = 20) -> torch.Tensor:
    """Noise, greys, a gradient and a plane: what roundings are most likely to differ on."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (COUNT, channels, height, width), dtype=torch.uint8, generator=generator)
    images[1::4] = images[1::4, :1]
    images[2::4] = torch.linspace(0, 255, height * width).view(height, width).byte()
    images[3::4] = torch.arange(0, 256, 256 / (COUNT // 4)).byte().view(-1, 1, 1, 1)
    return images


def chance(count: int = COUNT, seed: int = 7, epoch: int = 1) -> Chance:
    return Chance(seed, epoch, torch.arange(count))


def only(text: str) -> Augmentation:
    made = augmentation(uses("augment", text))
    assert made is not None
    (step,) = made.steps
    return step


def given_to(transform: Any) -> Theirs:
    made: Theirs = transform.transform
    return made


def padded_crop(size: tuple[int, int], padding: int, mode: str) -> Theirs:
    def apply(image: torch.Tensor, drawn: dict[str, Any]) -> Any:
        image = functional.pad(image, [padding], padding_mode=mode)
        return functional.crop(image, drawn["top"], drawn["left"], *size)

    return apply


def flipped(flip: Callable[[torch.Tensor], torch.Tensor]) -> Theirs:
    return lambda image, drawn: flip(image) if drawn["flip"] else image


def affine(image: torch.Tensor, drawn: dict[str, Any]) -> Any:
    bilinear = v2.InterpolationMode.BILINEAR
    if drawn["angle"]:
        return functional.rotate(image, drawn["angle"], bilinear, fill=0)
    return functional.affine(image, 0, drawn["translate"], drawn["scale"], [0, 0], bilinear, fill=0)


def erased(image: torch.Tensor, drawn: dict[str, Any]) -> Any:
    return functional.erase(image, *(drawn[name] for name in "ijhw"), v=torch.zeros(1, 1, 1))


def randaugment(magnitude: int) -> Theirs:
    """torchvision's own loop, whose two draws are answered with ours."""

    def apply(image: torch.Tensor, drawn: dict[str, Any]) -> Any:
        transform = v2.RandAugment(len(drawn["operation"]), magnitude)
        for operation, negative in zip(drawn["operation"], drawn["negative"], strict=True):
            name, (levels, signed) = list(v2.RandAugment._AUGMENTATION_SPACE.items())[operation]
            every = levels(31, *image.shape[-2:])
            level = 0.0 if every is None else float(every[magnitude]) * (-1 if signed and negative else 1)
            image = transform._apply_image_or_video_transform(
                image, name, level, interpolation=transform.interpolation, fill=transform._fill
            )
        return image

    return apply


EXACT: dict[str, Theirs] = {
    "random_crop(18, padding=4)": padded_crop((18, 18), 4, "constant"),
    "random_crop([24, 20], padding=3)": padded_crop((24, 20), 3, "constant"),
    "random_crop([20, 16])": padded_crop((20, 16), 0, "constant"),
    'random_crop(18, padding=2, padding_mode="reflect")': padded_crop((18, 18), 2, "reflect"),
    'random_crop(18, padding=2, padding_mode="edge")': padded_crop((18, 18), 2, "edge"),
    'random_crop(18, padding=2, padding_mode="symmetric")': padded_crop((18, 18), 2, "symmetric"),
    "random_resized_crop([12, 14])": given_to(v2.RandomResizedCrop((12, 14))),
    "hflip": flipped(functional.horizontal_flip),
    "vflip(p=0.3)": flipped(functional.vertical_flip),
    "rotate(30)": affine,
    "rotate(180)": affine,
    "translate(0.3)": affine,
    "scale([0.5, 1.6])": affine,
    "brightness(0.7)": given_to(v2.ColorJitter(brightness=0.7)),
    "color_jitter(0, 0.8)": given_to(v2.ColorJitter(contrast=0.8)),
    "color_jitter(0, 0, 1.5)": given_to(v2.ColorJitter(saturation=1.5)),
    "color_jitter(0, 0, 0, 0.5)": given_to(v2.ColorJitter(hue=0.5)),
    "color_jitter(0.4, 0.4, 0.4, 0.1)": given_to(v2.ColorJitter(0.4, 0.4, 0.4, 0.1)),
    "random_erasing": erased,
    "random_erasing(p=1, scale=[0.3, 0.9], ratio=[0.2, 5])": erased,
} | {f"randaugment(2, magnitude={magnitude})": randaugment(magnitude) for magnitude in (0, 2, 9, 17, 30)}


def each(drawn: Drawn) -> list[dict[str, Any]]:
    """What was drawn for each image, as Python's own numbers."""
    lists = {name: values.tolist() for name, values in drawn.items()}
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("text", EXACT)
def test_the_same_draws_give_torchvision_s_bytes(text: str, channels: int) -> None:
    images, step = batch(channels), only(text)
    before = images.clone()
    drawn = step.draw(chance(), 24, 20)

    ours = step.apply(images, drawn)

    theirs = torch.stack([EXACT[text](image, row) for image, row in zip(images, each(drawn), strict=True)])
    differs = (ours != theirs).flatten(1).any(dim=1).nonzero()[:, 0].tolist()
    assert not differs, (differs, [each(drawn)[number] for number in differs[:3]])
    assert torch.equal(images, before), "the data set's own images were changed"
    assert channels == 1 or not torch.equal(ours, before)


def test_quarter_turns_are_torch_s() -> None:
    images, step = batch(height=20), only("rotate90")
    turns = step.draw(chance(), 20, 20)["turns"]

    ours = step.apply(images, {"turns": turns})

    assert set(turns.tolist()) == {0, 1, 2, 3}
    for image, count, turned in zip(images, turns.tolist(), ours, strict=True):
        assert torch.equal(turned, image.rot90(count, (1, 2)))


def test_every_word_is_held_against_torchvision() -> None:
    assert {text.partition("(")[0] for text in EXACT} | {"rotate90"} == set(AUGMENTATIONS) - set(MIXING)


@pytest.mark.parametrize("text", [*EXACT, "randaugment(3) -> random_crop(18, padding=2) -> hflip"])
def test_an_image_does_not_depend_on_its_company(text: str) -> None:
    """Alone, in another order or in a part of the batch, a sample becomes the same image."""
    augment = augmentation(uses("augment", text))
    assert augment is not None
    images, order = batch(), torch.randperm(COUNT, generator=torch.Generator().manual_seed(1))

    whole = augment(images, Chance(3, 5, torch.arange(COUNT)))
    shuffled = augment(images[order], Chance(3, 5, order))
    alone = [augment(images[[n]], Chance(3, 5, torch.tensor([n])))[0] for n in range(0, COUNT, 7)]

    assert torch.equal(shuffled, whole[order])
    assert torch.equal(torch.stack(alone), whole[::7])
    assert not torch.equal(whole, augment(images, Chance(3, 6, torch.arange(COUNT))))
    assert not torch.equal(whole, augment(images, Chance(4, 5, torch.arange(COUNT))))


@pytest.mark.parametrize("text", [*EXACT, "rotate90"])
def test_a_batch_of_none_stays_one(text: str) -> None:
    made = Augmented((only(text),))(torch.zeros(0, 3, 24, 24, dtype=torch.uint8), chance(0))

    assert made.shape[:2] == (0, 3)
    assert made.dtype == torch.uint8


# What is drawn, as often as torchvision draws it: seeds are fixed, so that these either hold or do not.

DRAWS = 4000
HEIGHT, WIDTH = 40, 60


def theirs_drawn(transform: Any, names: tuple[str, ...]) -> torch.Tensor:
    """Parameters as torchvision draws them, `(DRAWS, names)`."""
    torch.manual_seed(11)
    image = torch.zeros(3, HEIGHT, WIDTH, dtype=torch.uint8)
    rows = [transform.make_params([image]) for _ in range(DRAWS)]
    return torch.tensor([[float(torch.as_tensor(row[name]).flatten()[0]) for name in names] for row in rows])


SAME_DRAWS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "random_crop([30, 50], padding=4)": (v2.RandomCrop((30, 50), padding=4), ("top", "left")),
    "random_resized_crop(8)": (v2.RandomResizedCrop(8), ("top", "left", "height", "width")),
    "random_resized_crop(8, scale=[0.5, 1], ratio=[2, 3])": (
        v2.RandomResizedCrop(8, (0.5, 1), (2, 3)),
        ("top", "left", "height", "width"),
    ),
    "random_erasing(p=1)": (v2.RandomErasing(p=1), ("i", "j", "h", "w")),
    "random_erasing(p=1, scale=[0.4, 0.9], ratio=[1, 4])": (
        v2.RandomErasing(1, (0.4, 0.9), (1, 4)),
        ("h", "w"),
    ),
    "rotate(25)": (v2.RandomAffine(25), ("angle",)),
    "translate(0.2)": (v2.RandomAffine(0, translate=(0.2, 0.2)), ("translate",)),
    "scale([0.7, 1.2])": (v2.RandomAffine(0, scale=(0.7, 1.2)), ("scale",)),
    "color_jitter(0.3, 0.4, 1.5, 0.2)": (
        v2.ColorJitter(0.3, 0.4, 1.5, 0.2),
        ("fn_idx", "brightness_factor", "contrast_factor", "saturation_factor", "hue_factor"),
    ),
}


@pytest.mark.parametrize("text", SAME_DRAWS)
def test_parameters_are_drawn_as_torchvision_draws_them(text: str) -> None:
    """By the two-sample test of Kolmogorov and Smirnov, of each and of their products."""
    transform, names = SAME_DRAWS[text]
    drawn = only(text).draw(chance(DRAWS), HEIGHT, WIDTH)
    ours = torch.stack([drawn[name].double().view(DRAWS, -1)[:, 0] for name in names], dim=1)
    theirs = theirs_drawn(transform, names).double()
    if text.startswith("random_erasing"):
        theirs = theirs[theirs[:, names.index("h")] < HEIGHT]  # where none fits it gives the whole image
        ours = ours[ours[:, names.index("h")] > 0]
        assert len(ours) == pytest.approx(len(theirs), rel=0.05)

    for number, name in enumerate(names):
        assert stats.ks_2samp(ours[:, number], theirs[:, number]).pvalue > 0.001, name
    assert stats.ks_2samp(ours.prod(dim=1), theirs.prod(dim=1)).pvalue > 0.001


@pytest.mark.parametrize(("text", "name", "shares"), [
    ("hflip", "flip", [0.5, 0.5]),
    ("vflip(p=0.2)", "flip", [0.8, 0.2]),
    ("rotate90", "turns", [0.25] * 4),
    ("randaugment", "operation", [1 / 14] * 14),
    ("randaugment(1)", "negative", [0.5, 0.5]),
    ("color_jitter", "fn_idx", [0.25] * 4),
])  # fmt: skip
def test_choices_come_as_often_as_they_should(text: str, name: str, shares: list[float]) -> None:
    drawn = only(text).draw(chance(DRAWS), 20, 20)[name].long().view(DRAWS, -1)

    for column in drawn.T:
        counts = torch.bincount(column, minlength=len(shares)).double()
        assert stats.chisquare(counts, torch.tensor(shares, dtype=torch.float64) * DRAWS).pvalue > 0.001


def test_erasing_happens_to_its_share() -> None:
    heights = only("random_erasing(p=0.3)").draw(chance(DRAWS), HEIGHT, WIDTH)["h"]

    assert stats.binomtest(int((heights > 0).sum()), DRAWS, 0.3).pvalue > 0.001


@pytest.mark.parametrize(("text", "height", "width", "says"), [
    ("random_crop(30)", 24, 40, "a window of 30×30 is larger than 24×40"),
    ("random_crop(30, padding=2)", 24, 40, "a window of 30×30 is larger than 24×40 with 2 pixels around it"),
    ("rotate90", 24, 40, "turned by 90 degrees"),
])  # fmt: skip
def test_images_that_are_too_small_are_refused(text: str, height: int, width: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        only(text).draw(chance(), height, width)
