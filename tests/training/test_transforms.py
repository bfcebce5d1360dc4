"""Transforms: torchvision's by the catalogue's names, and images brought to what a network takes."""

from __future__ import annotations

import pytest
import torch
from torchvision.transforms import v2

from netdsl.training.augment.words import augmentation
from netdsl.training.catalog.images import FINISHING, PREPARATIONS
from netdsl.training.seeds import Chance
from netdsl.training.transforms import (
    Fitted,
    Scaling,
    Transform,
    channels_only,
    chooses_size,
    scaling,
    sizing,
)
from tests.training.networks import fault_of, faults_of, uses


def picture(channels: int = 3, height: int = 40, width: int = 48) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (channels, height, width), dtype=torch.uint8, generator=generator)


PREPARED: dict[str, tuple[tuple[int, int, int], Transform]] = {
    "resize([20, 10])": ((3, 20, 10), v2.Resize((20, 10), antialias=True)),
    "resize(20)": ((3, 20, 24), v2.Resize(20, antialias=True)),
    'resize(80, interpolation="nearest")': ((3, 80, 96), v2.Resize(80, v2.InterpolationMode.NEAREST)),
    'resize(20, "bicubic") -> center_crop(16)': (
        (3, 16, 16),
        v2.Compose([v2.Resize(20, v2.InterpolationMode.BICUBIC), v2.CenterCrop(16)]),
    ),
    "center_crop([30, 20])": ((3, 30, 20), v2.CenterCrop((30, 20))),
    "grayscale": ((1, 40, 48), v2.Grayscale()),
    "rgb": ((3, 40, 48), v2.RGB()),
    "bgr": ((3, 40, 48), lambda image: image[[2, 1, 0]]),
}


@pytest.mark.parametrize("text", PREPARED)
def test_a_preparation_is_torchvision_s(text: str) -> None:
    shape, theirs = PREPARED[text]

    ours = sizing(uses("prepare", text), shape)(picture())

    assert ours.shape == shape
    assert torch.equal(ours, theirs(picture()))


def test_every_preparation_is_held_against_torchvision() -> None:
    named = {step.strip().partition("(")[0] for text in PREPARED for step in text.split("->")}

    assert named == set(PREPARATIONS) - {*FINISHING, "pca"}


def test_without_a_word_about_size_images_are_resized_to_the_network() -> None:
    """Bilinear, with the sides the network asks for, whatever the image's own."""
    ours = sizing((), (3, 8, 32))(picture())

    assert torch.equal(ours, v2.Resize((8, 32), antialias=True)(picture()))


def test_an_image_of_the_right_size_is_left_as_it_is() -> None:
    assert torch.equal(sizing((), (3, 40, 48))(picture()), picture())


def test_a_batch_is_sized_as_its_images_are() -> None:
    size = sizing(uses("prepare", "resize(20) -> center_crop(16)"), (1, 16, 16))
    batch = torch.stack([picture(), picture().flip(-1)])

    assert torch.equal(size(batch), torch.stack([size(image) for image in batch]))


def test_one_channel_is_repeated_and_three_become_luma() -> None:
    gray, colour = picture(1), picture(3)

    assert torch.equal(sizing((), (3, 40, 48))(gray), gray.repeat(3, 1, 1))
    assert torch.equal(sizing((), (1, 40, 48))(colour), v2.Grayscale()(colour))
    assert torch.equal(channels_only((), (3, 9, 9))(gray), gray.repeat(3, 1, 1))


def test_other_channels_are_told() -> None:
    assert fault_of(lambda: sizing((), (4, 40, 48))(picture(3))) == ("image-channels", 3)


def test_a_crop_that_is_resized_takes_the_place_of_sizes() -> None:
    assert chooses_size(uses("augment", "hflip -> random_resized_crop(8)"))
    assert not chooses_size(uses("augment", "random_crop(8)"))


def scaled(text: str, images: torch.Tensor) -> torch.Tensor:
    return scaling(uses("prepare", text), lambda: images, images.shape[1])(images)


def test_the_data_s_own_figures_make_it_standard() -> None:
    images = torch.stack([picture(seed) for seed in (3, 3)])

    ours = scaled("normalize(mean, std)", images)

    assert torch.allclose(ours.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(ours.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5)


@pytest.mark.parametrize(
    ("text", "mean", "std"),
    [
        (
            "normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])",
            [0.485, 0.456, 0.406],
            [0.229, 0.224, 0.225],
        ),
        ("normalize(0.5, 0.25)", [0.5] * 3, [0.25] * 3),
        ("none", [0.0] * 3, [1.0] * 3),
    ],
)
def test_scaling_is_torchvision_s(text: str, mean: list[float], std: list[float]) -> None:
    images = picture()[None]
    theirs = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)])

    assert torch.allclose(scaled(text, images), theirs(images), atol=1e-6)


def test_a_constant_channel_is_not_divided_by_nothing() -> None:
    images = torch.full((2, 1, 3, 3), 7, dtype=torch.uint8)

    assert torch.equal(scaled("normalize", images), torch.zeros(2, 1, 3, 3))


@pytest.mark.parametrize(("text", "divided"), [
    ('normalize(mean, std, per="pixel")', True), ('normalize(mean, 1, per="pixel")', False)
])  # fmt: skip
def test_each_pixel_may_have_figures_of_its_own(text: str, divided: bool) -> None:
    images = torch.randint(
        0, 256, (50, 3, 4, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    images[:, 1, 2, 3] = 9
    shares = images.double() / 255

    ours = scaled(text, images)

    expected = shares - shares.mean(dim=0)
    expected /= shares.std(dim=0, correction=0).clamp(min=1 / 255) if divided else 1
    assert torch.allclose(ours.double(), expected, atol=1e-5)


def test_scaling_does_not_change_what_it_is_given_nor_depend_on_what_came_before() -> None:
    scale = scaling(uses("prepare", "normalize"), lambda: picture()[None], 3)
    small, large = picture()[None], picture(3, 8, 9)[None].repeat(2, 1, 1, 1)
    before = small.clone()

    first, _, again = scale(small), scale(large), scale(small)

    assert torch.equal(first, again)
    assert torch.equal(small, before)


def test_half_and_half_is_from_minus_one_to_one() -> None:
    ends = torch.tensor([0, 255], dtype=torch.uint8).view(1, 1, 1, 2)

    assert scaled("normalize(0.5, 0.5)", ends).flatten().tolist() == [-1, 1]


def test_figures_for_other_channels_are_told() -> None:
    wanted = uses("prepare", "normalize([0.5, 0.5], [0.2, 0.2])")

    assert fault_of(lambda: scaling(wanted, picture, 3)) == ("normalize-channels", 1)


def test_without_normalize_bytes_become_shares() -> None:
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 1, 1, 3)

    assert torch.allclose(Scaling(None, None)(images).flatten(), torch.tensor([0.0, 0.2, 1.0]))


def test_images_of_several_shapes_are_told_by_the_first_that_does_not_fit() -> None:
    size = Fitted(sizing(uses("prepare", "resize(8)"), (3, 8, 8)), (3, 8, 8), "prepare")
    assert size(picture(3, 40, 40)).shape == (3, 8, 8)

    found, exit_code = faults_of(lambda: size(picture(3, 40, 48)))

    assert ([d.code for d in found], exit_code) == (["image-size"], 1)
    assert found[0].message == "`prepare` makes 3×8×9 of an image of 3×40×48, the network takes 3×8×8"


def test_an_augmentation_that_an_image_is_too_small_for_is_told() -> None:
    augment = augmentation(uses("augment", 'random_crop(64, padding=60, padding_mode="reflect")'))
    assert augment is not None
    fitted = Fitted(augment, (3, 64, 64), "augment")

    found, _ = faults_of(lambda: fitted(picture()[None], Chance(0, 1, torch.zeros(1, dtype=torch.int64))))

    assert found[0].message.startswith("`augment` cannot be applied to an image of 3×40×48: ")


def test_memory_that_runs_out_is_not_taken_for_a_misfit() -> None:
    def greedy(images: torch.Tensor) -> torch.Tensor:
        return images + torch.empty(2**58)

    with pytest.raises(RuntimeError, match="memory"):
        Fitted(greedy, (3, 8, 8), "prepare")(picture())
