"""What each shipped spec is held against: torchvision's or timm's network, or the papers' in plain torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from tests.specs import articles

torchvision_model = torchvision.models.get_model


def timm_model(name: str) -> nn.Module:
    """One of timm's networks, whose import takes longer than most tests."""
    import timm

    # timm's MobileNetV1 has ReLU6 unless told otherwise, the paper's has ReLU
    model: nn.Module = timm.create_model(name, act_layer="relu")
    return model


TIMM = ("mobilenetv1_224", "se_resnet50")
"""The specs whose twins are timm's."""

TWINS: Mapping[str, Callable[[], nn.Module]] = {
    "alexnet": partial(torchvision_model, "alexnet"),
    "densenet121": partial(torchvision_model, "densenet121"),
    "dncnn": articles.DnCNN,
    "googlenet": partial(torchvision_model, "googlenet", aux_logits=False, init_weights=False),
    "hybridsn": articles.HybridSN,
    "lenet5": articles.LeNet5,
    "mlp": articles.MLP,
    "mobilenetv1": articles.MobileNetV1,
    "mobilenetv1_224": partial(timm_model, "mobilenetv1_100"),
    "mobilenetv2": articles.MobileNetV2,
    "mobilenetv2_224": partial(torchvision_model, "mobilenet_v2"),
    "nin": articles.NiN,
    "resnet101": partial(torchvision_model, "resnet101"),
    "resnet152": partial(torchvision_model, "resnet152"),
    "resnet18": partial(torchvision_model, "resnet18"),
    "resnet34": partial(torchvision_model, "resnet34"),
    "resnet50": partial(torchvision_model, "resnet50"),
    "se_resnet50": partial(timm_model, "seresnet50"),
    "vgg16": partial(torchvision_model, "vgg16"),
}


def figures(make: Callable[[], nn.Module], input: tuple[int, ...]) -> tuple[int, int]:
    """A network's parameters and multiply-adds for one sample, as torch counts them.

    Args:
        input: a sample's shape, without the batch.
    """
    with torch.device("meta"):
        module = make().eval()
        counter = FlopCounterMode(display=False)
        with counter:
            module(torch.empty(1, *input))
    return sum(parameter.numel() for parameter in module.parameters()), counter.get_total_flops() // 2


def with_random_weights(make: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """A network whose weights and running statistics are random, in eval mode.

    Weights are uniform with a variance of 2 / fan-in (He et al. 2015), so that what flows keeps its size.
    """
    with torch.device("meta"):
        module = make()
    module.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if not tensor.is_floating_point():
                tensor.zero_()
            elif tensor.dim() > 1:
                bound = (6 / tensor[0].numel()) ** 0.5
                tensor.uniform_(-bound, bound, generator=generator)
            elif name.endswith(("running_var", "weight")):
                tensor.uniform_(0.5, 1.5, generator=generator)
            else:
                tensor.uniform_(-0.1, 0.1, generator=generator)
    return module.eval()
