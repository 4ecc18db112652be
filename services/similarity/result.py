"""What callers get, free of protobuf."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from animegan_search.ssim.engine import HISTOGRAM_BINS, HISTOGRAM_RANGE
from animegan_search.ssim.verdict import Verdict
from services.common.pictures.encoding import Format
from services.common.pictures.headers import PictureFile
from services.common.rpc.errors import InvalidField, NotFound
from services.similarity.copies import Copies
from services.similarity.explanation import Explanation
from services.similarity.indexes import Index
from services.similarity.pictures import Prepared

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass(frozen=True)
class Encoded:
    """An encoded picture."""

    format: Format
    height: int
    width: int
    channels: int
    data: bytes


@dataclass(frozen=True)
class Match:
    """An image of the index that resembles the query."""

    id: int
    ssim: float
    thumbnail: Encoded | None


@dataclass(frozen=True)
class SearchResult:
    """The answer to one query."""

    index: Index
    picture: PictureFile
    prepared: Prepared
    matches: Sequence[Match]
    count: int
    mean: float
    histogram: NDArray[np.int64]
    verdict: Verdict | None
    score_ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    copies: Copies | None  # None: not asked for


@dataclass(frozen=True)
class Failure:
    """There is no answer to a query of a stream, for a reason that concerns this query alone."""

    error: InvalidField | NotFound


@dataclass(frozen=True)
class ExplainResult:
    """A pair compared."""

    index: Index
    pictures: Sequence[PictureFile]  # that were sent: one or two
    prepared: Sequence[Prepared]
    explanation: Explanation
    heatmap: Encoded
    query: Encoded
    reference: Encoded


def quantile(histogram: NDArray[np.int64], share: float) -> float:
    """The score below which a share of all scores lies, to within a bin's width.

    Args:
        histogram: int64 [1000] of at least one score, equal bins over [-1, 1].
        share: 0 to 1.
    """
    ends = np.cumsum(histogram)
    target = share * ends[-1]
    place = int(np.searchsorted(ends, target))
    within = 1 - (ends[place] - target) / max(histogram[place], 1)
    low, high = HISTOGRAM_RANGE
    return float(low + (place + within) * (high - low) / HISTOGRAM_BINS)
