"""What goes in and what comes out: plain Python values, no protobuf."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypedDict

from animegan_client.pictures import EncodedImage, ImageFormat

NoiseMode = Literal["constant", "random", "none"]
"""Fine detail the same for all pictures, from each picture's seed, or left out."""


class GenerateOptions(TypedDict, total=False):
    """The keyword arguments of `generate` and `generate_stream`; None is as good as absent.

    Give either `seeds` or `count`.
    """

    seeds: Iterable[int] | None
    """One picture per seed, each 0 to 2^64 - 1, in this order. `generate_stream` reads them as
    it goes, so they may be a generator, even one without end."""

    count: int | None
    """One picture for each of base_seed, base_seed + 1, ... base_seed + count - 1."""

    base_seed: int | None
    """The first seed when `count` is given; absent: 0."""

    model: str | None
    """A name from `list_models`; absent: the service's default."""

    truncation: float | None
    """From 0 (the average face) over 1 (as trained) to 2 (wilder); absent: the model's default."""

    noise_mode: NoiseMode | None
    """Source of the fine detail; absent: constant."""

    format: ImageFormat | None
    """Encoding of the pictures; absent: png."""

    quality: int | None
    """1 to 100, for jpeg and webp; absent: jpeg 92, webp lossless."""


@dataclass(frozen=True)
class GeneratedImage(EncodedImage):
    """A picture, 1 (grey) or 3 (RGB) channels, with all that is needed to make it again."""

    seed: int
    model: str
    model_version: int


@dataclass(frozen=True)
class GenerateResult:
    """The pictures of one `generate`, in the order of the seeds."""

    model: str
    model_version: int
    images: tuple[GeneratedImage, ...]


@dataclass(frozen=True)
class ModelInfo:
    """A model that serves now, as its model card describes it."""

    name: str
    version: int
    description: str
    kind: str
    """"stylegan2" or "dcgan"."""
    resolution: int
    """Pictures are resolution x resolution pixels."""
    channels: int
    """1: grey, 3: RGB."""
    z_dim: int
    supports_truncation: bool
    default_truncation: float
    noise_modes: tuple[NoiseMode, ...]
    licence: str
    """SPDX expression of the weights' licence."""
    dataset: str
    dataset_digest: str
    model_sha256: str
    metrics: Mapping[str, float]
    """Quality as measured at export, by name."""
    is_default: bool
