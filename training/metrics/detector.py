"""How near the nearest training image is to the copy detector, which sees changed copies, too.

SSIM compares pictures place by place, and is blind to copies that were mirrored, moved or cut out.
The copy detector (`training.copies`; after SSCD, Pizzi et al. 2022, arXiv:2202.10261) turns each
image into a vector that such changes move little. Every image is compared with the whole training
set by the largest cosine. Held-out real images give the floor, and the threshold above which an
image is judged a copy: so is one in a hundred of them.

Shape suffixes: N and M images, T training images, E embedding.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from animegan_search.copies.index import nearest
from training.features.copy_detector import LevelsDetector
from training.features.extraction import Extractor
from training.files import sha256
from training.metrics.intervals import bootstrap, widen_share
from training.metrics.material import Material, Metric
from training.metrics.score import Figure, Measurement, Score
from training.networks.copy_detector_weights import SHIPPED

NAME = "copy detector"
QUANTILE = 0.95
FALSE_ALARMS = 0.01  # share of unseen real images that are judged copies

Array = NDArray[np.float64]


def copy_detector(device: torch.device) -> Extractor:
    """The detector that this project serves.

    Raises:
        FileNotFoundError, WeightsError: its weights are missing or broken.
    """
    network = LevelsDetector().to(device)
    definition = f"{sha256(SHIPPED)} bicubic antialias {network.side}"
    return Extractor(NAME, network.size, definition, network, device)


def nearness(training_TE: NDArray[np.float32], images_NE: NDArray[np.float32]) -> Array:
    """Largest cosine of each image to any training image, [N]."""
    best = [cosines[0] for _, cosines in nearest(training_TE, images_NE, 1)]
    return np.array(best, np.float64)


def threshold(unseen_N: Array) -> float:
    """Cosine that one unseen real image in a hundred exceeds; the largest, if there are too few."""
    rank = max(1, int(FALSE_ALARMS * (len(unseen_N) + 1)))
    return float(np.sort(unseen_N)[-rank])


def tail(nearness_M: Array, threshold: float, seed: int = 0) -> tuple[Score, Score]:
    """The 95 % quantile of the cosines, and the percentage of copies; both with intervals.

    Args:
        nearness_M: largest cosines.
        threshold: an image above it is judged a copy.
        seed: of the bootstrap.
    """
    quantile = bootstrap((nearness_M,), lambda x: float(np.quantile(x, QUANTILE)), seed)
    percent = bootstrap((100 * (nearness_M > threshold).astype(np.float64),), np.mean, seed)
    return quantile, widen_share(percent, len(nearness_M), whole=100.0)


def _measure(material: Material) -> Measurement:
    training = material.features("all training", NAME)
    generated, real, others = (
        nearness(training, material.features(part, NAME))
        for part in ("generated", "real", "others")
    )
    limit = threshold(real)
    return Measurement(
        scores=tail(generated, limit, material.seed),
        floors=tail(others, limit, material.seed),
        samples=material.samples("all training", "real", "others", "generated"),
    )


METRIC = Metric(
    "detector",
    "how near the most similar training image is to the copy detector, which sees changed copies",
    (
        Figure(
            "detector_95", f"largest cosine to training, 95 % quantile ({NAME})", "not above", 3
        ),
        Figure(
            "detector_copies", f"judged copies of training images, percent ({NAME})", "not above"
        ),
    ),
    _measure,
    needs=frozenset({"training"}),
)
