"""The embedded photographs: parts to train on and to test on that share no pixel."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_sample_images

from netdsl.training.data.photographs import read_photographs


def test_the_parts_make_up_the_photographs_side_by_side() -> None:
    data = read_photographs()

    for number, photograph in enumerate(load_sample_images().images):
        both = np.concatenate([data.train.images[number].numpy(), data.test.images[number].numpy()], axis=2)
        assert np.array_equal(both.transpose(1, 2, 0), photograph)
    assert data.train.images[0].shape == (3, 427, 427)
    assert data.remark is not None
    assert "two photographs alone" in data.remark
