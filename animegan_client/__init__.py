"""Clients of the anime-gan services, synchronous or with asyncio: faces, are they new, and larger.

Example:

    from animegan_client import Client

    with Client("127.0.0.1:50051") as client:
        for face in client.generate(seeds=[1, 2, 3]).images:
            face.to_pil().show()
"""

from animegan_client.errors import (
    AnimeganError,
    BusyError,
    DeadlineExceededError,
    FieldViolation,
    ForkedError,
    InvalidArgumentError,
    NotFoundError,
    ServerError,
    UnauthenticatedError,
    UnavailableError,
)
from animegan_client.generator.aio import AsyncClient
from animegan_client.generator.client import Client
from animegan_client.generator.types import (
    EncodedImage,
    Failure,
    GeneratedImage,
    GenerateOptions,
    GenerateResult,
    ImageFormat,
    ModelInfo,
    NoiseMode,
)
from animegan_client.similarity import AsyncSimilarityClient, SimilarityClient
from animegan_client.upscaler import AsyncUpscalerClient, UpscalerClient

__all__ = [
    "AnimeganError",
    "AsyncClient",
    "AsyncSimilarityClient",
    "AsyncUpscalerClient",
    "BusyError",
    "Client",
    "DeadlineExceededError",
    "EncodedImage",
    "Failure",
    "FieldViolation",
    "ForkedError",
    "GenerateOptions",
    "GenerateResult",
    "GeneratedImage",
    "ImageFormat",
    "InvalidArgumentError",
    "ModelInfo",
    "NoiseMode",
    "NotFoundError",
    "ServerError",
    "SimilarityClient",
    "UnauthenticatedError",
    "UnavailableError",
    "UpscalerClient",
]
