"""The words for how a network learns: optimizers, schedules, losses, and how weights begin.

`optimization` makes torch's objects of them. Optimizers have torch's argument names and defaults, less what
only concerns the machine (`foreach`, `fused`, …).
"""

from __future__ import annotations

from collections.abc import Mapping

from netdsl.layers.arguments import Boolean, Integer, Integers, Real
from netdsl.training.catalog.entry import Arguments, Entry, Pair

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
