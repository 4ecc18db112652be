"""The Frechet distance of Gaussians whose distance is known in closed form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from training.metrics.frechet import frechet_and_means, frechet_distance

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


def test_the_means_share_is_their_term_of_the_sum() -> None:
    a, b = np.diag([1.0, 4.0]), np.diag([4.0, 4.0])  # 1 apart
    x, y = sample(50, np.zeros(2), a, seed=1), sample(80, np.array([0.0, 3.0]), b, seed=2)
    distance, share = frechet_and_means(x, y)
    assert (distance.value, share.value) == pytest.approx((10, 0.9))
    assert share.low is not None and share.high is not None
    assert 0 < share.low < 0.9 < share.high <= 1


@pytest.mark.parametrize(("shift", "scale", "expected"), [(2.0, 1.0, 1.0), (0.0, 0.2, 0.0)])
def test_a_shift_lies_between_the_means_and_lost_spread_does_not(
    shift: float, scale: float, expected: float
) -> None:
    x, y = np.random.default_rng(1).normal(size=(2, 500, 8))
    _, share = frechet_and_means(x, shift + scale * y)
    assert share.value == pytest.approx(expected, abs=0.05)


def test_equal_sets_share_nothing() -> None:
    x = np.random.default_rng(1).normal(size=(20, 64))
    assert frechet_and_means(x, x)[1].value == 0


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


@pytest.mark.parametrize("count", [30, 200])  # fewer and more than there are features
def test_it_is_the_usual_formula(count: int) -> None:
    """With the matrix square root; it is nearly singular, hence the tolerance."""
    x = np.random.default_rng(1).normal(size=(count, 64))
    y = np.random.default_rng(2).normal(0.3, 1.2, size=(count, 64))
    a, b = np.cov(x.T), np.cov(y.T)
    root = np.trace(np.real(sqrtm(a @ b)))
    expected = np.square(x.mean(0) - y.mean(0)).sum() + np.trace(a) + np.trace(b) - 2 * root
    assert frechet_distance(x, y).value == pytest.approx(expected, rel=1e-5)


def test_the_interval_is_as_wide_as_the_estimate_scatters() -> None:
    def draw(seed: int, shift: float = 0.0) -> Array:
        return np.random.default_rng(seed).normal(shift, 1, (200, 8))

    scores = [frechet_distance(draw(2 * i), draw(2 * i + 1, 0.5)) for i in range(60)]
    widths = [score.high - score.low for score in scores if score.low is not None]  # type: ignore[operator]
    scatter = 2 * 1.96 * np.std([score.value for score in scores])
    assert np.mean(widths) == pytest.approx(scatter, rel=0.3)


def test_it_is_deterministic_by_seed() -> None:
    x, y = np.random.default_rng(1).normal(size=(2, 50, 4))
    assert frechet_distance(x, y, 3) == frechet_distance(x, y, 3)
    assert frechet_distance(x, y, 3).high != frechet_distance(x, y, 4).high


@settings(max_examples=20, deadline=None)
@given(st.integers(4, 30), st.integers(4, 30), st.integers(1, 20), st.integers(0, 999))
def test_it_is_symmetric_and_never_negative(n: int, m: int, dimensions: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    x, y = random.normal(size=(n, dimensions)), random.normal(1, 2, size=(m, dimensions))
    distance = frechet_distance(x, y).value
    assert distance > -1e-9
    assert frechet_distance(y, x).value == pytest.approx(distance, abs=1e-9)
    assert frechet_distance(random.permutation(x), y).value == pytest.approx(distance, abs=1e-9)


def test_a_covariance_needs_images() -> None:
    with pytest.raises(ValueError, match="at least 4 images"):
        frechet_distance(np.zeros((3, 4)), np.zeros((9, 4)))
