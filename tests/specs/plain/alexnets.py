"""AlexNet, ZFNet and VGG."""

from __future__ import annotations

from functools import partial

from tests.specs.twin import Twin, torchvision_model

TWINS = (
    Twin("alexnet", partial(torchvision_model, "alexnet")),
    Twin("vgg16", partial(torchvision_model, "vgg16"), leaves="vgg_D_paper"),
)
