"""Which images a dataset would be better without, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from training.datasets.cleaning.duplicates import drop_later, exact_duplicates
from training.datasets.cleaning.outliers import robust_scores
from training.datasets.likeness.limits import Likeness
from training.datasets.likeness.looks import Looks
from training.datasets.likeness.overlap import copies_of
from training.datasets.likeness.pairs import near_pairs

NAMED = "by name"
BLANK = "blank"
NOISE = "noise"
AGAINST = "copy of another dataset's"
EXACT = "exact duplicate"
NEAR = "near duplicate"
NON_FACE = "non-face"
OUTLIER = "outlier"
REASONS = {
    NAMED: "asked for by --drop",
    BLANK: "one plain colour: a broken or an empty picture",
    NOISE: "pixels have next to nothing in common with their neighbours",
    AGAINST: "equal or nearly equal to an image of --against, or to its mirror image",
    EXACT: "the same pixels as an earlier image",
    NEAR: "nearly the same as an earlier image, or as its mirror image",
    NON_FACE: "the cascade is not sure of a face, and the features are unusual",
    OUTLIER: "the features are very far from those of all other images",
}


@dataclass(frozen=True, slots=True)
class Thresholds(Likeness):
    """What counts as what; every figure is printed in the report."""

    noise: float = 0.5
    """Correlation of neighbouring pixels below which an image is noise."""
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
    """The image that stays, for duplicates; for `AGAINST` its place in the other dataset."""


@dataclass(frozen=True, eq=False)
class Faces:
    """What tells faces from other pictures.

    Attributes:
        votes: uint16 [N], see `FaceCheck`.
        distances: float64 [N], to the tenth neighbour.
    """

    votes: np.ndarray
    distances: np.ndarray


def find(
    looks: Looks,
    faces: Faces | None,
    against: Looks | None,
    thresholds: Thresholds,
    named: Sequence[int] = (),
) -> list[Finding]:
    """Judge every image.

    Args:
        looks: Of the N images.
        faces: Of the same; None leaves non-faces and outliers out.
        against: Of other images, whose copies go.
        thresholds: What counts as what.
        named: Images that go because somebody says so.

    Returns:
        One finding for each image to drop, by index.
    """
    found: dict[int, Finding] = {}
    for findings in (
        (Finding(index, NAMED, "asked for") for index in named),
        _blank(looks, thresholds),
        _noise(looks, thresholds),
        _copies(looks, against, thresholds) if against else (),
    ):
        for finding in findings:
            found.setdefault(finding.index, finding)
    # What goes for another reason is none to resemble.
    gone = [index for index, one in found.items() if one.reason in (NAMED, AGAINST)]
    staying = np.setdiff1d(np.arange(len(looks)), gone)
    others = _outlying(faces, thresholds) if faces else ()
    for finding in (*_exact(looks, staying), *_near(looks, staying, thresholds), *others):
        found.setdefault(finding.index, finding)
    return [found[index] for index in sorted(found)]


def _blank(looks: Looks, thresholds: Thresholds) -> Iterator[Finding]:
    for index in np.flatnonzero(looks.deviation < thresholds.blank).tolist():
        yield Finding(index, BLANK, f"deviation {looks.deviation[index]:.1f}")


def _noise(looks: Looks, thresholds: Thresholds) -> Iterator[Finding]:
    for index in np.flatnonzero(looks.correlation < thresholds.noise).tolist():
        yield Finding(index, NOISE, f"correlation {looks.correlation[index]:.2f}")


def _copies(looks: Looks, against: Looks, thresholds: Thresholds) -> Iterator[Finding]:
    for index, pair in copies_of(against, looks, thresholds).items():
        yield Finding(index, AGAINST, f"of {pair.earlier} there, {pair.how}", pair.earlier)


def _exact(looks: Looks, staying: np.ndarray) -> Iterator[Finding]:
    for place, earlier in exact_duplicates(looks.pixels[staying]).items():
        like = int(staying[earlier])
        yield Finding(int(staying[place]), EXACT, f"of {like}", like)


def _near(looks: Looks, staying: np.ndarray, thresholds: Thresholds) -> Iterator[Finding]:
    pairs = near_pairs(looks.take(staying), thresholds)
    for place, pair in drop_later(pairs).items():
        like = int(staying[pair.earlier])
        yield Finding(int(staying[place]), NEAR, f"of {like}, {pair.how}", like)


def _outlying(faces: Faces, thresholds: Thresholds) -> Iterator[Finding]:
    scores = robust_scores(faces.distances)
    faceless = faces.votes <= thresholds.votes
    for index in np.flatnonzero(faceless & (scores >= thresholds.non_face)).tolist():
        yield Finding(
            index, NON_FACE, f"{faces.votes[index]} votes, {scores[index]:+.1f} deviations"
        )
    for index in np.flatnonzero(scores >= thresholds.outlier).tolist():
        yield Finding(index, OUTLIER, f"{scores[index]:+.1f} deviations")
