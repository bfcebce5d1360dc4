"""Everything a recipe may say: closed lists of words, each with its arguments, their ranges and defaults.

Inert data, so that a recipe is checked without torch; `optimization` and `transforms` turn the words into
torch's and torchvision's objects. Optimizers have torch's argument names and defaults, less what only
concerns the machine (`foreach`, `fused`, …).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from netdsl.graph.formula import plain
from netdsl.layers.arguments import REQUIRED, Argument, Boolean, Choice, Integer, Integers, Real
from netdsl.records import record

Arguments = Mapping[str, Argument[Any]]

OWN_MEAN, OWN_STD = "mean", "std"
"""The names that stand in `normalize` for the data set's own figures."""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(plain(value), bool)


class Pair(Argument[Any]):
    """Two numbers within bounds, both included unless `below` is given in the place of `maximum`."""

    def __init__(
        self,
        about: str,
        default: Any = REQUIRED,
        *,
        minimum: float = 0.0,
        maximum: float = math.inf,
        below: float | None = None,
        ascending: bool = True,
    ) -> None:
        super().__init__(about, default)
        self.minimum, self.maximum, self.below, self.ascending = minimum, maximum, below, ascending

    @property
    def expects(self) -> str:
        upper = f" to {self.maximum:g}" if self.maximum != math.inf else ""
        upper = f" to below {self.below:g}" if self.below is not None else upper
        return f"a list of two numbers from {self.minimum:g}{upper}{', the smaller first' * self.ascending}"

    def _read(self, value: Any) -> Any:
        if not isinstance(value, tuple) or len(value) != 2 or not all(map(_is_number, value)):
            raise self._refuse_type()
        below = math.inf if self.below is None else self.below
        if not all(self.minimum <= item <= self.maximum and item < below for item in value):
            raise self._refuse_range()
        if self.ascending and value[0] > value[1]:
            raise self._refuse_range()
        return value


class Size(Argument[Any]):
    """A number of pixels, or `[height, width]`."""

    @property
    def expects(self) -> str:
        return "a number of pixels from 1, or a list `[height, width]`"

    def _read(self, value: Any) -> Any:
        items = value if isinstance(value, tuple) else (value,)
        if len(items) not in (1, 2) or not all(_is_number(i) and isinstance(i, int) for i in items):
            raise self._refuse_type()
        if not all(1 <= item <= LARGEST_SIZE for item in items):
            raise self._refuse_range()
        return value


LARGEST_SIZE = 2**14
"""The longest side of an image, in pixels."""


class Statistic(Argument[Any]):
    """A figure for each channel, or the word for the data set's own."""

    def __init__(self, about: str, own: str, *, above: float = -math.inf) -> None:
        super().__init__(about, own)
        self.above = above

    @property
    def expects(self) -> str:
        above = f" above {self.above:g}" if self.above != -math.inf else ""
        return f"`{self.default}`, the data set's own, or a list with a number{above} for each channel"

    def _read(self, value: Any) -> Any:
        if value == self.default:
            return value
        items = value if isinstance(value, tuple) else (value,)
        if not items or not all(map(_is_number, items)):
            raise self._refuse_type()
        if not all(self.above < item < math.inf for item in items):
            raise self._refuse_range()
        return items


class Strength(Argument[Any]):
    """A standard deviation in grey levels, or the smallest and the largest."""

    @property
    def expects(self) -> str:
        return "a number from 0 to 255, or a list of two, the smaller first"

    def _read(self, value: Any) -> Any:
        items = value if isinstance(value, tuple) else (value,)
        if len(items) not in (1, 2) or not all(map(_is_number, items)):
            raise self._refuse_type()
        if not all(0 <= item <= 255 for item in items) or list(items) != sorted(items):
            raise self._refuse_range()
        return value


@record
class Entry:
    """A word of a recipe."""

    about: str
    """A sentence for the documentation."""
    arguments: Arguments
    """What it takes, in order."""


_LR = "learning rate"
_DECAY = "share of the weights taken off them at each step, times the learning rate"
_ADDED = "share of the weights added to the gradient"


def _adam(weight_decay: Real) -> Arguments:
    """The arguments of Adam and AdamW, which differ in what their weight decay does."""
    return {
        "lr": Real(_LR, 1e-3, minimum=0),
        "betas": Pair("decay of the two moving averages", (0.9, 0.999), below=1, ascending=False),
        "eps": Real("added to the denominator", 1e-8, minimum=0),
        "weight_decay": weight_decay,
        "amsgrad": Boolean("whether the largest second moment is kept (Reddi et al. 2018)", False),
    }


OPTIMIZERS: Mapping[str, Entry] = {
    "sgd": Entry(
        "stochastic gradient descent, with Nesterov's or plain momentum (Sutskever et al. 2013)",
        {
            "lr": Real(_LR, 1e-3, minimum=0),
            "momentum": Real("share of the last step that is kept", 0, minimum=0),
            "dampening": Real("share of the gradient that is left out of the momentum", 0),
            "weight_decay": Real(_DECAY, 0, minimum=0),
            "nesterov": Boolean("whether the gradient is taken ahead of the momentum", False),
        },
    ),
    "adam": Entry("Adam (Kingma & Ba 2014)", _adam(Real(_ADDED, 0, minimum=0))),
    "adamw": Entry(
        "Adam with weight decay of its own (Loshchilov & Hutter 2017)", _adam(Real(_DECAY, 1e-2, minimum=0))
    ),
    "adadelta": Entry(
        "Adadelta (Zeiler 2012)",
        {
            "lr": Real(_LR, 1.0, minimum=0),
            "rho": Real("decay of the moving averages", 0.9, minimum=0, maximum=1),
            "eps": Real("added under the root", 1e-6, minimum=0),
            "weight_decay": Real(_ADDED, 0, minimum=0),
        },
    ),
    "adagrad": Entry(
        "Adagrad (Duchi et al. 2011)",
        {
            "lr": Real(_LR, 1e-2, minimum=0),
            "lr_decay": Real("by how much the learning rate sinks with each step", 0, minimum=0),
            "weight_decay": Real(_ADDED, 0, minimum=0),
            "initial_accumulator_value": Real("where the sum of squares begins", 0, minimum=0),
            "eps": Real("added to the denominator", 1e-10, minimum=0),
        },
    ),
    "rmsprop": Entry(
        "RMSprop (Hinton 2012, lecture 6e)",
        {
            "lr": Real(_LR, 1e-2, minimum=0),
            "alpha": Real("decay of the moving average", 0.99, minimum=0),
            "eps": Real("added to the denominator", 1e-8, minimum=0),
            "weight_decay": Real(_ADDED, 0, minimum=0),
            "momentum": Real("share of the last step that is kept", 0, minimum=0),
            "centered": Boolean("whether the gradient's own mean is taken off", False),
        },
    ),
}

_WARMUP = "epochs, or parts of one, over which the rate first rises from 0 in equal steps"
_MINIMUM = "the learning rate at the end"

SCHEDULES: Mapping[str, Entry] = {
    "constant": Entry(
        "the same learning rate throughout",
        {"warmup": Real(_WARMUP, 0, minimum=0)},
    ),
    "step": Entry(
        "multiplies the rate by `gamma` after every so many epochs",
        {"every": Integer("epochs between changes"), "gamma": Real("factor", 0.1, minimum=0)},
    ),
    "multistep": Entry(
        "multiplies the rate by `gamma` after each of the listed epochs",
        {"at": Integers("epochs", minimum=1, single=True), "gamma": Real("factor", 0.1, minimum=0)},
    ),
    "exponential": Entry(
        "multiplies the rate by `gamma` after every epoch",
        {"gamma": Real("factor", minimum=0)},
    ),
    "linear": Entry(
        "a straight line to `minimum`, step by step",
        {"warmup": Real(_WARMUP, 0, minimum=0), "minimum": Real(_MINIMUM, 0, minimum=0)},
    ),
    "cosine": Entry(
        "half a cosine wave to `minimum`, step by step (Loshchilov & Hutter 2016)",
        {"warmup": Real(_WARMUP, 0, minimum=0), "minimum": Real(_MINIMUM, 0, minimum=0)},
    ),
}

LOSSES: Mapping[str, Entry] = {
    "cross_entropy": Entry(
        "cross-entropy of the softmax, with label smoothing (Szegedy et al. 2015)",
        {"label_smoothing": Real("share of the target spread over all classes", 0.0, minimum=0, maximum=1)},
    ),
    "lenet1998": Entry(
        "of penalties, such as `rbf` gives: the right class's, and log(e^−j + Σ e^−y) over all (LeCun et al. "
        "1998, equation 9); the class with the smallest is seen",
        # the paper says no more than that it is positive; 0.1 is what those who rebuild LeNet-5 take
        {"j": Real("the penalty above which other classes are hardly pushed up", 0.1, minimum=0)},
    ),
    "mse": Entry("mean squared error over all values", {}),
    "dncnn2016": Entry(
        "squared error, summed over a picture's values and halved, the mean over pictures (Zhang et al. "
        "2016, equation 1)",
        {},
    ),
    "dscmr2019": Entry(
        "of pairs of an image and a text: their classes, the likeness of all codes of a batch, and the "
        "distance of each pair's two, with their weights; 0 leaves one out (Zhen et al. 2019)",
        {
            "label_space": Real("weight of what codes say of the classes", 1.0, minimum=0),
            "common_space": Real("weight of the likeness of codes of one class", 1e-3, minimum=0),
            "between_kinds": Real("weight of the distance of an image's code to its text's", 0.1, minimum=0),
        },
    ),
    "binary_cross_entropy": Entry(
        "of one logit: cross-entropy of its sigmoid",
        {"positive_weight": Real("how much images of the second class weigh", 1.0, minimum=0)},
    ),
}

INITIALIZATIONS: Mapping[str, Entry] = {
    "xavier": Entry("uniform, by fan-in and fan-out (Glorot & Bengio 2010)", {}),
    "kaiming": Entry("normal, by fan-out, for ReLU (He et al. 2015)", {}),
    "normal": Entry("normal with mean 0", {"std": Real("standard deviation", 0.01, minimum=0)}),
    "uniform": Entry("uniform within ±1/√fan-in", {}),
    "lenet1998": Entry("uniform within ±2.4/fan-in (LeCun et al. 1998, appendix A)", {}),
}
"""How the weights of convolutions and linears begin, their biases at 0; without one, as torch begins them."""

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

CHANNELS = ("grayscale", "rgb", "bgr")
"""The preparations that fix the channels; without one, they become those of the network's input."""

DATASETS: Mapping[str, str] = {
    "digits": "1,797 handwritten digits, 8×8, from the UCI repository; embedded in scikit-learn",
    "mnist": "70,000 handwritten digits, 28×28 (LeCun et al. 1998)",
    "fashion_mnist": "70,000 pictures of clothes, 28×28 (Xiao et al. 2017)",
    "cifar10": "60,000 colour pictures of 10 classes, 32×32 (Krizhevsky 2009)",
    "cifar100": "60,000 colour pictures of 100 classes, 32×32 (Krizhevsky 2009)",
    "imagenet": "ILSVRC 2012 as a folder `imagenet` of class folders; not fetched (Russakovsky et al. 2014)",
    "ichallenge_pm": "800 photographs of the eye's background, with pathologic myopia or without, in a "
    "folder `ichallenge_pm`; not fetched (Fu et al. 2019, PALM)",
    "indian_pines": "the scene Indian Pines, 145×145 pixels of 200 bands, 16 classes, in a folder "
    "`indian_pines`; not fetched (Baumgardner et al. 2015)",
    "pavia_university": "the scene of Pavia's university, 610×340 pixels of 103 bands, 9 classes, in a "
    "folder `pavia_university`; not fetched",
    "salinas": "the scene Salinas, 512×217 pixels of 204 bands, 16 classes, in a folder `salinas`; "
    "not fetched",
    "synthetic_scene": "145×145 pixels of 60 bands, 16 classes, made by a generator: to try things out",
    "synthetic_pairs": "1,000 pairs of an image and a text, as 4,096 and 1,024 features, of 10 classes, "
    "made by a generator: to try things out",
    "photographs": "two photographs, 427×640, to free of noise; embedded in scikit-learn",
}
CLASSES: Mapping[str, int] = {
    "digits": 10,
    "mnist": 10,
    "fashion_mnist": 10,
    "cifar10": 10,
    "cifar100": 100,
    "imagenet": 1000,
    "ichallenge_pm": 2,
}
"""How many classes a data set has."""
FOLDER = "folder:"
"""Before a path: an image folder, `train/CLASS/…` and `test/CLASS/…`."""
SCENE = "scene:"
"""Before a path: a folder with `NAME.mat` and `NAME_gt.mat`, a hyperspectral scene."""
FEATURES = "features:"
"""Before a path: a folder with `train_img.mat`, `train_txt.mat`, `train_img_lab.mat`, and those of `test`."""
PATHS = (FOLDER, SCENE, FEATURES)

PRECISIONS = ("auto", "fp32", "bf16")
COMPILES = ("auto", "true", "false")
DECAYS = ("all", "weights")
"""What weight decay acts on."""

DAMAGED = ("refuse", "skip")
"""What is done about images that cannot be read."""
