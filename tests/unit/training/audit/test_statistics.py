"""Wilson's interval and the chance of flags against scipy's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom, binomtest

from training.audit.statistics import chance_of_as_many, wilson


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_the_interval_is_scipys(count: int, share: float) -> None:
    successes = round(share * count)
    expected = binomtest(successes, count).proportion_ci(0.95, method="wilson")
    assert wilson(successes, count) == pytest.approx((expected.low, expected.high), abs=1e-6)


@given(st.integers(1, 2_000), st.floats(0, 1), st.integers(20, 3_000), st.floats(0, 0.2))
def test_the_chance_is_scipys_beta_binomial_tail(
    count: int, share: float, heldout: int, rate: float
) -> None:
    flagged, above = round(share * count), int(rate * heldout)
    expected = betabinom.sf(flagged - 1, count, above + 1, heldout - above)
    assert chance_of_as_many(flagged, count, above, heldout) == pytest.approx(expected, abs=1e-8)


def test_no_flag_is_certain_to_be_reached() -> None:
    assert chance_of_as_many(0, 25, 19, 2000) == 1
