"""The embedded digits: one split, fixed for good."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_digits

from netdsl.training.data.dataset import HeldImages
from netdsl.training.data.digits import read_digits


def test_the_split_is_fixed() -> None:
    """The digest pins every image, every label and their order."""
    data = read_digits()

    assert (len(data.train), len(data.test)) == (1437, 360)
    assert data.classes == tuple("0123456789")
    assert data.fingerprint == "a6ffdcc7c121ff6cdb984a6daa245083de9afdb0bb3ebe80cf719213209316b3"


def test_each_class_is_split_in_proportion() -> None:
    data = read_digits()
    train, test = torch.bincount(data.train.labels), torch.bincount(data.test.labels)

    assert ((test / (train + test) - 0.2).abs() < 0.005).all()


def test_every_published_image_is_in_exactly_one_part() -> None:
    """Images and labels together are what scikit-learn publishes, scaled to bytes without loss."""
    data = read_digits()
    published = load_digits()
    assert isinstance(data.train.images, HeldImages)
    assert isinstance(data.test.images, HeldImages)

    images = torch.cat([data.train.images.values, data.test.images.values]).flatten(1).numpy()
    labels = torch.cat([data.train.labels, data.test.labels]).numpy()
    ours = sorted(zip(labels.tolist(), np.rint(images / 255 * 16).astype(int).tolist(), strict=True))
    theirs = sorted(zip(published.target.tolist(), published.data.astype(int).tolist(), strict=True))

    assert ours == theirs


def test_no_test_image_is_trained_on() -> None:
    data = read_digits()

    trained = {data.train.images[index].numpy().tobytes() for index in range(len(data.train))}
    tested = {data.test.images[index].numpy().tobytes() for index in range(len(data.test))}

    assert not trained & tested
