"""The verdict: p-values beside scipy's and by symmetry, thresholds, and how sure they are."""

import json
import re

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from animegan_search.ssim.verdict import Calibration, TooFewHeldoutError, beta_quantile

# Few different levels, so that ties are common.
LEVELS = st.integers(-10, 10).map(lambda level: level / 10)
RATES = st.integers(1, 99).map(lambda percent: percent / 100)


def calibration(maxima: list[float] | np.ndarray) -> Calibration:
    return Calibration(np.sort(np.asarray(maxima, np.float64)), "digest", "heldout", "other", 0)


@given(st.lists(LEVELS, min_size=1), LEVELS)
def test_the_p_value_counts_who_is_as_close(maxima: list[float], best: float) -> None:
    closer = sum(one >= best for one in maxima)
    assert calibration(maxima).p_value(best) == (1 + closer) / (len(maxima) + 1)


@given(st.lists(LEVELS, min_size=2, max_size=50), LEVELS)
def test_the_p_value_is_scipys(maxima: list[float], best: float) -> None:
    remaining = iter(maxima)
    test = scipy.stats.monte_carlo_test(
        [best],
        lambda size: np.array([next(remaining) for _ in range(np.prod(size))]).reshape(size),
        lambda sample, axis: sample.mean(axis),
        n_resamples=len(maxima),
        alternative="greater",
    )
    assert calibration(maxima).p_value(best) == pytest.approx(test.pvalue, abs=1e-12)


@given(st.sets(st.floats(-1, 1), min_size=2, max_size=60))
def test_p_values_of_exchangeable_pictures_are_uniform(scores: set[float]) -> None:
    """Each of n + 1 pictures is as likely the new one: then every rank comes exactly once."""
    found = sorted(calibration(list(scores - {one})).p_value(one) for one in scores)
    np.testing.assert_allclose(found, np.arange(1, len(scores) + 1) / len(scores))


@given(st.lists(LEVELS, min_size=2, max_size=60), RATES)
def test_with_ties_false_alarms_only_get_rarer(scores: list[float], rate: float) -> None:
    found = np.array(
        [calibration(scores[:i] + scores[i + 1 :]).p_value(one) for i, one in enumerate(scores)]
    )
    assert (found <= rate).mean() <= rate


@given(st.lists(LEVELS, min_size=1, max_size=200), LEVELS, RATES)
def test_threshold_and_p_value_judge_alike(maxima: list[float], best: float, rate: float) -> None:
    known = calibration(maxima)
    if rate < 1 / (len(maxima) + 1):
        with pytest.raises(TooFewHeldoutError, match="calibrate with more"):
            known.judge(best, rate)
        return
    verdict = known.judge(best, rate)
    assert verdict.p_value == known.p_value(best)
    assert verdict.false_alarm_rate == rate
    assert verdict.original == (verdict.p_value > rate) == (best <= verdict.threshold)


def test_ninety_nine_images_carry_one_percent_and_ninety_eight_do_not() -> None:
    assert calibration(np.linspace(0, 1, 99)).threshold(0.01) == 1
    with pytest.raises(TooFewHeldoutError, match="98 held-out images"):
        calibration(np.linspace(0, 1, 98)).threshold(0.01)


@pytest.mark.parametrize("count", [1, 9, 98, 99, 2000])
def test_a_default_verdict_has_the_rate_that_the_images_carry(count: int) -> None:
    known = calibration(np.linspace(0, 0.9, count))
    rate = known.default_rate
    assert rate == pytest.approx(max(0.01, 1 / (count + 1)))
    assert known.judge(0.95).false_alarm_rate == rate
    assert not known.judge(0.95).original and known.judge(0.0).original
    assert known.judge(0.95) == known.judge(0.95, rate)
    assert known.threshold() == known.threshold(rate)
    assert known.false_alarm_interval() == known.false_alarm_interval(rate)


@given(st.integers(1, 5000))
def test_the_rate_that_a_refusal_names_is_carried(count: int) -> None:
    known = calibration(np.zeros(count))
    with pytest.raises(TooFewHeldoutError, match=f"^{count} held-out images") as refused:
        known.threshold(0.5 / (count + 1))
    named = re.search(r"ask for (\S+) or more", str(refused.value))
    assert named and known.threshold(float(named[1])) == 0


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, float("nan")])
def test_a_rate_is_a_share(rate: float) -> None:
    with pytest.raises(ValueError, match="false_alarm_rate must lie between 0 and 1"):
        calibration([0.5]).threshold(rate)


@given(st.floats(0.001, 0.999), st.integers(1, 3000), st.data())
def test_beta_quantiles_are_scipys(share: float, count: int, data: st.DataObject) -> None:
    rank = data.draw(st.integers(1, count))
    expected = scipy.stats.beta.ppf(share, rank, count + 1 - rank)
    assert beta_quantile(share, rank, count) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_the_interval_covers_the_threshold_s_own_rate() -> None:
    """Of many calibrations with uniform scores, where a threshold t has the rate 1 - t."""
    draws = np.random.default_rng(1).random((2000, 200))
    calibrations = [calibration(draw) for draw in draws]
    rates = 1 - np.array([one.threshold(0.05) for one in calibrations])
    low, high = calibrations[0].false_alarm_interval(0.05)
    # The tenth of 200 uniform scores; its mean over 2,000 draws, give or take four deviations.
    assert rates.mean() == pytest.approx(10 / 201, abs=0.0014)
    # 95 % of 2,000 draws, give or take four standard deviations of a binomial share.
    assert ((rates > low) & (rates < high)).mean() == pytest.approx(0.95, abs=0.02)


def test_p_values_of_many_pictures_keep_their_shape() -> None:
    best = np.array([[0.0, 0.25], [0.5, 1.0]])
    np.testing.assert_array_equal(
        calibration([0.1, 0.2, 0.3]).p_values(best), [[1, 0.5], [0.25, 0.25]]
    )


def test_a_calibration_travels_as_json() -> None:
    known = calibration(np.random.default_rng(2).random(50))
    read = Calibration.from_json(json.loads(json.dumps(known.as_json())))
    np.testing.assert_array_equal(read.maxima, known.maxima)
    assert read.as_json() == known.as_json()
    assert read.count == 50
