"""How far each image's features lie from those of its neighbours."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from animegan_cli.progress import ProgressBar
from training.datasets.reader import Dataset

NEIGHBOUR = 10
"""The distance that counts is that to the tenth neighbour: a handful of equals is no company."""
REFERENCES = 20_000
"""Neighbours are sought among so many images at most."""
BLOCK = 512
MAD_TO_DEVIATION = 1.4826
"""Median absolute deviation to standard deviation, of a Gaussian."""


def dataset_features(dataset: Dataset, cache: Path) -> np.ndarray:
    """Features of all images, shard by shard; what an earlier run computed is taken over.

    Args:
        dataset: The images.
        cache: Folder for the features.

    Returns:
        float32 [N, 1280] of EfficientNet-Lite0 (`training.features.extraction`).
    """
    # Torch takes seconds to import, and only this needs it.
    import torch

    from training.features.cache import FeatureCache
    from training.features.efficientnet import efficientnet
    from training.features.extraction import Pictures, extract

    extractor, parts = efficientnet(torch.device("cpu")), []
    for shard in dataset.shards:
        images = dataset.images_NHWC[shard.first : shard.first + shard.count]
        pictures = Pictures(shard.images, images, 0, shard.count, shard.images_sha256)
        parts.append(extract(extractor, pictures, FeatureCache(cache)))
    return np.concatenate(parts)


def neighbour_distances(features_ND: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Euclidean distance of each image to its tenth neighbour among the references.

    Args:
        features_ND: float32 [N, D].
        keys: [N], what the references are chosen by: those with the smallest keys.

    Returns:
        float64 [N].
    """
    chosen = np.sort(np.argsort(keys, kind="stable")[:REFERENCES])
    references = features_ND[chosen].astype(np.float32)
    is_reference = np.zeros(len(features_ND), bool)
    is_reference[chosen] = True
    norms = np.square(references).sum(axis=1)
    rank = min(NEIGHBOUR, len(references) - 1)
    distances = np.empty(len(features_ND))
    for first in ProgressBar(range(0, len(features_ND), BLOCK), unit="block", desc="neighbours"):
        block = features_ND[first : first + BLOCK]
        squares = norms - 2 * (block @ references.T) + np.square(block).sum(axis=1)[:, None]
        # A reference finds itself first.
        near = np.partition(squares, (rank - 1, rank), axis=1)
        own = is_reference[first : first + BLOCK]
        square = np.where(own, near[:, rank], near[:, rank - 1])
        distances[first : first + BLOCK] = np.sqrt(np.maximum(square, 0))
    return distances


def robust_scores(values: np.ndarray) -> np.ndarray:
    """How many standard deviations each value lies above the median; robust against outliers.

    Args:
        values: float64 [N].

    Returns:
        float64 [N]; the deviation is estimated by the median absolute deviation.
    """
    median = np.median(values)
    deviation = MAD_TO_DEVIATION * np.median(np.abs(values - median))
    scores: np.ndarray = (values - median) / max(deviation, np.finfo(float).eps)
    return scores
