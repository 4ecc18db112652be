"""Which images a dataset would be better without, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from training.datasets.cleaning.duplicates import drop_later, exact_duplicates, near_pairs
from training.datasets.cleaning.outliers import robust_scores

BLANK = "blank"
EXACT = "exact duplicate"
NEAR = "near duplicate"
NON_FACE = "non-face"
OUTLIER = "outlier"
REASONS = {
    BLANK: "next to no contrast: a broken or an empty picture",
    EXACT: "the same pixels as an earlier image",
    NEAR: "nearly the same as an earlier image, or as its mirror image",
    NON_FACE: "the cascade is not sure of a face, and the features are unusual",
    OUTLIER: "the features are very far from those of all other images",
}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What counts as what; every figure is printed in the report."""

    blank: float = 4.0
    """Standard deviation of the levels (of 255) below which an image is blank."""
    phash: int = 10
    """Bits of 64 by which the pHashes of near duplicates may differ."""
    difference: float = 0.2
    """By which their thumbnails may differ, in deviations of the levels."""
    votes: int = 5
    """Windows that agree on a face; an image with no more of them may be a non-face."""
    non_face: float = 1.5
    """Robust deviations of the neighbour distance from which such an image goes."""
    outlier: float = 3.5
    """Robust deviations of the neighbour distance from which any image goes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """An image to drop, and why."""

    index: int
    reason: str
    """One of `REASONS`; the first that applies, in their order."""
    detail: str
    like: int | None = None
    """The image that stays, for duplicates."""


def find(traits: np.ndarray, distances: np.ndarray | None, thresholds: Thresholds) -> list[Finding]:
    """Judge every image.

    Args:
        traits: `TRAITS` [N].
        distances: float64 [N], to the tenth neighbour; None leaves non-faces and outliers out.
        thresholds: What counts as what.

    Returns:
        One finding for each image to drop, by index.
    """
    found: dict[int, Finding] = {}
    for finding in _all(traits, distances, thresholds):
        found.setdefault(finding.index, finding)
    return [found[index] for index in sorted(found)]


def _all(
    traits: np.ndarray, distances: np.ndarray | None, thresholds: Thresholds
) -> Iterator[Finding]:
    for index in np.flatnonzero(traits["deviation"] < thresholds.blank).tolist():
        yield Finding(index, BLANK, f"deviation {traits['deviation'][index]:.1f}")
    for index, like in exact_duplicates(traits["pixels"]).items():
        yield Finding(index, EXACT, f"of {like}", like)
    # The hashes of blank images say nothing.
    lively = np.flatnonzero(traits["deviation"] >= thresholds.blank)
    pairs = near_pairs(traits[lively], thresholds.phash, thresholds.difference)
    for place, pair in drop_later(pairs).items():
        like = int(lively[pair.earlier])
        mirrored = ", mirrored" if pair.mirrored else ""
        yield Finding(int(lively[place]), NEAR, f"of {like}{mirrored}, {pair.distance} bits", like)
    if distances is None:
        return
    scores = robust_scores(distances)
    faceless = traits["face_votes"] <= thresholds.votes
    for index in np.flatnonzero(faceless & (scores >= thresholds.non_face)).tolist():
        votes = traits["face_votes"][index]
        yield Finding(index, NON_FACE, f"{votes} votes, {scores[index]:+.1f} deviations")
    for index in np.flatnonzero(scores >= thresholds.outlier).tolist():
        yield Finding(index, OUTLIER, f"{scores[index]:+.1f} deviations")
