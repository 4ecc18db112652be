"""What goes into searches and what comes out: plain Python values, no protobuf."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypedDict

from animegan_client.pictures import EncodedImage, ImageFormat

Step = Literal["first_frame", "oriented", "flattened", "converted", "cropped", "resized"]
"""Only the first frame counted; turned by EXIF; laid on white; colours converted; cut; resized."""


class SearchOptions(TypedDict, total=False):
    """The keyword arguments of `search` and `search_stream`; None is as good as absent."""

    index: str | None
    """A name from `list_indexes`; absent: the service's default."""

    k: int | None
    """How many of the nearest images, 1 to 1,000; absent: 4."""

    definition: str | None
    """The SSIM that you rely on, "uniform7" or "gaussian"; absent: the index's."""

    false_alarm_rate: float | None
    """Share of unseen real images that the verdict may call copies.

    Absent: 0.01, or the least that the index's held-out images carry, if that is more.
    """

    omit_thumbnails: bool | None
    """Leave the matches' pictures out."""

    thumbnail_format: ImageFormat | None
    """Encoding of the thumbnails; absent: png."""

    include_scores: bool | None
    """Also return the score of every image."""

    find_copies: bool | None
    """Also ask the copy detector, which finds what SSIM is nearly blind to: mirrored, cut out,
    moved, turned. The index's images have to be embedded for it."""

    model: str | None
    """What made the picture, for the service's metrics."""


@dataclass(frozen=True)
class Preparation:
    """What was done to a picture before it was compared."""

    source_format: str
    source_width: int
    source_height: int
    steps: tuple[Step, ...]
    """In order; none: it was compared as it came."""


@dataclass(frozen=True)
class Match:
    """An image of the index that resembles the picture."""

    id: int
    ssim: float
    """-1 to 1; 1: equal in every pixel."""
    thumbnail: EncodedImage | None


@dataclass(frozen=True)
class Verdict:
    """Whether the picture is a copy, judged by real images that are not in the index."""

    p_value: float
    """An upper bound of the share of unseen real images that come as near."""
    threshold: float
    """The SSIM over which a picture is called a copy."""
    false_alarm_rate: float
    """The share of unseen real images that are called copies by mistake."""
    original: bool


@dataclass(frozen=True)
class CopyMatch:
    """An image that the picture may be a changed copy of."""

    id: int
    similarity: float
    """Cosine of the embeddings, -1 to 1."""


@dataclass(frozen=True)
class Copies:
    """What the copy detector, a network, found."""

    matches: tuple[CopyMatch, ...]
    """Nearest first."""
    p_value: float
    threshold: float
    """The similarity over which a picture is called a changed copy."""
    false_alarm_rate: float
    copied: bool


@dataclass(frozen=True)
class SearchResult:
    """The nearest images, and how all the others compare."""

    index: str
    index_digest: str
    definition: str
    preparation: Preparation
    matches: tuple[Match, ...]
    """Nearest first."""
    count: int
    """Images that were compared: all of the index."""
    mean: float
    quantiles: Mapping[float, float]
    """Scores by the share of all scores that lies below, within 0.002."""
    histogram: tuple[int, ...] = field(repr=False)
    """1,000 equal bins from -1 to 1."""
    verdict: Verdict | None
    """None: the index is not calibrated."""
    copies: Copies | None
    """With `find_copies` what the copy detector found."""
    scores: Mapping[int, float] = field(repr=False)
    """With `include_scores` the score of every image by its id."""


@dataclass(frozen=True)
class Explanation:
    """Where two pictures are alike."""

    index: str
    definition: str
    ssim: float
    channel_ssim: tuple[float, ...]
    height: int
    width: int
    channels: int
    values: tuple[float, ...] = field(repr=False)
    """height x width x channels numbers: the SSIM of the window around each pixel."""
    heatmap: EncodedImage
    """Dark violet (0 or less: unlike) over green to yellow (1: equal)."""
    query: EncodedImage
    reference: EncodedImage
    preparation: Preparation
    other_preparation: Preparation | None
    """Of the second picture, where one was sent."""


@dataclass(frozen=True)
class SourceInfo:
    """A dataset in an index: image i of it has the id first_id + i."""

    name: str
    digest: str
    licence: str
    first_id: int
    count: int


@dataclass(frozen=True)
class ShardInfo:
    """A part of an index."""

    name: str
    count: int
    available: bool
    """Whether somebody serves it now."""


@dataclass(frozen=True)
class CalibrationInfo:
    """What an index learnt from real images that are not in it."""

    count: int
    dataset: str
    threshold: float
    """At `false_alarm_rate`."""
    false_alarm_rate: float
    false_alarm_interval: tuple[float, float]
    """Where the threshold's own false-alarm rate lies with 95 % confidence."""


@dataclass(frozen=True)
class IndexInfo:
    """An index that can be searched."""

    name: str
    definition: str
    height: int
    width: int
    channels: int
    """1: grey, 3: RGB."""
    count: int
    digest: str
    sources: tuple[SourceInfo, ...]
    shards: tuple[ShardInfo, ...]
    calibration: CalibrationInfo | None
    is_default: bool
