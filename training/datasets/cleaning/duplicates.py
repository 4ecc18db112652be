"""Exact and near duplicates: by pixels, and by perceptual hashes that thumbnails confirm.

Each image's pHash (signs of the low frequencies of the cosine transform, by the package imagehash)
is compared with each other one, and with that of the mirror image, by XOR and bit counts: exact,
N**2 operations on 64 bits. At 64 bits, different faces come close too, so thumbnails with their
mean and contrast removed must agree as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from animegan_client.progress import ProgressBar

BLOCK = 256
"""Rows of the comparison at a time; with 100,000 images a block takes 200 MB."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two images that are nearly the same; `later` comes after `earlier` in the dataset."""

    earlier: int
    later: int
    distance: int
    """Bits of the pHash that differ, of 64."""
    mirrored: bool


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


def near_pairs(traits: np.ndarray, bits: int, difference: float) -> Iterator[Pair]:
    """Every pair that is nearly the same, by the earlier image.

    Args:
        traits: `TRAITS` [N].
        bits: Of 64 by which the pHashes may differ.
        difference: Mean absolute difference of the standardised thumbnails that is allowed.
    """
    for first in ProgressBar(range(0, len(traits), BLOCK), unit="block", desc="near duplicates"):
        rows = slice(first, first + BLOCK)
        for mirrored, name in ((False, "phash"), (True, "phash_mirrored")):
            # The later images' hashes from `first` on against the block's own.
            distance = np.bitwise_count(traits["phash"][first:] ^ traits[name][rows, None])
            for row, column in np.argwhere(np.triu(distance <= bits, k=1)).tolist():
                earlier, later = traits[first + row], traits[first + column]
                if thumbnail_difference(earlier, later, mirrored) <= difference:
                    yield Pair(first + row, first + column, int(distance[row, column]), mirrored)


def thumbnail_difference(one: np.void, other: np.void, mirrored: bool) -> float:
    """Mean absolute difference of two thumbnails in units of their own deviations.

    Args:
        one: A row of `TRAITS`.
        other: Another.
        mirrored: Compare with the mirror image.
    """
    a = one["thumbnail"][:, ::-1] if mirrored else one["thumbnail"]
    return float(np.abs(_standardised(a) - _standardised(other["thumbnail"])).mean())


def _standardised(levels: np.ndarray) -> np.ndarray:
    return (levels - levels.mean()) / max(levels.std(), 1.0)


def drop_later(pairs: Iterator[Pair]) -> dict[int, Pair]:
    """Choose one image of each group of near duplicates to stay: the earliest.

    An image goes only if it resembles one that stays, so that chains of small steps do not carry
    off images that do not resemble anything kept.

    Returns:
        The images to drop, each with its pair of the smallest distance.
    """
    dropped: dict[int, Pair] = {}
    for pair in sorted(pairs, key=lambda p: (p.later, p.distance, p.mirrored, p.earlier)):
        if pair.earlier not in dropped:
            dropped.setdefault(pair.later, pair)
    return dropped
