"""Windows around pixels: mirrored at the borders, cut around the right ones, split as told."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from netdsl.training.batches import Share
from netdsl.training.data.scene import Scene
from netdsl.training.windows import (
    Windows,
    mirrored,
    principal_components,
    split_at_random,
    split_by_blocks,
)
from tests.training.networks import fault_of


def scene(rows: int = 40, columns: int = 48, classes: int = 4) -> Scene:
    """Stripes of classes with borders between, over random spectra."""
    generator = torch.Generator().manual_seed(0)
    truth = (torch.arange(columns) // 3 % (classes + 1) - 1).expand(rows, columns).clone()
    return Scene(
        name="stripes",
        classes=tuple("abcdefgh"[:classes]),
        cube=torch.randn(rows, columns, 6, generator=generator),
        truth=truth,
        fingerprint="",
    )


@pytest.mark.parametrize("whiten", [True, False])
def test_components_are_those_of_the_covariance(whiten: bool) -> None:
    """From the eigenvectors of the covariance matrix, but for their signs."""
    cube = scene().cube
    pixels = cube.reshape(-1, 6).double().numpy()
    centred = pixels - pixels.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(centred.T))
    expected = centred @ vectors[:, ::-1][:, :3] / (np.sqrt(values[::-1][:3]) if whiten else 1)

    found = principal_components(cube, 3, whiten).reshape(-1, 3).numpy()

    assert np.allclose(np.abs(found), np.abs(expected), atol=1e-4)
    theirs = PCA(3, whiten=whiten).fit_transform(pixels)
    assert np.allclose(np.abs(found), np.abs(theirs), atol=1e-4)


@pytest.mark.parametrize("window", [(5, 5), (4, 4), (3, 6), (1, 1)])
def test_a_window_is_what_numpy_cuts_from_mirrored_borders(window: tuple[int, int]) -> None:
    given, (height, width) = scene(9, 11), window
    before_after = [(height // 2, height - 1 - height // 2), (width // 2, width - 1 - width // 2), (0, 0)]
    padded = np.pad(given.cube.numpy(), before_after, mode="reflect")
    windows = Windows(
        values=mirrored(given.cube, window),
        scene=given,
        places=(given.truth >= 0).nonzero(),
        shape=(1, 6, height, width),
        size=7,
        seed=0,
        shuffled=False,
    )

    found = torch.cat([batch for batch, _ in windows.epoch(0)])
    labels = torch.cat([batch for _, batch in windows.epoch(0)])

    assert found.shape == (len(windows), 1, 6, height, width)
    for number, (row, column) in enumerate(windows.places.tolist()):
        expected = padded[row : row + height, column : column + width].transpose(2, 0, 1)
        assert np.array_equal(found[number, 0].numpy(), expected)
        assert expected[:, height // 2, width // 2].tolist() == given.cube[row, column].tolist()
        assert int(labels[number]) == int(given.truth[row, column])


def test_an_epoch_has_each_pixel_once_in_an_order_of_its_own() -> None:
    given = scene(9, 11)
    windows = Windows(
        values=mirrored(given.cube, (3, 3)),
        scene=given,
        places=(given.truth >= 0).nonzero(),
        shape=(6, 3, 3),
        size=16,
        seed=0,
        shuffled=True,
    )

    first, second = (torch.cat([batch for batch, _ in windows.epoch(number)]) for number in (1, 2))

    assert not torch.equal(first, second)
    assert torch.equal(first.flatten().sort().values, second.flatten().sort().values)


def test_shares_and_what_is_left_of_an_epoch_are_the_same_windows() -> None:
    given = scene(9, 11)
    windows = Windows(
        values=mirrored(given.cube, (3, 3)),
        scene=given,
        places=(given.truth >= 0).nonzero(),
        shape=(6, 3, 3),
        size=16,
        seed=0,
        shuffled=True,
    )
    parts = [windows.shared(Share(rank, 3)) for rank in range(3)]

    joined = [torch.cat(s) for s in zip(*([w for w, _ in p.epoch(2, 1)] for p in parts), strict=True)]

    assert torch.equal(torch.cat(joined), torch.cat([batch for batch, _ in windows.epoch(2)])[16:])


def test_a_window_larger_than_the_scene_is_told() -> None:
    assert fault_of(lambda: mirrored(scene(9, 11).cube, (19, 3))) == ("image-size", 1)


def test_a_split_at_random_takes_its_share_of_each_class() -> None:
    given = scene()

    parts = split_at_random(given, 0.3, seed=0)

    assert not (parts.train & parts.test).any()
    assert torch.equal(parts.train | parts.test, given.truth >= 0)
    for number in range(4):
        whole = int((given.truth == number).sum())
        assert int((given.truth[parts.train] == number).sum()) == round(0.3 * whole)
    assert not torch.equal(parts.train, split_at_random(given, 0.3, seed=1).train)


def test_small_classes_are_in_both_parts_as_long_as_they_can() -> None:
    given = scene(1, 15)
    given.truth[:] = torch.tensor([0, 0, 1, 1, 1, 2, 3, 3, 3, 3, 3, 3, 3, 3, -1])

    parts = split_at_random(given, 0.01, seed=0)

    assert [int((given.truth[parts.train] == number).sum()) for number in range(4)] == [1, 1, 1, 1]
    assert [int((given.truth[parts.test] == number).sum()) for number in range(4)] == [1, 2, 0, 7]


@pytest.mark.parametrize("window", [(5, 5), (4, 4), (1, 1)])
@pytest.mark.parametrize("seed", range(3))
def test_no_test_pixel_lies_in_a_window_that_is_learned_from(window: tuple[int, int], seed: int) -> None:
    given, (height, width) = scene(), window

    parts = split_by_blocks(given, 0.3, 10, window, seed)

    assert parts.train.any()
    assert parts.test.any()
    for row, column in parts.train.nonzero().tolist():
        top, left = row - height // 2, column - width // 2
        rows, columns = slice(max(top, 0), top + height), slice(max(left, 0), left + width)
        assert not parts.test[rows, columns].any()
    known = int((given.truth >= 0).sum())
    assert int(parts.train.sum()) + int(parts.test.sum()) + parts.left_out == known
    if window == (1, 1):
        assert parts.left_out == 0
        assert 0.2 < int(parts.train.sum()) / known < 0.45
