"""KID against an independent reference and known answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics.pairwise import polynomial_kernel

from training.metrics import kid
from training.metrics.kid import kid_x1000, mmd_squared

Array = NDArray[np.float64]


def normal(count: int, seed: int, dimensions: int = 8, shift: float = 0.0) -> Array:
    return np.random.default_rng(seed).normal(shift, 1, (count, dimensions))


def reference(x: Array, y: Array) -> float:
    """The textbook formula (Gretton et al. 2012, equation 3) with scikit-learn's kernel."""
    kernel = {"degree": 3, "gamma": 1 / x.shape[1], "coef0": 1}
    xx, yy = polynomial_kernel(x, **kernel), polynomial_kernel(y, **kernel)
    n, m = len(x), len(y)
    within = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return float(within - 2 * polynomial_kernel(x, y, **kernel).mean())


def test_it_is_the_textbook_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kid, "_ROWS", 16)  # several blocks, the last one short
    x, y = normal(50, seed=1), normal(37, seed=2, shift=0.5)
    assert kid_x1000(x, y).value == pytest.approx(1000 * reference(x, y), rel=1e-12)


def test_a_subset_counts_as_if_it_were_alone() -> None:
    x, y = normal(20, seed=1), normal(30, seed=2, shift=0.5)
    chosen_x, chosen_y = np.zeros((1, 20)), np.zeros((1, 30))
    chosen_x[0, 3:11] = chosen_y[0, ::3] = 1
    expected = reference(x[3:11], y[::3])
    assert mmd_squared(x, y, chosen_x, chosen_y)[0] == pytest.approx(expected, rel=1e-12)


def test_one_distribution_gives_zero_within_the_interval() -> None:
    score = kid_x1000(normal(1000, seed=1), normal(1000, seed=2))
    assert score.low is not None and score.high is not None
    assert score.low < 0 < score.high
    assert abs(score.value) < 10


def test_it_is_unbiased() -> None:
    """The mean over many small draws from one distribution is zero within three standard errors."""
    values = [kid_x1000(normal(8, 2 * i), normal(8, 2 * i + 1)).value for i in range(400)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))


def test_it_grows_with_the_distance() -> None:
    real = normal(300, seed=1)
    values = [kid_x1000(real, normal(300, seed=2, shift=s)).value for s in (0.0, 0.2, 0.5, 1.0)]
    assert values == sorted(values)
    assert values[1] > 5 * abs(values[0])


def test_it_sees_a_collapse() -> None:
    """Two pictures, each real in itself, repeated: every image is good, the set is not."""
    real = normal(300, seed=1)
    collapsed = np.repeat(normal(2, seed=2), 150, axis=0)
    score = kid_x1000(real, collapsed)
    assert score.low is not None and score.low > 100


def test_the_interval_is_as_wide_as_the_estimate_scatters() -> None:
    estimates = [
        kid_x1000(normal(100, 2 * i), normal(100, 2 * i + 1, shift=0.5)).value for i in range(100)
    ]
    scores = [kid_x1000(normal(100, 2 * i), normal(100, 2 * i + 1, shift=0.5)) for i in range(10)]
    widths = [score.high - score.low for score in scores if score.low is not None]  # type: ignore[operator]
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.std(estimates), rel=0.3)


def test_it_is_deterministic_by_seed() -> None:
    x, y = normal(50, seed=1), normal(50, seed=2)
    assert kid_x1000(x, y, seed=3) == kid_x1000(x, y, seed=3)
    assert kid_x1000(x, y, seed=3).value == kid_x1000(x, y, seed=4).value
    assert kid_x1000(x, y, seed=3).low != kid_x1000(x, y, seed=4).low


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.5, 1.0), (0.0, 1.5)])
def test_gaussians_have_a_closed_form(shift: float, scale: float) -> None:
    """E (x'y / D + 1)^3 of independent normal vectors, from the moments of x'y."""
    dimensions, count = 8, 4000

    def expected(mean_a: float, var_a: float, mean_b: float, var_b: float) -> float:
        """s = x'y with x ~ N(a 1, u I), y ~ N(b 1, v I); moments of s over both."""
        d, a, b, u, v = dimensions, mean_a, mean_b, var_a, var_b
        m = d * a * b
        variance = d * (u * v + a * a * v + b * b * u)
        third = d * 6 * a * b * u * v  # third cumulant of a sum of d products
        second_moment = variance + m * m
        third_moment = third + 3 * variance * m + m**3
        return third_moment / d**3 + 3 * second_moment / d**2 + 3 * m / d + 1

    x = np.random.default_rng(1).normal(0, 1, (count, dimensions))
    y = np.random.default_rng(2).normal(shift, scale, (count, dimensions))
    truth = (
        expected(0, 1, 0, 1)
        + expected(shift, scale**2, shift, scale**2)
        - 2 * expected(0, 1, shift, scale**2)
    )
    score = kid_x1000(x, y)
    assert score.low is not None and score.high is not None
    middle = (score.low + score.high) / 2
    assert abs(1000 * truth - score.value) < 1.5 * (score.high - middle)


@settings(max_examples=20, deadline=None)
@given(st.integers(4, 30), st.integers(4, 30), st.integers(1, 20), st.integers(0, 999))
def test_it_is_symmetric_and_order_does_not_matter(n: int, m: int, d: int, seed: int) -> None:
    x, y = normal(n, seed, d), normal(m, seed + 1, d, shift=1.0)
    value = kid_x1000(x, y).value
    assert kid_x1000(y, x).value == pytest.approx(value, rel=1e-9, abs=1e-6)
    shuffled = np.random.default_rng(seed).permutation(x)
    assert kid_x1000(shuffled, y).value == pytest.approx(value, rel=1e-9, abs=1e-6)


def test_unusable_features_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 4 images"):
        kid_x1000(normal(3, seed=1), normal(50, seed=2))
    broken = normal(50, seed=1)
    broken[7, 3] = np.nan
    with pytest.raises(ValueError, match="not a finite number"):
        kid_x1000(normal(50, seed=2), broken)
