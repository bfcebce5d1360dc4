"""GoogLeNet and its successor."""

from __future__ import annotations

from functools import partial

from tests.specs.twin import Twin, torchvision_model

TWINS = (Twin("googlenet", partial(torchvision_model, "googlenet", aux_logits=False, init_weights=False)),)
