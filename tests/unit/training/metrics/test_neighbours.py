"""Nearest neighbours against scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.neighbors import NearestNeighbors

from tests.unit.training.metrics.clouds import normal
from training.metrics import neighbours
from training.metrics.neighbours import blocks, nearest, radii, radii_of, squared_distances


@pytest.fixture(autouse=True)
def several_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "ROWS", 16)


def test_distances() -> None:
    x, y = normal(50, seed=1), normal(37, seed=2)
    ours = np.concatenate([block for _, block in blocks(x, y)])
    exact = euclidean_distances(x.astype(float), y.astype(float), squared=True)
    np.testing.assert_allclose(ours, exact, rtol=1e-9)


def test_equal_points_are_at_no_distance_however_long_they_are() -> None:
    x = 1e4 + normal(50, seed=1, dimensions=300)
    assert (np.diag(squared_distances(x, x)) == 0).all()
    assert (squared_distances(x, x)[~np.eye(50, dtype=bool)] > 1).all()


def test_the_nearest() -> None:
    x, y = normal(50, seed=1), normal(37, seed=2)
    squared, places = nearest(x, y)
    distance, expected = NearestNeighbors(n_neighbors=1).fit(y).kneighbors(x)
    np.testing.assert_array_equal(places, expected[:, 0])
    np.testing.assert_allclose(np.sqrt(squared), distance[:, 0], rtol=1e-5)


@pytest.mark.parametrize("k", [1, 3, 36])
def test_radii(k: int) -> None:
    x = normal(37, seed=2)
    expected = NearestNeighbors(n_neighbors=k + 1).fit(x).kneighbors(x)[0][:, k]
    np.testing.assert_allclose(np.sqrt(radii(blocks(x, x), k)), expected, rtol=1e-5)
    some = np.array([30, 2, 17])
    np.testing.assert_allclose(np.sqrt(radii_of(some, x, k)), expected[some], rtol=1e-5)


def test_a_point_needs_as_many_others() -> None:
    x = normal(5, seed=1)
    with pytest.raises(ValueError, match="5 images are too few: each needs 5 others"):
        radii(blocks(x, x), 5)
