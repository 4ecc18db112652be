"""What callers ask for and what they get, free of protobuf."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from animegan_search.ssim.verdict import Verdict
from services.common.pictures.encoding import PNG, Encoding, Format
from services.common.pictures.headers import PictureFile
from services.common.rpc.admission import Hold
from services.common.rpc.errors import InvalidField, NotFound
from services.similarity.contract import Copies
from services.similarity.indexes import Index
from services.similarity.pictures import Explanation, Prepared

DEFAULT_K = 4


@dataclass(frozen=True)
class Limits:
    """How much one query may ask for."""

    max_k: int
    max_pixels: int


@dataclass(frozen=True)
class SearchOrder:
    """A query: look for the images of an index that are nearest to a picture."""

    picture: PictureFile
    index: str = ""  # "": the default index
    k: int = DEFAULT_K
    definition: str = ""  # "": the index's
    false_alarm_rate: float | None = None  # over 0 and below 1; None: what the index can carry
    thumbnails: Encoding | None = PNG  # None: leave them out
    include_scores: bool = False
    model: str = ""  # what made the picture, for metrics
    find_copies: bool = False  # also ask the copy detector
    room: Hold | None = None  # of its picture, in a stream


@dataclass(frozen=True)
class ExplainOrder:
    """A pair: a picture, and an image of an index or another picture."""

    picture: PictureFile
    other: int | PictureFile  # an id or a picture
    index: str = ""
    definition: str = ""


@dataclass(frozen=True)
class ImageOrder:
    """An image of an index."""

    id: int
    index: str = ""
    encoding: Encoding = PNG


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
