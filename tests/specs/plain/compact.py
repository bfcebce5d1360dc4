"""ShuffleNet, SqueezeNet and EfficientNet, which torchvision has."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.specs.twin import Twin, torchvision_model

SHUFFLENETS = {
    "x0_5": [48, 96, 192, 1024],
    "x1_5": [176, 352, 704, 1024],
    "x2_0": [244, 488, 976, 2048],
}
"""The widths of Ma et al. 2018, table 5, by torchvision's names; that of 1x is the spec's own."""

EFFICIENTNETS: dict[str, dict[str, Any]] = {
    "b1": {"width": 1.0, "depth": 1.1, "drop": 0.2},
    "b3": {"width": 1.2, "depth": 1.4, "drop": 0.3},
    "b5": {"width": 1.6, "depth": 2.2, "drop": 0.4, "norm": "batchnorm(eps=1e-3, momentum=0.01)"},
}
"""The settings by which B0 becomes others, by torchvision's names."""

TWINS = (
    Twin("shufflenet_v2", partial(torchvision_model, "shufflenet_v2_x1_0")),
    *(
        Twin("shufflenet_v2", partial(torchvision_model, f"shufflenet_v2_{name}"), {"widths": widths})
        for name, widths in SHUFFLENETS.items()
    ),
    Twin("squeezenet1_0", partial(torchvision_model, "squeezenet1_0")),
    Twin("squeezenet1_1", partial(torchvision_model, "squeezenet1_1")),
    Twin("efficientnet_b0", partial(torchvision_model, "efficientnet_b0")),
    *(
        Twin(
            "efficientnet_b0",
            partial(torchvision_model, f"efficientnet_{name}"),
            settings,
            counts_only=name != "b1",
        )
        for name, settings in EFFICIENTNETS.items()
    ),
)
