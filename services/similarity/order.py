"""What a caller asks for, free of protobuf."""

from dataclasses import dataclass

from services.common.pictures.encoding import PNG, Encoding
from services.common.pictures.headers import PictureFile
from services.common.rpc.admission import Hold

DEFAULT_K = 4


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
