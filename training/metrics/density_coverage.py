"""Density and coverage (Naeem et al. 2020, arXiv:2002.09797, equations 3 and 4).

Balls around real images alone, so that one generated outlier cannot inflate a set. Density counts
how many real balls hold a generated image, over k: it may exceed 1 where generated images crowd at
the modes. Coverage is the share of real balls that hold at least one generated image.
"""

from __future__ import annotations

import numpy as np

from training.features.efficientnet import LITE0
from training.metrics.intervals import widen_share
from training.metrics.material import Material, Metric, compare
from training.metrics.neighbours import Array, Blocks, radii, score_neighbourhoods
from training.metrics.score import Features, Figure, Measurement, Score

NEIGHBOUR = 5  # k, as in the paper


def density_coverage(
    real_ND: Features, generated_MD: Features, seed: int = 0
) -> tuple[Score, Score]:
    """Measure density, at least 0, and coverage, in [0, 1], with intervals from random halves.

    Raises:
        ValueError: a set has too few images.
    """
    # A generated image lies in all N balls at most.
    most = np.array([len(real_ND) / NEIGHBOUR, 1.0])
    density, coverage = score_neighbourhoods(_estimate, real_ND, generated_MD, seed, most)
    return density, widen_share(coverage, len(real_ND))


def _estimate(real: Blocks, _generated: Blocks, between: Blocks) -> Array:
    real_N = radii(real, NEIGHBOUR)
    inside, covered = [], []
    for rows, block in between:
        within = block <= real_N[rows, None]
        inside.append(within.mean(axis=1))
        covered.append(within.any(axis=1))
    return np.array([np.concatenate(inside).sum() / NEIGHBOUR, np.concatenate(covered).mean()])


def _measure(material: Material) -> Measurement:
    return compare(material, density_coverage)


METRIC = Metric(
    "density_coverage",
    "how densely generated images lie around real ones, and how many real ones they reach",
    (
        Figure("density", f"density, k = {NEIGHBOUR} ({LITE0.name})", "as real", 3),
        Figure("coverage", f"coverage, k = {NEIGHBOUR} ({LITE0.name})", "higher", 3),
    ),
    _measure,
    least=2 * (NEIGHBOUR + 1),  # each image of a half has that many others
)
