"""A recipe's optimizer, schedule, loss and initialization → torch's objects.

The learning rate is a pure function of the step, so that nothing of a schedule needs saving.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import nn
from torch.optim import SGD, Adadelta, Adagrad, Adam, AdamW, Optimizer, RMSprop

from netdsl.training.choices import Use
from netdsl.training.losses import CrossModalLoss, PenaltyLoss, PictureError
from netdsl.training.parameters import parameter_groups

OPTIMIZERS: Mapping[str, type[Optimizer]] = {
    "sgd": SGD,
    "adam": Adam,
    "adamw": AdamW,
    "adadelta": Adadelta,
    "adagrad": Adagrad,
    "rmsprop": RMSprop,
}
LOSSES: Mapping[str, type[nn.Module]] = {
    "cross_entropy": nn.CrossEntropyLoss,
    "lenet1998": PenaltyLoss,
    "mse": nn.MSELoss,
    "dncnn2016": PictureError,
    "dscmr2019": CrossModalLoss,
}


FUSED: Mapping[str, tuple[str, ...]] = {
    "sgd": ("cpu", "cuda"),
    "adam": ("cpu", "cuda"),
    "adamw": ("cpu", "cuda"),
    "adagrad": ("cpu",),
}
"""The kinds of device on which torch updates all parameters in one kernel, if asked to.

Measured on a core beside the default, for a MobileNetV2's 158 tensors: SGD takes 0.8 of the time, AdamW 0.3,
Adagrad 0.5. Elsewhere torch chooses: `foreach` on GPUs, a loop on CPUs, where `foreach` gains nothing.
"""


def make_optimizer(
    use: Use,
    module: nn.Module,
    rates: Mapping[str, float] | None = None,
    decay: str = "all",
    *,
    is_sharded: bool = False,
) -> Optimizer:
    """The optimizer of a module's parameters that learn.

    Args:
        use: the optimizer.
        module: the network, frozen where it is to be.
        rates: parts with what their learning rates are multiplied by.
        decay: what weight decay acts on, as a recipe says it.
        is_sharded: whether processes share the parameters, which not all fused kernels know.
    """
    groups = parameter_groups(module, rates or {}, decay, use.arguments["weight_decay"])
    kinds = {parameter.device.type for group in groups for parameter in group["params"]}
    is_fused = kinds <= set(FUSED.get(use.word, ())) and not is_sharded
    arguments = dict(use.arguments) | ({"fused": True} if is_fused else {})
    return OPTIMIZERS[use.word](groups, **arguments)


def make_loss(use: Use) -> nn.Module:
    """The loss of outputs and targets, averaged over a batch."""
    return LOSSES[use.word](**use.arguments)


LearningRate = Callable[[int], float]
"""The learning rate of a step, counted from 0 over the whole training."""


def learning_rate(use: Use, start: float, epochs: int, steps_per_epoch: int) -> LearningRate:
    """The learning rate of a schedule.

    Args:
        use: the schedule.
        start: the optimizer's own learning rate, from which it sets out.
        epochs: epochs of the whole training.
        steps_per_epoch: batches in an epoch.
    """
    arguments = use.arguments
    if use.word in ("constant", "linear", "cosine"):
        return _continuous(use, start, epochs * steps_per_epoch, steps_per_epoch)

    def rate(step: int) -> float:
        done = step // steps_per_epoch
        if use.word == "step":
            power = done // arguments["every"]
        elif use.word == "multistep":
            at = arguments["at"] if isinstance(arguments["at"], tuple) else (arguments["at"],)
            power = sum(epoch <= done for epoch in at)
        else:
            power = done
        return float(start * arguments["gamma"] ** power)

    return rate


def _continuous(use: Use, start: float, steps: int, steps_per_epoch: int) -> LearningRate:
    """A rise in equal steps over the warmup, then the schedule's own curve to the end."""
    rising: int = min(round(use.arguments["warmup"] * steps_per_epoch), steps)
    minimum: float = use.arguments.get("minimum", 0)

    def rate(step: int) -> float:
        if step < rising:
            return start * (step + 1) / rising
        if use.word == "constant":
            return start
        share = (step - rising) / (steps - rising)
        left = 1 - share if use.word == "linear" else (1 + math.cos(math.pi * share)) / 2
        return minimum + (start - minimum) * left

    return rate


def initialize(use: Use, module: nn.Module) -> None:
    """Sets the weights of convolutions and linears anew, and their biases to 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.modules.conv._ConvNd):
            _set_weight(use, layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _set_weight(use: Use, weight: torch.Tensor) -> None:
    if use.word == "xavier":
        nn.init.xavier_uniform_(weight)
    elif use.word == "kaiming":
        nn.init.kaiming_normal_(weight, mode="fan_out", nonlinearity="relu")
    elif use.word == "normal":
        nn.init.normal_(weight, std=use.arguments["std"])
    else:
        fan_in = weight[0].numel()
        bound = 2.4 / fan_in if use.word == "lenet1998" else 1 / math.sqrt(fan_in)
        nn.init.uniform_(weight, -bound, bound)
