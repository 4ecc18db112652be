"""AuthPct, the share of authentic images (Alaa et al. 2022, arXiv:2102.08921, section 4.3).

A generated image is a suspect if it lies closer to its nearest training image than that image's
nearest other training image does. AuthPct is the share of the others, in percent. Real images from
the same source have a share of their own below 100: the floor. Fewer than the floor means copies.

The training set is fixed; the interval resamples the generated images (bootstrap).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.features.efficientnet import LITE0
from training.metrics.intervals import bootstrap, widen_share
from training.metrics.material import Material, Metric, audit
from training.metrics.neighbours import nearest, radii_of
from training.metrics.score import Features, Figure, Measurement, Score


def authentic_percentage(
    training_TD: Features, _heldout_ND: Features, generated_MD: Features, seed: int = 0
) -> tuple[Score]:
    """Measure AuthPct, in [0, 100], with its bootstrap interval."""
    percent = 100 * authentic(training_TD, generated_MD).astype(np.float64)
    return (widen_share(bootstrap((percent,), np.mean, seed), len(percent), whole=100.0),)


def authentic(training_TD: Features, generated_MD: Features) -> NDArray[np.bool_]:
    """Which generated images are no suspects, [M].

    Raises:
        ValueError: there are fewer than 2 training images.
    """
    squared_M, nearest_M = nearest(generated_MD, training_TD)
    suspected_of, back = np.unique(nearest_M, return_inverse=True)
    reach = radii_of(suspected_of, training_TD, neighbour=1)
    result: NDArray[np.bool_] = squared_M > reach[back]
    return result


def _measure(material: Material) -> Measurement:
    return audit(material, authentic_percentage)


METRIC = Metric(
    "authenticity",
    "which share of generated images is not suspiciously close to one training image",
    (Figure("auth_pct", f"AuthPct ({LITE0.name})", "not below", 1),),
    _measure,
    needs=frozenset({"training"}),
)
