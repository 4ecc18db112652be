"""KID against an independent reference and known answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics.pairwise import euclidean_distances, polynomial_kernel, rbf_kernel

from training.metrics import kid
from training.metrics.kid import bandwidth, kid_x1000, mmd_squared

Array = NDArray[np.float64]


def normal(count: int, seed: int, dimensions: int = 8, shift: float = 0.0) -> Array:
    return np.random.default_rng(seed).normal(shift, 1, (count, dimensions))


def reference(x: Array, y: Array, width: float) -> float:
    """The textbook formula (Gretton et al. 2012, equation 3) with scikit-learn's kernel."""
    gamma = 1 / (2 * width**2)
    return unbiased(*(rbf_kernel(a, b, gamma) for a, b in ((x, x), (y, y), (x, y))))


def unbiased(xx: Array, yy: Array, xy: Array) -> float:
    n, m = xy.shape
    within = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return float(within - 2 * xy.mean())


def cubic_x1000(x: Array, y: Array) -> float:
    """KID with the paper's kernel."""
    kernel = {"degree": 3, "gamma": 1 / x.shape[1], "coef0": 1}
    pairs = ((x, x), (y, y), (x, y))
    return 1000 * unbiased(*(polynomial_kernel(a, b, **kernel) for a, b in pairs))


def test_it_is_the_textbook_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kid, "_ROWS", 16)  # several blocks, the last one short
    x, y = normal(50, seed=1), normal(37, seed=2, shift=0.5)
    median = np.median(euclidean_distances(x)[np.triu_indices(50, 1)])
    assert kid_x1000(x, y).value == pytest.approx(1000 * reference(x, y, median / 2), rel=1e-9)


def test_a_subset_counts_as_if_it_were_alone() -> None:
    x, y = normal(20, seed=1), normal(30, seed=2, shift=0.5)
    chosen_x, chosen_y = np.zeros((1, 20)), np.zeros((1, 30))
    chosen_x[0, 3:11] = chosen_y[0, ::3] = 1
    expected = reference(x[3:11], y[::3], 2.5)
    assert mmd_squared(x, y, chosen_x, chosen_y, 2.5)[0] == pytest.approx(expected, rel=1e-9)


def test_the_bandwidth_looks_at_the_first_images(monkeypatch: pytest.MonkeyPatch) -> None:
    x = normal(50, seed=1)
    monkeypatch.setattr(kid, "BANDWIDTH_IMAGES", 30)
    assert bandwidth(x) == bandwidth(x[:30]) != bandwidth(x[20:])


def test_the_unit_of_length_does_not_matter() -> None:
    x, y = normal(50, seed=1), normal(50, seed=2, shift=0.5)
    assert kid_x1000(100 * x, 100 * y).value == pytest.approx(kid_x1000(x, y).value)


@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_it_sees_lost_variety_where_the_cubic_kernel_is_blind(spread: float) -> None:
    """Features like ours: 1,280 of them, a mean that is long beside their spread."""
    random = np.random.default_rng(1)
    deviations = 0.2 * random.normal(size=(3, 200, 1280)) * np.geomspace(3, 0.1, 1280)
    real, others, drawn = 0.4 + deviations
    poor = drawn.mean(axis=0) + spread * (drawn - drawn.mean(axis=0))
    assert cubic_x1000(real, poor) < cubic_x1000(real, others) + 5
    score, floor = kid_x1000(real, poor), kid_x1000(real, others)
    assert score.low is not None and floor.high is not None
    assert score.low > floor.high + 15


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
    """E k(x, y) of independent normal vectors: a Gaussian integral over their difference."""
    dimensions, count = 8, 4000
    x = np.random.default_rng(1).normal(0, 1, (count, dimensions))
    y = np.random.default_rng(2).normal(shift, scale, (count, dimensions))
    square = bandwidth(x) ** 2

    def expected(apart: float, variance: float) -> float:
        """With x - y ~ N(apart 1, variance I)."""
        whole = square + variance
        exponent = -dimensions * apart**2 / (2 * whole)
        return float((square / whole) ** (dimensions / 2) * np.exp(exponent))

    truth = expected(0, 2) + expected(0, 2 * scale**2) - 2 * expected(shift, 1 + scale**2)
    score = kid_x1000(x, y)
    assert score.low is not None and score.high is not None
    middle = (score.low + score.high) / 2
    assert abs(1000 * truth - score.value) < 1.5 * (score.high - middle)


@settings(max_examples=20, deadline=None)
@given(st.integers(4, 30), st.integers(4, 30), st.integers(1, 20), st.integers(0, 999))
def test_order_does_not_matter(n: int, m: int, d: int, seed: int) -> None:
    x, y = normal(n, seed, d), normal(m, seed + 1, d, shift=1.0)
    value = kid_x1000(x, y).value
    random = np.random.default_rng(seed)
    shuffled = kid_x1000(random.permutation(x), random.permutation(y))
    assert shuffled.value == pytest.approx(value, rel=1e-9, abs=1e-6)


def test_unusable_features_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 4 images"):
        kid_x1000(normal(3, seed=1), normal(50, seed=2))
    broken = normal(50, seed=1)
    broken[7, 3] = np.nan
    with pytest.raises(ValueError, match="not a finite number"):
        kid_x1000(normal(50, seed=2), broken)
    with pytest.raises(ValueError, match="real images that differ"):
        kid_x1000(np.repeat(normal(1, seed=1), 9, axis=0), normal(50, seed=2))
