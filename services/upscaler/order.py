"""What a caller asks for, free of protobuf."""

from dataclasses import dataclass

from services.common.pictures.encoding import PNG, Encoding, Format
from services.common.pictures.headers import PictureFile
from services.common.rpc.admission import Hold
from services.common.rpc.errors import ServiceError
from services.upscaler.models import NO_NOISE

DEFAULT_SCALE = 2.0
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
class Wish:
    """What to make of a picture."""

    method: str = ""  # "": the default method
    scale: float = DEFAULT_SCALE  # 1 to 8
    noise: int = NO_NOISE  # or 0 to 3
    tta: bool = False
    encoding: Encoding = PNG
    keep_metadata: bool = False


@dataclass(frozen=True)
class Order:
    """A picture, of which nothing but the header was read, and what to make of it."""

    file: PictureFile
    field: str  # that it came in, for complaints about it
    wish: Wish = Wish()  # frozen
    id: str = ""  # what the caller calls it
    room: Hold | None = None  # of its file, in a stream


@dataclass(frozen=True)
class Rejected:
    """A picture of a stream with which something is wrong."""

    error: ServiceError
    id: str
