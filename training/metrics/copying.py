"""C_T, the three-sample test for data copying (Meehan, Chaudhuri, Dasgupta 2020, arXiv:2004.05675).

Training images T, held-out images P, generated images Q. In each cell of a partition of feature
space the test asks whether generated images lie closer to T than held-out ones do, by the
Mann-Whitney statistic as a z-score; C_T is the mean over cells, weighted by held-out images. Far
below 0: the generator copies. Far above 0: it underfits, its images are farther from the training
set than new real ones.

T is fixed: the test speaks about this training set. Its interval resamples P and Q (bootstrap).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.cluster import KMeans

from training.features.efficientnet import LITE0
from training.metrics.intervals import bootstrap
from training.metrics.material import Material, Metric, audit
from training.metrics.neighbours import nearest
from training.metrics.score import Features, Figure, Measurement, Score

CELL_IMAGES = 100  # held-out images in a cell on average
MOST_CELLS = 50
# A cell counts if it holds this many of the held-out and of the generated images: the normal
# approximation of the Mann-Whitney statistic needs about as many (the paper's tau m = 20).
LEAST_IN_CELL = 20

Array = NDArray[np.float64]


def data_copying(
    training_TD: Features, heldout_ND: Features, generated_MD: Features, seed: int = 0
) -> tuple[Score]:
    """Measure C_T with its bootstrap interval.

    Args:
        training_TD: features of training images.
        heldout_ND: features of images from the same source that no training saw.
        generated_MD: features of generated images.
        seed: of the partition and of the resampling.

    Raises:
        ValueError: there are too few images.
    """
    cells = int(np.clip(len(heldout_ND) // CELL_IMAGES, 1, MOST_CELLS))
    distances = _distances(cells, training_TD, heldout_ND, generated_MD, seed)
    if not distances:  # the generated images crowd where held-out ones are rare
        distances = _distances(1, training_TD, heldout_ND, generated_MD, seed)
    if not distances:
        raise ValueError(f"C_T needs {LEAST_IN_CELL} held-out and {LEAST_IN_CELL} generated images")
    return (bootstrap(tuple(distances), c_t, seed, draws=200),)


def c_t(*distances: Array) -> float:
    """C_T (equation 4) from the distances to the nearest training image, cell by cell.

    Args:
        distances: of the first cell's held-out images, of its generated ones, of the second ...
    """
    cells = list(zip(distances[::2], distances[1::2], strict=True))
    return float(
        np.average([mann_whitney_z(p, q) for p, q in cells], weights=[len(p) for p, _ in cells])
    )


def mann_whitney_z(p_N: Array, q_M: Array) -> float:
    """How much larger q is than p, as a z-score (equation 2): 0 if they are alike."""
    n, m = len(p_N), len(q_M)
    # As `scipy.stats.ranksums`, which takes ten times as long, for thousands of resamplings.
    u = rankdata(np.concatenate([q_M, p_N]))[:m].sum() - m * (m + 1) / 2
    return float((u - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12))


def _distances(
    cells: int, training_TD: Features, heldout_ND: Features, generated_MD: Features, seed: int
) -> list[Array]:
    """The arguments of `c_t`, from a partition by k-means; of cells that hold enough images."""
    partition = KMeans(cells, n_init=1, random_state=seed).fit(training_TD.astype(np.float64))
    result: list[Array] = []
    for cell in range(cells):
        training = training_TD[partition.labels_ == cell]
        p, q = (
            x_ND[partition.predict(x_ND.astype(np.float64)) == cell]
            for x_ND in (heldout_ND, generated_MD)
        )
        if min(len(p), len(q)) >= LEAST_IN_CELL:
            result += [np.sqrt(nearest(x_ND, training)[0]) for x_ND in (p, q)]
    return result


def _measure(material: Material) -> Measurement:
    return audit(material, data_copying)


METRIC = Metric(
    "ct",
    "does the generator copy: generated images closer to training images than held-out ones are",
    (Figure("ct", f"C_T, data copying ({LITE0.name})", "as real", 2),),
    _measure,
    needs=frozenset({"training"}),
    least=LEAST_IN_CELL,
)
