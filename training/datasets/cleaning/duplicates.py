"""Which images of a group of copies go, and which one stays."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from training.datasets.likeness.pairs import Pair


def exact_duplicates(pixels: np.ndarray) -> dict[int, int]:
    """Later images by the earliest one with the same pixels.

    Args:
        pixels: [N], a key of each image's pixels.
    """
    first: dict[bytes, int] = {}
    copies = {}
    for index, key in enumerate(pixels.tolist()):
        if key in first:
            copies[index] = first[key]
        first.setdefault(key, index)
    return copies


def drop_later(pairs: Iterable[Pair]) -> dict[int, Pair]:
    """Choose one image of each group of near duplicates to stay: the earliest.

    An image goes only if it resembles one that stays, so that chains of small steps do not carry
    off images that do not resemble anything kept.

    Returns:
        The images to drop, each with its closest pair.
    """
    dropped: dict[int, Pair] = {}
    for pair in sorted(pairs, key=lambda pair: pair.order):
        if pair.earlier not in dropped:
            dropped.setdefault(pair.later, pair)
    return dropped
