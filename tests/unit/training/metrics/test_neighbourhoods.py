"""Precision, recall, density and coverage: the authors' package, known answers, properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prdc import compute_prdc

from tests.unit.training.metrics.clouds import Array, collapsed, normal
from training.metrics import density_coverage as dc
from training.metrics import neighbours
from training.metrics import precision_recall as pr
from training.metrics.density_coverage import density_coverage
from training.metrics.precision_recall import precision_recall


def measure(real: Array, generated: Array) -> dict[str, float]:
    precision, recall = precision_recall(real, generated)
    density, coverage = density_coverage(real, generated)
    return {
        "precision": precision.value,
        "recall": recall.value,
        "density": density.value,
        "coverage": coverage.value,
    }


@pytest.mark.parametrize("shift", [0.0, 0.5, 2.0])
def test_it_agrees_with_prdc(shift: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Naeem et al.'s own package; it has one k for all four."""
    monkeypatch.setattr(neighbours, "ROWS", 32)
    monkeypatch.setattr(pr, "NEIGHBOUR", 4)
    monkeypatch.setattr(dc, "NEIGHBOUR", 4)
    real, generated = normal(150, seed=1), normal(120, seed=2, shift=shift)
    assert measure(real, generated) == pytest.approx(compute_prdc(real, generated, nearest_k=4))


def test_equal_sets() -> None:
    x = normal(100, seed=1)
    found = measure(x, x.copy())
    assert found["precision"] == found["recall"] == found["coverage"] == 1
    assert found["density"] >= 1  # each lies in its own ball, and in those of its neighbours


def test_sets_far_apart() -> None:
    found = measure(normal(100, seed=1), normal(100, seed=2, shift=100))
    assert set(found.values()) == {0.0}


def test_a_planted_collapse_lowers_recall_and_coverage_alone() -> None:
    real = normal(400, seed=1)
    healthy = measure(real, normal(400, seed=2))
    few = measure(real, collapsed(400, seed=2, kept=5))
    assert few["precision"] > healthy["precision"] - 0.3
    assert few["recall"] < 0.05 < 0.8 < healthy["recall"]
    assert few["coverage"] < 0.15 < 0.9 < healthy["coverage"]


def test_an_outlier_inflates_recall_but_not_coverage() -> None:
    """The case that density and coverage were made for (Naeem et al. 2020, figure 1)."""
    real = normal(200, seed=1)
    narrow = 0.2 * normal(200, seed=2)
    outliers = narrow.copy()
    outliers[:4] *= 100  # far away, with balls that hold everything
    without, beside = measure(real, narrow), measure(real, outliers)
    assert beside["recall"] > without["recall"] + 0.5
    assert beside["coverage"] == pytest.approx(without["coverage"], abs=0.05)


clouds = st.tuples(
    st.integers(12, 40),
    st.integers(12, 40),
    st.integers(1, 6),
    st.floats(0, 3),
    st.integers(0, 999),
)


@settings(max_examples=20, deadline=None)
@given(clouds)
def test_order_does_not_matter_and_bounds_hold(
    cloud: tuple[int, int, int, float, int],
) -> None:
    count, others, dimensions, shift, seed = cloud
    real = normal(count, seed, dimensions)
    generated = normal(others, seed + 1, dimensions, shift)
    found = measure(real, generated)
    random = np.random.default_rng(seed)
    assert measure(random.permutation(real), random.permutation(generated)) == pytest.approx(found)
    for key in ("precision", "recall", "coverage"):
        assert 0 <= found[key] <= 1
    assert 0 <= found["density"] <= count / dc.NEIGHBOUR


def test_intervals_are_about_as_wide_as_the_estimates_scatter() -> None:
    scores = np.array(
        [
            [(s.value, s.low, s.high) for s in function(*sets)]
            for function in (precision_recall, density_coverage)
            for sets in [
                (normal(150, 2 * i), 0.8 * normal(150, 2 * i + 1, shift=0.3)) for i in range(40)
            ]
        ]
    ).reshape(2, 40, 2, 3)
    scatter = 2 * 1.96 * scores[..., 0].std(axis=1)
    width = (scores[..., 2] - scores[..., 1]).mean(axis=1)
    assert (width > 0.8 * scatter).all()
    assert (width < 2.5 * scatter).all()


def test_it_is_deterministic_by_seed() -> None:
    real, generated = normal(60, seed=1), normal(60, seed=2)
    assert precision_recall(real, generated, 3) == precision_recall(real, generated, 3)
    assert density_coverage(real, generated, 3) == density_coverage(real, generated, 3)
    assert precision_recall(real, generated, 3) != precision_recall(real, generated, 4)
