"""The embedded photographs: scikit-learn's two, real and always there, each cut into a part to learn from and
one to be tested on.

`china.jpg` and `flower.jpg`, 427×640 in colour. The left two thirds of each are for training, the right third
for tests, so that no pixel is in both; both parts are of the same scenes, taken by the same cameras.
"""

from __future__ import annotations

import numpy as np
import torch

from netdsl.training.data.dataset import DataSet, held

REMARK = (
    "two photographs alone: the left two thirds of each to learn from, the right third to be tested on; "
    "figures are not those of the benchmarks"
)


def read_photographs() -> DataSet:
    """The photographs, `(3, 427, 427)` to train on and `(3, 427, 213)` to test on."""
    from sklearn.datasets import load_sample_images  # a while to load, for those who ask for them

    images = torch.from_numpy(np.stack(load_sample_images().images)).permute(0, 3, 1, 2).contiguous()
    border = round(images.shape[-1] * 2 / 3)
    train, test = images[..., :border].contiguous(), images[..., border:].contiguous()
    none = torch.zeros(len(images), dtype=torch.int64)
    return held("photographs", (), (train, none), (test, none), remark=REMARK)
