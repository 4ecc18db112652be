"""How near the nearest training image is to the copy detector, which sees changed copies, too.

SSIM compares pictures place by place, and is blind to copies that were mirrored, moved or cut out.
The copy detector (`training.copies`; after SSCD, Pizzi et al. 2022, arXiv:2202.10261) turns each
image into a vector that such changes move little. Every image is compared with the whole training
set by the largest cosine. Held-out real images give the floor, and the threshold above which an
image is judged a copy: so is one in a hundred of them.

Shape suffixes: N and M images, T training images, E embedding, B batch, C channels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from animegan_copies.index import nearest
from training.copies.weights import load_detector
from training.datasets.files import sha256
from training.metrics.features import Extractor
from training.metrics.intervals import bootstrap, widen_share
from training.metrics.material import Material
from training.metrics.score import Figure, Measurement, Metric, Score
from training.networks.copy_detector import CopyDetector

NAME = "copy detector"
WEIGHTS = Path(__file__).parents[1] / "weights" / "copies-64.safetensors"
QUANTILE = 0.95
FALSE_ALARMS = 0.01  # share of unseen real images that are judged copies

Array = NDArray[np.float64]


class Embedding(nn.Module):
    """Levels 0..255 [B, H, W, C] of any square size, C = 1 or 3 -> embedding [B, E]."""

    def __init__(self, network: CopyDetector) -> None:
        super().__init__()
        self.network = network

    def forward(self, levels_BHWC: Tensor) -> Tensor:
        """Scale to [-1, 1] and to the network's size, and embed."""
        x = levels_BHWC.permute(0, 3, 1, 2).float() / 127.5 - 1
        x = x.expand(-1, 3, -1, -1)
        side = self.network.config.resolution
        if x.shape[-1] != side:
            x = F.interpolate(x, (side, side), mode="bicubic", antialias=True)
        result: Tensor = self.network(x)
        return result


def copy_detector(device: torch.device) -> Extractor:
    """The detector that this project serves.

    Raises:
        FileNotFoundError, WeightsError: its weights are missing or broken.
    """
    network, _ = load_detector(WEIGHTS)
    definition = f"{sha256(WEIGHTS)} bicubic antialias {network.config.resolution}"
    embedding = Embedding(network).to(device)
    return Extractor(NAME, network.config.embedding, definition, embedding, device)


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
    percent = bootstrap((100.0 * (nearness_M > threshold),), np.mean, seed)
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
