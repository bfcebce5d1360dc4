"""The words for what is done to images: to each of them, and by chance to those that are learned from.

`transforms` and `augment` turn them into functions.
"""

from __future__ import annotations

from collections.abc import Mapping

from netdsl.layers.arguments import Boolean, Choice, Integer, Real
from netdsl.training.catalog.entry import LARGEST_SIZE, Entry, Pair, Size, Statistic

OWN_MEAN, OWN_STD = "mean", "std"
"""The names that stand in `normalize` for the data set's own figures."""

_CHANCE = "the share of images it happens to"

PREPARATIONS: Mapping[str, Entry] = {
    "resize": Entry(
        "scales the image: its shorter side to a number, or the whole to [height, width]",
        {
            "size": Size("pixels"),
            "interpolation": Choice(
                "how pixels are mixed", "bilinear", options=("nearest", "bilinear", "bicubic")
            ),
        },
    ),
    "center_crop": Entry("cuts out the middle", {"size": Size("pixels")}),
    "grayscale": Entry("one channel, by the luma of Rec. 601", {}),
    "rgb": Entry("three channels; a single one is repeated", {}),
    "bgr": Entry("three channels, blue first, as OpenCV reads files; a single one is repeated", {}),
    "normalize": Entry(
        "takes off the mean and divides by the standard deviation, of values from 0 to 1",
        {
            OWN_MEAN: Statistic("taken off", OWN_MEAN),
            OWN_STD: Statistic("divided by", OWN_STD, above=0),
            "per": Choice(
                "what the data set's own figures are taken of: channels, or each pixel of each channel",
                "channel",
                options=("channel", "pixel"),
            ),
        },
    ),
    "whiten": Entry(
        "takes off the correlation that an image's values have in the training images: `zca` leaves them in "
        "their places (Bell & Sejnowski 1997; Krizhevsky 2009, appendix A), `pca` gives components, those of "
        "the largest variance first (Hyvärinen et al. 2001, section 6.4)",
        {
            "kind": Choice("what comes out", "zca", options=("zca", "pca")),
            "epsilon": Real("added to the variance of each direction", 0.01, minimum=1e-12),
        },
    ),
    "pca": Entry(
        "of a scene's bands, as many principal components as the network takes",
        {"whiten": Boolean("whether each is divided by its standard deviation", True)},
    ),
}
"""What is done to every image, in training and after it."""

AUGMENTATIONS: Mapping[str, Entry] = {
    "random_crop": Entry(
        "cuts out a window at random",
        {
            "size": Size("pixels of the window"),
            "padding": Integer("pixels added on every side before", 0, minimum=0, maximum=LARGEST_SIZE),
            "padding_mode": Choice(
                "what is added", "constant", options=("constant", "edge", "reflect", "symmetric")
            ),
        },
    ),
    "random_resized_crop": Entry(
        "cuts out a window of random area and aspect and scales it (Szegedy et al. 2014)",
        {
            "size": Size("pixels of the result"),
            "scale": Pair("share of the area", (0.08, 1.0), maximum=1),
            "ratio": Pair("width over height", (3 / 4, 4 / 3), minimum=0.01, maximum=100),
        },
    ),
    "hflip": Entry("mirrors left and right", {"p": Real(_CHANCE, 0.5, minimum=0, maximum=1)}),
    "vflip": Entry("mirrors top and bottom", {"p": Real(_CHANCE, 0.5, minimum=0, maximum=1)}),
    "rotate90": Entry("turns by 0, 90, 180 or 270 degrees", {}),
    "rotate": Entry("turns by up to so many degrees", {"degrees": Real("degrees", minimum=0, maximum=180)}),
    "translate": Entry(
        "shifts by up to a share of the size, along both axes",
        {"fraction": Real("share of the size", minimum=0, maximum=1)},
    ),
    "scale": Entry(
        "scales by a random factor about the middle, the size kept",
        {"factors": Pair("smallest and largest factor", minimum=0.01, maximum=100)},
    ),
    "brightness": Entry(
        "multiplies all values by a random factor from 1 − amount to 1 + amount",
        {"amount": Real("amount", minimum=0, maximum=1)},
    ),
    "color_jitter": Entry(
        "changes brightness, contrast, saturation and hue at random",
        {
            "brightness": Real("amount", 0, minimum=0),
            "contrast": Real("amount", 0, minimum=0),
            "saturation": Real("amount", 0, minimum=0),
            "hue": Real("share of the colour circle", 0, minimum=0, maximum=0.5),
        },
    ),
    "random_erasing": Entry(
        "blackens a random rectangle (Zhong et al. 2017)",
        {
            "p": Real(_CHANCE, 0.5, minimum=0, maximum=1),
            "scale": Pair("share of the area", (0.02, 0.33), maximum=1),
            "ratio": Pair("height over width", (0.3, 3.3), minimum=0.01, maximum=100),
        },
    ),
    "randaugment": Entry(
        "so many operations drawn from a fixed list, at one strength (Cubuk et al. 2019)",
        {
            "num_ops": Integer("operations for each image", 2, minimum=1, maximum=16),
            "magnitude": Integer("strength", 9, minimum=0, maximum=30),
        },
    ),
    "mixup": Entry(
        "the weighted mean with another training image, of labels as well (Zhang et al. 2017); comes last",
        {
            "alpha": Real("of Beta(alpha, alpha), which weights are drawn from", 0.2, above=0, maximum=100),
            "p": Real(_CHANCE, 1.0, minimum=0, maximum=1),
        },
    ),
    "cutmix": Entry(
        "a rectangle of another training image, and its share of the label (Yun et al. 2019); comes last",
        {
            "alpha": Real(
                "of Beta(alpha, alpha), which the image's own share is drawn from", 1.0, above=0, maximum=100
            ),
            "p": Real(_CHANCE, 1.0, minimum=0, maximum=1),
        },
    ),
}
"""What is done to training images, by chance; drawn anew for each image in each epoch."""

MIXING = ("mixup", "cutmix")
"""The augmentations that mix labels as well."""

SIZING = ("resize", "center_crop")
"""The preparations that fix the size; without one, images are resized to the network's input."""

FINISHING = ("normalize", "whiten")
"""The preparations that take images as floats, in whole batches; they come last, in this order."""

CHANNELS = ("grayscale", "rgb", "bgr")
"""The preparations that fix the channels; without one, they become those of the network's input."""
