"""The embedded data set: scikit-learn's handwritten digits, real and always there.

1,797 images of 8×8 pixels by 13 writers: the test part of *Optical Recognition of Handwritten Digits*, UCI
repository (Alpaydin & Kaynak 1998). It comes without a split, so one is fixed here: ordered by class, and
within a class as published, every fifth image from the first is for testing. That leaves 1,437 to train
on and 360 to test on, each class in proportion; both parts are by the same writers.
"""

from __future__ import annotations

import numpy as np
import torch

from netdsl.training.data.dataset import DataSet, held

HIGHEST = 16
"""The value of full ink in the published images."""
TEST_EVERY = 5


def read_digits() -> DataSet:
    """The digits, `(1, 8, 8)`, black ground, with full ink at 255."""
    from sklearn.datasets import load_digits  # a sixth of a training's start, for those who train on them

    published = load_digits()
    images = torch.from_numpy(np.rint(published.images * (255 / HIGHEST)).astype(np.uint8))[:, None]
    labels = torch.from_numpy(published.target.astype(np.int64))
    order = torch.argsort(labels, stable=True)
    is_test = torch.arange(len(order)) % TEST_EVERY == 0
    train, test = order[~is_test], order[is_test]
    return held("digits", tuple("0123456789"), (images[train], labels[train]), (images[test], labels[test]))
