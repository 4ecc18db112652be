"""The Frechet distance of Gaussians whose distance is known in closed form."""

import numpy as np
import pytest
from numpy.typing import NDArray

from training.metrics.frechet import frechet_distance

Array = NDArray[np.float64]


def sample(count: int, mean: Array, covariance: Array, seed: int) -> Array:
    """Features whose sample mean and covariance are exactly the given ones."""
    x = np.random.default_rng(seed).normal(size=(count, len(mean)))
    x -= x.mean(axis=0)
    whitened = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T
    return whitened @ np.linalg.cholesky(covariance).T + mean


def test_diagonal_covariances_have_a_closed_form() -> None:
    a, b = np.array([1.0, 4.0, 9.0]), np.array([4.0, 4.0, 0.25])
    mean = np.array([1.0, -2.0, 0.5])
    x = sample(50, np.zeros(3), np.diag(a), seed=1)
    y = sample(80, mean, np.diag(b), seed=2)
    expected = np.square(mean).sum() + np.square(np.sqrt(a) - np.sqrt(b)).sum()
    assert frechet_distance(x, y).value == pytest.approx(expected, rel=1e-9)


def test_covariances_that_do_not_commute() -> None:
    """tr (AB)^(1/2) in two dimensions: sqrt(tr AB + 2 sqrt(det AB))."""
    a, b = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([[1.0, -0.7], [-0.7, 3.0]])
    root = np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a @ b)))
    x, y = sample(50, np.zeros(2), a, seed=1), sample(50, np.zeros(2), b, seed=2)
    expected = np.trace(a) + np.trace(b) - 2 * root
    assert frechet_distance(x, y).value == pytest.approx(expected, rel=1e-9)


def test_equal_sets_have_no_distance_even_with_fewer_images_than_features() -> None:
    x = np.random.default_rng(1).normal(size=(20, 64))
    assert frechet_distance(x, x).value == pytest.approx(0, abs=1e-9)


def test_one_image_has_no_covariance() -> None:
    with pytest.raises(ValueError, match="at least 2 images"):
        frechet_distance(np.zeros((1, 4)), np.zeros((9, 4)))
