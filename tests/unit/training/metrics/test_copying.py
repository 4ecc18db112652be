"""C_T and AuthPct: known answers, independent references, planted memorisation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ranksums
from sklearn.neighbors import NearestNeighbors

from tests.unit.training.metrics.clouds import Array, collapsed, copies, normal
from training.metrics.authenticity import authentic, authentic_percentage
from training.metrics.copying import c_t, data_copying, mann_whitney_z


def sets(count: int = 400) -> tuple[Array, Array, Array]:
    """Training, held-out and further images of one distribution."""
    return normal(2 * count, seed=1), normal(count, seed=2), normal(count, seed=3)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 30), min_size=2, max_size=40),  # integers: many ties
    st.lists(st.integers(0, 30), min_size=2, max_size=40),
)
def test_z_counts_pairs_as_scipys_statistic_does(p: list[int], q: list[int]) -> None:
    n, m = len(p), len(q)
    u = sum((one > other) + (one == other) / 2 for one in q for other in p)
    expected = (u - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12)
    z = mann_whitney_z(np.array(p, float), np.array(q, float))
    assert z == pytest.approx(expected, abs=1e-12)
    assert z == pytest.approx(ranksums(q, p).statistic, abs=1e-12)
    assert mann_whitney_z(np.array(q, float), np.array(p, float)) == pytest.approx(-z)


def test_cells_count_by_their_held_out_images() -> None:
    near, far = np.arange(20.0), 100 + np.arange(20.0)
    low = mann_whitney_z(far, near)
    many = np.tile(near, 4)
    assert c_t(far, near, many, many) == pytest.approx(low * 20 / 100)


def test_real_images_are_within_chance() -> None:
    """C_T is a mean of z-scores: between -3 and 3 for images of the same distribution."""
    values = [
        data_copying(normal(600, 3 * i), normal(300, 3 * i + 1), normal(300, 3 * i + 2))[0].value
        for i in range(10)
    ]
    assert max(map(abs, values)) < 3
    assert abs(np.mean(values)) < 1


def test_planted_memorisation_moves_c_t_down() -> None:
    training, heldout, others = sets()
    half = np.concatenate([others[:200], copies(training, 200, seed=4)])
    (floor,) = data_copying(training, heldout, others)
    (some,) = data_copying(training, heldout, half)
    (all_,) = data_copying(training, heldout, copies(training, 400, seed=4))
    assert all_.value < some.value - 2 < floor.value - 4
    assert some.high is not None and some.high < -1


def test_underfitting_moves_c_t_up() -> None:
    training, heldout, others = sets()
    assert data_copying(training, heldout, 1.5 * others)[0].value > 3


def test_a_collapse_far_from_most_cells_still_has_a_value() -> None:
    training, heldout, _ = sets()
    far = collapsed(400, seed=5, kept=1) + 50
    assert data_copying(training, heldout, far)[0].value > 10


def test_authenticity_is_its_definition() -> None:
    training, _, generated = sets(100)
    to_training, places = NearestNeighbors(n_neighbors=1).fit(training).kneighbors(generated)
    to_others = NearestNeighbors(n_neighbors=2).fit(training).kneighbors(training)[0][:, 1]
    expected = to_training[:, 0] > to_others[places[:, 0]]
    np.testing.assert_array_equal(authentic(training, generated), expected)


def test_planted_memorisation_lowers_authenticity() -> None:
    training, heldout, others = sets()
    mixed = np.concatenate([others[:300], copies(training, 100, seed=4)])
    (floor,) = authentic_percentage(training, heldout, others)
    (some,) = authentic_percentage(training, heldout, mixed)
    (all_,) = authentic_percentage(training, heldout, training)
    assert all_.value == 0  # exact copies
    assert some.value == pytest.approx(0.75 * floor.value, abs=6)
    assert some.high is not None and some.high < floor.value


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 40), st.integers(1, 40), st.integers(0, 999))
def test_order_does_not_matter(count: int, others: int, seed: int) -> None:
    training, generated = normal(count, seed, 3), normal(others, seed + 1, 3)
    found = authentic(training, generated)
    shuffled = np.random.default_rng(seed).permutation(training)
    np.testing.assert_array_equal(authentic(shuffled, generated), found)
    assert not authentic(training, training).any()


def test_they_are_deterministic_by_seed() -> None:
    for function in (data_copying, authentic_percentage):
        assert function(*sets(200), 3) == function(*sets(200), 3)
        assert function(*sets(200), 3) != function(*sets(200), 4)
