"""Intervals of statistics whose standard error is known."""

import numpy as np
import pytest

from training.metrics import intervals
from training.metrics.intervals import bootstrap, halves, widen_share
from training.metrics.score import Score


def difference(x: np.ndarray, y: np.ndarray):
    return lambda a, b: np.array([x[a].mean() - y[b].mean()])


def test_halves_find_the_standard_error_of_a_difference_of_means() -> None:
    x, y = np.random.default_rng(1).normal(size=(2, 400))
    value = np.array([x.mean() - y.mean()])
    (score,) = halves(value, (400, 400), difference(x, y), seed=0)
    assert score.low is not None and score.high is not None
    assert score.value == value[0] == pytest.approx((score.low + score.high) / 2)
    assert score.high - score.low == pytest.approx(2 * 1.96 * np.sqrt(2 / 400), rel=0.25)


def test_a_spread_among_few_is_scaled_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "BASE", 200)
    monkeypatch.setattr(intervals, "HALVES", 200)
    x, y = np.random.default_rng(1).normal(size=(2, 3200))
    (score,) = halves(np.zeros(1), (3200, 3200), difference(x, y), seed=0)
    assert score.low is not None and score.high is not None
    assert score.high - score.low == pytest.approx(2 * 1.96 * np.sqrt(2 / 3200), rel=0.25)


def test_an_interval_stays_within_its_bounds() -> None:
    def jumpy(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.array([a[0] + b[0], a[0]]) / 10

    first, second = halves(np.array([0.9, 0.1]), (50, 50), jumpy, 0, (0.0, np.array([1.0, 2.0])))
    assert (first.low, first.high, second.low) == (0.0, 1.0, 0.0)
    assert second.high == 2.0


def test_the_bootstrap_finds_the_standard_error_of_a_mean() -> None:
    x = np.random.default_rng(1).normal(size=500)
    score = bootstrap((x,), np.mean, seed=0)
    assert score.low is not None and score.high is not None
    assert score.low < score.value == x.mean() < score.high
    assert score.high - score.low == pytest.approx(2 * 1.96 / np.sqrt(500), rel=0.15)


def test_the_bootstrap_resamples_every_set_by_itself() -> None:
    x, y = np.random.default_rng(1).normal(size=(2, 500))
    together = bootstrap((x, y), lambda a, b: float(a.mean() - b.mean()), seed=0)
    assert together.low is not None and together.high is not None
    assert together.high - together.low == pytest.approx(2 * 1.96 * np.sqrt(2 / 500), rel=0.15)


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (Score(0, 0, 0), Score(0, 0, 0.03)),
        (Score(1, 1, 1), Score(1, 0.97, 1)),
        (Score(1, 0.9, 1), Score(1, 0.9, 1)),
        (Score(0.5, 0.4, 0.6), Score(0.5, 0.4, 0.6)),
    ],
)
def test_none_of_a_hundred_may_still_be_three(score: Score, expected: Score) -> None:
    assert widen_share(score, 100) == expected


def test_none_of_two_may_be_all() -> None:
    assert widen_share(Score(0.0), 2, whole=100) == Score(0, 0, 100)
