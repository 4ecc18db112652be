"""Improved precision and recall (Kynkaanniemi et al. 2019, arXiv:1904.06991, equations 1 and 2).

Each set is the union of balls around its images that reach to the k-th nearest other image.
Precision is the share of generated images inside the real set, recall the share of real images
inside the generated one. Both grow with the number of images and with k: compare them only at equal
numbers, and with the floor.
"""

from __future__ import annotations

import numpy as np

from training.features.efficientnet import LITE0
from training.metrics.intervals import widen_share
from training.metrics.material import Material, Metric, compare
from training.metrics.neighbours import Array, Blocks, radii, score_neighbourhoods
from training.metrics.score import Features, Figure, Measurement, Score

NEIGHBOUR = 3  # k, as in the paper


def precision_recall(
    real_ND: Features, generated_MD: Features, seed: int = 0
) -> tuple[Score, Score]:
    """Measure both, each in [0, 1], with intervals from random halves.

    Raises:
        ValueError: a set has too few images.
    """
    precision, recall = score_neighbourhoods(_estimate, real_ND, generated_MD, seed, most=1.0)
    return widen_share(precision, len(generated_MD)), widen_share(recall, len(real_ND))


def _estimate(real: Blocks, generated: Blocks, between: Blocks) -> Array:
    real_N, generated_M = radii(real, NEIGHBOUR), radii(generated, NEIGHBOUR)
    precise_M, recalled = np.zeros(len(generated_M), bool), []
    for rows, block in between:
        precise_M |= (block <= real_N[rows, None]).any(axis=0)
        recalled.append((block <= generated_M).any(axis=1))
    return np.array([precise_M.mean(), np.concatenate(recalled).mean()])


def _measure(material: Material) -> Measurement:
    return compare(material, precision_recall)


METRIC = Metric(
    "precision_recall",
    "do generated images lie among real ones, and real ones among generated",
    (
        Figure("precision", f"precision, k = {NEIGHBOUR} ({LITE0.name})", "higher", 3),
        Figure("recall", f"recall, k = {NEIGHBOUR} ({LITE0.name})", "higher", 3),
    ),
    _measure,
    least=2 * (NEIGHBOUR + 1),  # each image of a half has that many others
)
