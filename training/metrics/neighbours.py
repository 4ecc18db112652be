"""Exact nearest neighbours by brute force: blocks of distances from matrix products, in float64.

Shape suffixes: N and M images, D features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from training.metrics.intervals import BASE, halves
from training.metrics.score import Features, Score

ROWS = 512  # of the distance matrix in memory at a time
# Features are float32 and differ in the seventh digit with the batch they were computed in. What is
# closer than a millionth of its length is the same point: the rounding of a matrix product must not
# decide who is nearest among equal images. This is that millionth, squared.
SAME = 1e-12

Array = NDArray[np.float64]
Places = NDArray[np.int64]
# Rows of a matrix of squared distances, a few at a time: (rows, [rows, M]).
Blocks = Iterable[tuple[slice, Array]]
Estimate = Callable[[Blocks, Blocks, Blocks], Array]


def squared_distances(x_ND: Features, y_MD: Features) -> Array:
    """Squared Euclidean distances, float64 [N, M]; exactly zero between equal points."""
    x, y = x_ND.astype(np.float64, copy=False), y_MD.astype(np.float64, copy=False)
    lengths = np.square(x).sum(axis=1)[:, None] + np.square(y).sum(axis=1)
    result: Array = lengths - 2 * (x @ y.T)
    result[result < SAME * lengths] = 0
    return result


def blocks(x_ND: Features, y_MD: Features) -> Iterator[tuple[slice, Array]]:
    """Squared distances in blocks of rows of x: (rows, [rows, M])."""
    y = y_MD.astype(np.float64)
    for first in range(0, len(x_ND), ROWS):
        rows = slice(first, min(first + ROWS, len(x_ND)))
        yield rows, squared_distances(x_ND[rows], y)


def nearest(x_ND: Features, y_MD: Features) -> tuple[Array, Places]:
    """For each x its nearest y: squared distance [N] and place [N] (the first among equals)."""
    squared, places = np.empty(len(x_ND)), np.empty(len(x_ND), np.int64)
    for rows, block in blocks(x_ND, y_MD):
        places[rows] = block.argmin(axis=1)
        squared[rows] = block.min(axis=1)
    return squared, places


def radii(distances: Blocks, neighbour: int) -> Array:
    """Squared distance of each image to its k-th nearest among the others, [N].

    Args:
        distances: of the set to itself.
        neighbour: k.

    Raises:
        ValueError: there are not that many others.
    """
    return np.concatenate(
        [
            _kth_other(np.arange(rows.start, rows.stop), block, neighbour)
            for rows, block in distances
        ]
    )


def score_neighbourhoods(
    estimate: Estimate,
    real_ND: Features,
    generated_MD: Features,
    seed: int,
    most: float | Array,
) -> tuple[Score, ...]:
    """Score an estimate that is made of distances, with its intervals from random halves.

    Args:
        estimate: from the distances real to real, generated to generated and real to generated.
        real_ND: features.
        generated_MD: features.
        seed: of the halves.
        most: the largest value of each estimate; the smallest is 0.
    """
    x, y = real_ND, generated_MD
    values = estimate(blocks(x, x), blocks(y, y), blocks(x, y))
    x, y = x[:BASE], y[:BASE]
    tables = squared_distances(x, x), squared_distances(y, y), squared_distances(x, y)

    def of_halves(a: Places, b: Places) -> Array:
        pairs = ((a, a), (b, b), (a, b))
        parts = [table[np.ix_(*pair)] for table, pair in zip(tables, pairs, strict=True)]
        return estimate(*([(slice(0, len(part)), part)] for part in parts))

    return halves(values, (len(real_ND), len(generated_MD)), of_halves, seed, (0.0, most))


def radii_of(places: Places, x_ND: Features, neighbour: int) -> Array:
    """`radii` of some images only, [n], against the whole set.

    Args:
        places: of these images in the set.
        x_ND: the set.
        neighbour: k.
    """
    return np.concatenate(
        [_kth_other(places[rows], block, neighbour) for rows, block in blocks(x_ND[places], x_ND)]
    )


def _kth_other(own: Places, block: Array, neighbour: int) -> Array:
    """k-th smallest of each row, [rows], without the image itself, which is column `own`."""
    if block.shape[1] <= neighbour:
        raise ValueError(f"{block.shape[1]} images are too few: each needs {neighbour} others")
    others = block.copy()
    others[np.arange(len(block)), own] = np.inf
    result: Array = np.partition(others, neighbour - 1, axis=1)[:, neighbour - 1]
    return result
