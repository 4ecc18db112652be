"""Exact and near duplicates: by pixels, and by the Hamming distances of perceptual hashes.

pHash (signs of the low frequencies of the cosine transform) and dHash (signs of the differences of
neighbours) by the package imagehash; both must agree. Each image is compared with each, and with
its mirror image, by XOR and bit counts: exact, 64 bits a picture, N**2 / 2 operations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

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


def near_pairs(traits: np.ndarray, phash_bits: int, dhash_bits: int) -> Iterator[Pair]:
    """Every pair whose hashes differ by no more than so many bits, by the earlier image.

    Args:
        traits: `TRAITS` [N].
        phash_bits: Of 64.
        dhash_bits: Of 64.
    """
    for first in tqdm(range(0, len(traits), BLOCK), unit="block", desc="near duplicates"):
        rows = slice(first, first + BLOCK)
        for mirrored, suffix in ((False, ""), (True, "_mirrored")):
            # The later images' hashes from `first` on against the block's own.
            phash = traits["phash"][first:] ^ traits["phash" + suffix][rows, None]
            dhash = traits["dhash"][first:] ^ traits["dhash" + suffix][rows, None]
            distance = np.bitwise_count(phash)
            near = (distance <= phash_bits) & (np.bitwise_count(dhash) <= dhash_bits)
            for row, column in np.argwhere(np.triu(near, k=1)).tolist():
                yield Pair(first + row, first + column, int(distance[row, column]), mirrored)


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
