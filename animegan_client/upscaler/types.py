"""What goes into enlarging and what comes out: plain Python values, no protobuf."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypedDict

from animegan_client.errors import Failure
from animegan_client.pictures import EncodedImage, ImageFormat

Step = Literal["first_frame", "oriented", "profile_applied", "converted", "depth_reduced"]
"""Only the first frame counted; turned by EXIF; made sRGB by its profile; colours converted; made
8 bits."""

Stage = Literal["reading", "enlarging", "encoding"]
"""Decoded (or waiting to be); enlarged, and encoded as it grows; encoded in one go at the end."""


class UpscaleOptions(TypedDict, total=False):
    """The keyword arguments of all methods that enlarge; None is as good as absent."""

    method: str | None
    """A name from `list_methods`; absent: the service's default."""

    scale: float | None
    """1 to 8; absent: 2."""

    noise: int | None
    """How much noise to remove, -1 (none) to 3; absent: -1."""

    test_time_augmentation: bool | None
    """Take the mean over eight flips and turns: eight times the work."""

    format: ImageFormat | None
    """Encoding of the answer; absent: png."""

    quality: int | None
    """1 to 100, for jpeg and webp; absent: jpeg 92, webp lossless."""

    keep_metadata: bool | None
    """Keep EXIF data; absent: pixels only."""


@dataclass(frozen=True)
class Provenance:
    """How an answer came about."""

    method: str
    passes: tuple[tuple[str, int], ...]
    """Names and versions of the networks that were run, in order."""
    filter: str
    """What led to the final size; empty: it needed none."""
    source_format: str
    source_width: int
    source_height: int
    steps: tuple[Step, ...]
    """What else was done to the picture, in order."""
    tiles_differ: bool
    """Whether the answer differs by some levels from what a network that looks at the whole picture
    would have made of it: it got tiles."""


@dataclass(frozen=True)
class UpscaleResult:
    """An enlarged picture."""

    image: EncodedImage
    provenance: Provenance


@dataclass(frozen=True)
class SavedImage:
    """An enlarged picture that went into a file."""

    format: ImageFormat
    width: int
    height: int
    channels: int
    size_bytes: int
    provenance: Provenance


@dataclass(frozen=True)
class Progress:
    """How far the work on a picture is."""

    fraction: float
    """Of its rows, 0 to 1."""
    stage: Stage


@dataclass(frozen=True)
class Header:
    """What an answer is; its chunks follow."""

    format: ImageFormat
    width: int
    height: int
    channels: int
    provenance: Provenance


@dataclass(frozen=True)
class Done:
    """An answer is complete."""

    size_bytes: int


Part = Progress | Header | bytes | Done | Failure
"""Of an answer, in this order: any number of Progress, a Header, chunks, and Done; or a Failure."""

OnProgress = Callable[[Progress], None]
"""What is told how far the work is, every now and then."""


@dataclass(frozen=True)
class ModelInfo:
    """A network, which does one step."""

    name: str
    version: int
    description: str
    scale: int
    """1: it only removes noise."""
    noise: int
    """The level that it removes; -1: none."""
    margin: int
    """Tiles overlap so far."""
    pools_globally: bool
    """Whether tiles differ slightly from the whole."""
    licence: str
    """SPDX expression of the weights' licence."""
    model_sha256: str
    metrics: Mapping[str, float]
    """Quality as measured at export, by name."""


@dataclass(frozen=True)
class MethodInfo:
    """A way to enlarge."""

    name: str
    is_filter: bool
    """Whether it is a classical filter, without models and noise levels."""
    is_default: bool
    models: tuple[ModelInfo, ...]
