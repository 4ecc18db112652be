"""Outliers: distances against scikit-learn, scores against the normal distribution."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from training.datasets.cleaning import outliers
from training.datasets.cleaning.outliers import NEIGHBOUR, neighbour_distances, robust_scores


def features(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 16)).astype(np.float32)


@pytest.mark.parametrize("block", [7, 512])
def test_distances_are_those_of_scikit_learn(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(outliers, "BLOCK", block)
    points = features(100)
    expected, _ = NearestNeighbors(n_neighbors=NEIGHBOUR + 1).fit(points).kneighbors(points)
    found = neighbour_distances(points, np.arange(100))
    np.testing.assert_allclose(found, expected[:, -1], rtol=1e-4)


def test_references_are_the_smallest_keys_and_do_not_count_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outliers, "REFERENCES", 60)
    points = features(100)
    keys = np.random.default_rng(1).permutation(100)
    references = points[keys < 60]
    tree = NearestNeighbors().fit(references)
    expected = np.where(
        keys < 60,
        tree.kneighbors(points, NEIGHBOUR + 1)[0][:, -1],
        tree.kneighbors(points, NEIGHBOUR)[0][:, -1],
    )
    np.testing.assert_allclose(neighbour_distances(points, keys), expected, rtol=1e-4)


@pytest.mark.parametrize("count", [2, 3, 11])
def test_few_images_have_distances_too(count: int) -> None:
    assert np.isfinite(neighbour_distances(features(count), np.arange(count))).all()


def test_scores_are_deviations_of_a_gaussian_whatever_lies_far_out() -> None:
    values = np.random.default_rng(2).normal(50, 3, 10_000)
    values[:100] = 1e6
    scores = robust_scores(values)
    np.testing.assert_allclose(scores[100:], (values[100:] - 50) / 3, atol=0.2)


def test_equal_values_have_finite_scores() -> None:
    assert (robust_scores(np.full(5, 3.0)) == 0).all()
