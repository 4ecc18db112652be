"""Finds the pairs of images that are nearly the same, each with each, exactly.

Two images are alike by their pHashes, compared by XOR and bit counts, where their thumbnails with
mean and contrast removed agree as well: at 64 bits, different faces come close. Where thumbnails
leave room for doubt, our copy detector is asked. By that detector alone they are alike, too: it
finds what was moved by a pixel or two, cut or turned. The thumbnails must agree a little then, as
it knows faces only, and takes noise for copies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from animegan_cli.progress import ProgressBar
from training.datasets.likeness.limits import Likeness
from training.datasets.likeness.looks import Looks

ROWS, COLUMNS = 128, 4096
"""Pairs at a time: few enough for the XORs to stay in a core's cache, 4 MiB."""
CONFIRMED = 2048
"""Pairs of thumbnails at a time, 13 MiB."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two images that are nearly the same."""

    earlier: int
    """In the same images, the one before `later`; else the place among the others."""
    later: int
    distance: int
    """Bits of the pHash that differ, of 64."""
    mirrored: bool
    cosine: float | None = None
    """Of the embeddings, where these and not the hashes make the pair."""

    @property
    def how(self) -> str:
        """In what they are alike, for people."""
        if self.cosine is not None:
            return f"cosine {self.cosine:.3f}" + ", mirrored" * self.mirrored
        return f"{self.distance} bits" + ", mirrored" * self.mirrored

    @property
    def order(self) -> tuple[int, float, int, bool, int]:
        """Sorts pairs by the later image, its closest first; those by hashes are the closest."""
        return (self.later, -(self.cosine or 2), self.distance, self.mirrored, self.earlier)


def near_pairs(looks: Looks, limits: Likeness) -> Iterator[Pair]:
    """Every pair of images, by blocks of the earlier one; by hashes and by embeddings if both."""
    rows = range(0, len(looks), ROWS)
    for first in ProgressBar(rows, unit="block", desc="near duplicates"):
        for start in range(first, len(looks), COLUMNS):
            for pair in _tile(looks, looks, first, start, limits):
                if pair.earlier < pair.later:
                    yield pair


def pairs_between(others: Looks, looks: Looks, limits: Likeness) -> Iterator[Pair]:
    """Every pair of one of the others, the earlier, and one of the images, the later."""
    rows = range(0, len(others), ROWS)
    for first in ProgressBar(rows, unit="block", desc="copies of others"):
        for start in range(0, len(looks), COLUMNS):
            yield from _tile(others, looks, first, start, limits)


def _tile(one: Looks, other: Looks, first: int, start: int, limits: Likeness) -> Iterator[Pair]:
    """The pairs of a block of rows with a block of columns."""
    rows, columns = slice(first, first + ROWS), slice(start, start + COLUMNS)
    lively = (one.deviation[rows, None] >= limits.blank) & (
        other.deviation[columns] >= limits.blank
    )
    straight = np.bitwise_count(one.phash[rows, None] ^ other.phash[columns])
    mirrored = np.bitwise_count(one.phash_mirrored[rows, None] ^ other.phash[columns])
    judged = one.embeddings.shape[1] > 0 and one.embeddings.shape[1] == other.embeddings.shape[1]
    cosine = one.embeddings[rows] @ other.embeddings[columns].T if judged else None
    for flipped, distance in ((False, straight), (True, mirrored)):
        close = (distance <= limits.phash) & lively
        for row, column, differ in _agreeing(one, other, first, start, close, flipped):
            assents = cosine is None or cosine[row, column] >= limits.assent
            if differ <= limits.sure or (differ <= limits.difference and assents):
                yield Pair(first + row, start + column, int(distance[row, column]), flipped)
        if cosine is None:
            continue
        close = (cosine >= limits.cosine) & lively
        for row, column, differ in _agreeing(one, other, first, start, close, flipped):
            if differ <= limits.moved:
                bits, same = int(distance[row, column]), float(cosine[row, column])
                yield Pair(first + row, start + column, bits, flipped, same)


def _agreeing(
    one: Looks,
    other: Looks,
    first: int,
    start: int,
    close: NDArray[np.bool_],
    mirrored: bool,
) -> Iterator[tuple[int, int, float]]:
    """Rows and columns of the close ones, and by how much their thumbnails differ."""
    flat = np.flatnonzero(close)
    for place in range(0, len(flat), CONFIRMED):
        rows, columns = np.divmod(flat[place : place + CONFIRMED], close.shape[1])
        found = thumbnail_differences(
            one.thumbnails[first + rows], other.thumbnails[start + columns], mirrored
        )
        yield from zip(rows.tolist(), columns.tolist(), found.tolist(), strict=True)


def thumbnail_differences(
    one_NHWC: NDArray[np.uint8], other_NHWC: NDArray[np.uint8], mirrored: bool
) -> NDArray[np.float32]:
    """Mean absolute differences of thumbnails, in units of their own deviations.

    Args:
        one_NHWC: uint8.
        other_NHWC: the same number of others.
        mirrored: Compare with the mirror image of `one`.

    Returns:
        float32 [N].
    """
    one = _standardised(one_NHWC[:, :, ::-1] if mirrored else one_NHWC)
    differences: NDArray[np.float32] = np.abs(one - _standardised(other_NHWC)).mean(axis=1)
    return differences


def _standardised(levels_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    levels = levels_NHWC.reshape(len(levels_NHWC), -1).astype(np.float32)
    mean, deviation = levels.mean(axis=1, keepdims=True), levels.std(axis=1, keepdims=True)
    standardised: NDArray[np.float32] = (levels - mean) / np.maximum(deviation, 1)
    return standardised
