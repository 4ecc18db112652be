"""What a caller asks for and gets, and how it is made, free of protobuf.

Order: a picture and Options ─► Plan: networks, then a filter ─► Parts of the answer
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from services.common.pictures.encoding import PNG, Encoding, Format
from services.common.pictures.headers import PictureFile, Step
from services.common.rpc.admission import Hold
from services.common.rpc.errors import ServiceError

DEFAULT_SCALE, MAX_SCALE = 2.0, 8.0
NO_NOISE = -1  # the noise level of networks that do not denoise
GROWING = (Format.PNG, Format.RAW)  # formats that are written as the picture grows


@dataclass(frozen=True)
class Limits:
    """How much may be asked for."""

    input_pixels: int
    output_pixels: int  # of an answer in a stream
    unary_pixels: int  # of an answer in one message
    collected_pixels: int  # of an answer in a format that is encoded as a whole
    picture_bytes: int  # of a picture in a stream


@dataclass(frozen=True)
class Options:
    """What to make of a picture."""

    method: str = ""  # "": the default method
    scale: float = DEFAULT_SCALE  # 1 to MAX_SCALE
    noise: int = NO_NOISE  # or 0 to 3
    tta: bool = False  # test-time augmentation: each pass is the mean over eight flips and turns
    encoding: Encoding = PNG
    keep_metadata: bool = False


@dataclass(frozen=True)
class Order:
    """A picture, of which nothing but the header was read, and what to make of it."""

    file: PictureFile
    field: str  # that it came in, for complaints about it
    options: Options = Options()  # frozen
    id: str = ""  # what the caller calls it
    room: Hold | None = None  # of its file, in a stream


class Filter(Enum):
    """The classical methods: resampling filters."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    LANCZOS = "lanczos"


@dataclass(frozen=True)
class UpscalerModel:
    """A model `image [h,w,3] -> upscaled [scale*h,scale*w,3]` in one version."""

    name: str
    version: int
    description: str
    method: str
    scale: int  # 1: it only denoises
    noise: int  # NO_NOISE, or the level 0 to 3 that it removes
    margin: int  # pixels of the input around a tile that the tile's output depends on
    alignment: int  # tiles begin at multiples of it: the grid on which the network samples down
    pools_globally: bool  # true: a tile's output depends on the whole tile, however far away
    max_batch: int
    licence: str
    sha256: str
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Method:
    """The models that share a name in requests, by scale, then noise level."""

    name: str
    models: Sequence[UpscalerModel]

    def find(self, scale: int, noise: int) -> UpscalerModel | None:
        """The model that does exactly this; None: there is none."""
        return next((m for m in self.models if (m.scale, m.noise) == (scale, noise)), None)


@dataclass(frozen=True)
class Plan:
    """How a picture of a known size is enlarged."""

    passes: tuple[UpscalerModel, ...]  # networks, one after the other
    resample: Filter | None  # what then leads to the final size; None: it is reached already
    width: int  # of the output
    height: int
    tta: bool
    method: str = ""  # that was asked for


class Stage(Enum):
    """What is being done to a picture."""

    READING = "reading"
    ENLARGING = "enlarging"
    ENCODING = "encoding"


@dataclass(frozen=True)
class Progress:
    """How far the work is."""

    stage: Stage
    fraction: float  # of the rows, 0 to 1


@dataclass(frozen=True)
class Header:
    """What the answer is, and how it comes about."""

    order: Order
    plan: Plan
    channels: int
    steps: Sequence[Step]
    exact: bool  # false: a network that pools globally got the picture in tiles


@dataclass(frozen=True)
class Done:
    """The answer is complete."""

    size_bytes: int


@dataclass(frozen=True)
class Failure:
    """There is no answer to a picture of a stream, for a reason that concerns it alone."""

    error: ServiceError
    id: str  # what the caller calls the picture


# Of an answer, in their order; bytes are the next of its file.
Part: TypeAlias = Progress | Header | bytes | Done | Failure
