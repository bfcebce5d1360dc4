"""Whitening against numpy's and scikit-learn's, and its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.decomposition import PCA

from netdsl.training import whitening
from netdsl.training.transforms import Scaling
from netdsl.training.whitening import WHITENING, Whitening, fit_whitening, read_whitening, write_whitening
from tests.training.networks import fault_of, faults_of

SHAPE = (2, 3, 4)
NEXT_TO_NOTHING = 1e-12
PLAIN = Scaling(None, None)

Doubles = npt.NDArray[np.float64]


def correlated(count: int = 400) -> torch.Tensor:
    """Images whose neighbours are alike, as those of photographs are: `(count, 2, 3, 4)` bytes."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(count, 24, generator=generator).cumsum(dim=1)
    return (128 + 12 * values).clamp(0, 255).byte().view(count, *SHAPE)


def as_rows(images: torch.Tensor) -> Doubles:
    """An image a row, of values from 0 to 1."""
    return images.flatten(1).double().numpy() / 255


def whitened(fitted: Whitening, images: torch.Tensor) -> Doubles:
    made: Doubles = fitted(PLAIN(images)).flatten(1).double().numpy()
    return made


def test_components_are_scikit_learn_s() -> None:
    """But for signs, which scikit-learn chooses otherwise from version to version."""
    images = correlated()
    theirs = PCA(whiten=True, svd_solver="full").fit_transform(as_rows(images))

    ours = whitened(fit_whitening(images, PLAIN, "pca", NEXT_TO_NOTHING), images)

    np.testing.assert_allclose(ours * np.sign(ours[0]), theirs * np.sign(theirs[0]), atol=2e-3)


def test_components_have_their_largest_part_positive() -> None:
    matrix = fit_whitening(correlated(), PLAIN, "pca", 0.01).matrix

    assert (matrix.gather(1, matrix.abs().argmax(dim=1, keepdim=True)) > 0).all()


@pytest.mark.parametrize("epsilon", [1e-4, 0.01, 1.0])
def test_zca_is_numpy_s_by_singular_values(epsilon: float) -> None:
    """V (S² / (n − 1) + ε)^−½ Vᵀ of the centred images U S Vᵀ."""
    images = correlated()
    centred = as_rows(images) - as_rows(images).mean(axis=0)
    _, spread, directions = np.linalg.svd(centred, full_matrices=False)
    matrix = directions.T @ np.diag(1 / np.sqrt(spread**2 / (len(images) - 1) + epsilon)) @ directions

    ours = fit_whitening(images, PLAIN, "zca", epsilon)

    np.testing.assert_allclose(ours.matrix.numpy(), matrix, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(whitened(ours, images), centred @ matrix.T, atol=1e-4)


@pytest.mark.parametrize("kind", ["zca", "pca"])
def test_nothing_is_correlated_afterwards(kind: whitening.Kind) -> None:
    """The covariance is the identity. Images are normalised before, whatever by."""
    images, scale = correlated(), Scaling((0.4, 0.6), (0.2, 0.3))

    made = fit_whitening(images, scale, kind, NEXT_TO_NOTHING)(scale(images)).flatten(1).double().numpy()

    np.testing.assert_allclose(made.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(np.cov(made.T), np.eye(24), atol=1e-3)


def test_zca_is_symmetric_and_moves_images_the_least() -> None:
    """Whatever is turned afterwards is as white, and further from the images."""
    images = correlated()
    fitted = fit_whitening(images, PLAIN, "zca", 0.01)
    centred = PLAIN(images).flatten(1) - fitted.mean
    generator = torch.Generator().manual_seed(1)
    skew = [m - m.T for m in torch.randn(20, 24, 24, generator=generator)]
    turns = [torch.linalg.matrix_exp(size * m) for m in skew for size in (0.01, 1)]

    def moved(matrix: torch.Tensor) -> float:
        return (centred @ matrix.T - centred).square().sum().item()

    torch.testing.assert_close(fitted.matrix, fitted.matrix.T, rtol=0, atol=1e-5)
    assert all(moved(turn @ fitted.matrix) > moved(fitted.matrix) for turn in turns)


def test_what_few_images_do_not_span_is_stretched_by_epsilon_alone() -> None:
    images = correlated(5)
    fitted = fit_whitening(images, PLAIN, "zca", 0.01)
    rows = torch.from_numpy(as_rows(images)).float()
    beyond = torch.linalg.svd(rows - rows.mean(dim=0)).Vh[-1]

    torch.testing.assert_close(fitted.matrix @ beyond, 10 * beyond, rtol=1e-3, atol=1e-3)
    assert fit_whitening(images[:1], PLAIN, "zca", 0.01).matrix.isfinite().all()


def test_parts_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fit_whitening(correlated(), PLAIN, "zca", 0.01)
    monkeypatch.setattr(whitening, "AT_ONCE", 7)

    parts = fit_whitening(correlated(), PLAIN, "zca", 0.01)

    torch.testing.assert_close(parts.mean, whole.mean, rtol=0, atol=1e-6)
    torch.testing.assert_close(parts.matrix, whole.matrix, rtol=0, atol=1e-5)


def test_an_image_is_whitened_alike_alone_and_laid_out_as_it_came() -> None:
    images = PLAIN(correlated())[:8].contiguous(memory_format=torch.channels_last)
    before = images.clone()
    fitted = fit_whitening(correlated(), PLAIN, "zca", 0.01)

    together = fitted(images)

    assert together.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(fitted(images[3:4].contiguous())[0], together[3])
    assert torch.equal(images, before)


def test_the_matrix_is_the_gradient() -> None:
    fitted = fit_whitening(correlated(), PLAIN, "pca", 0.01)
    image = PLAIN(correlated()[:1]).requires_grad_()

    (gradient,) = torch.autograd.grad(fitted(image).flatten()[5], image)

    torch.testing.assert_close(gradient.flatten(), fitted.matrix[5])


def test_the_file_holds_it_to_the_bit(tmp_path: Path) -> None:
    fitted = fit_whitening(correlated(), PLAIN, "zca", 0.01)
    write_whitening(tmp_path, fitted)

    read = read_whitening(tmp_path, fitted.digest)

    assert torch.equal(read.mean, fitted.mean)
    assert torch.equal(read.matrix, fitted.matrix)


def test_each_flipped_byte_of_the_file_is_told(tmp_path: Path) -> None:
    fitted = fit_whitening(correlated(), PLAIN, "zca", 0.01)
    write_whitening(tmp_path, fitted)
    path = tmp_path / WHITENING
    whole = path.read_bytes()

    for place in range(0, len(whole), 97):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert fault_of(lambda: read_whitening(tmp_path, fitted.digest)) == ("damaged-run", 5)
    path.write_bytes(whole[:-1])
    assert fault_of(lambda: read_whitening(tmp_path, fitted.digest)) == ("damaged-run", 5)


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    found, exit_code = faults_of(lambda: read_whitening(tmp_path, "0" * 64))

    assert ([d.code for d in found], exit_code) == (["damaged-run"], 5)
    assert found[0].message == f"`{tmp_path / WHITENING}` cannot be read: no such file or directory"
