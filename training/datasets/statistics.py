"""Figures about a dataset: colours and labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from animegan_cli.progress import ProgressBar
from training.datasets.manifest import SHARD_IMAGES, Labels
from training.datasets.reader import Dataset

LEVELS = 256
FREQUENT = 10
"""Values of a label that are listed by name."""
CHANNELS = {1: ("grey",), 3: ("red", "green", "blue")}


def colour_statistics(dataset: Dataset) -> dict[str, Any]:
    """Exact figures over all pixels, with a progress bar.

    Returns:
        For each channel `mean` and `deviation` of the levels (0 to 255) and the shares of pixels
        that are `black` (0) and `white` (255); and `colourless`, the share of images in which the
        channels of every pixel are equal.
    """
    names = CHANNELS[dataset.header.channels]
    counts = np.zeros((len(names), LEVELS), np.int64)
    colourless = 0
    starts = range(0, len(dataset), SHARD_IMAGES)
    for first in ProgressBar(starts, unit="shard", desc="colours"):
        images_NHWC = dataset.images_NHWC[first : first + SHARD_IMAGES]
        for channel, row in enumerate(counts):
            row += np.bincount(images_NHWC[..., channel].ravel(), minlength=LEVELS)
        colourless += int((images_NHWC == images_NHWC[..., :1]).all(axis=(1, 2, 3)).sum())
    channels = {name: _moments(row) for name, row in zip(names, counts, strict=True)}
    return {"channels": channels, "colourless": colourless / len(dataset)}


def label_statistics(labels: Sequence[Labels]) -> dict[str, Any]:
    """For each attribute and field of the labels how it is distributed.

    Identities, which differ from image to image, are left out.

    Returns:
        By name: `min`, `max`, `mean` for numbers; `values` (the frequent ones with their share of
        the images that have the field) and `different` (how many values there are) otherwise.
    """
    columns: dict[str, list[Any]] = {}
    for label in labels:
        fields = {k: v for k, v in label.items() if k not in ("id", "sha256", "seed", "attributes")}
        for name, value in (fields | label.get("attributes", {})).items():
            columns.setdefault(name, []).append(value)
    return {name: _column(columns[name]) for name in sorted(columns)}


def _moments(counts: np.ndarray) -> dict[str, float]:
    levels = np.arange(LEVELS)
    total = counts.sum()
    mean = float(counts @ levels / total)
    variance = float(counts @ (levels - mean) ** 2 / total)
    shares = {"black": float(counts[0] / total), "white": float(counts[-1] / total)}
    return {"mean": mean, "deviation": variance**0.5, **shares}


def _column(values: list[Any]) -> dict[str, Any]:
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    if numbers:
        return {"min": min(values), "max": max(values), "mean": float(np.mean(values))}
    # A list, such as tags, counts each of its members; what it cannot hold counts by its spelling.
    words = [str(w) for value in values for w in (value if isinstance(value, list) else [value])]
    frequent = Counter(words).most_common(FREQUENT)
    shares = {word: count / len(values) for word, count in frequent}
    return {"values": shares, "different": len(set(words))}
