"""ResNets and those that grew from them."""

from __future__ import annotations

from functools import partial

from tests.specs.twin import Twin, timm_model, torchvision_model

TWINS = (
    *(
        Twin(name, partial(torchvision_model, name))
        for name in ("resnet18", "resnet34", "resnet50", "resnet101")
    ),
    Twin("resnet18", partial(torchvision_model, "resnet18", num_classes=10), {"classes": 10}),
    Twin("resnet152", partial(torchvision_model, "resnet152")),
    Twin("densenet121", partial(torchvision_model, "densenet121")),
    Twin("densenet121", partial(torchvision_model, "densenet161"), {"depths": [6, 12, 36, 24], "growth": 48}),
    Twin("se_resnet50", partial(timm_model, "seresnet50")),
)
