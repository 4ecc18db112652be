"""Clients of the anime-gan services, synchronous or with asyncio: faces, are they new, and larger.

Example:

    from animegan_client import GeneratorClient

    with GeneratorClient("127.0.0.1:50051") as client:
        for face in client.generate(seeds=[1, 2, 3]).images:
            face.to_pil().show()
"""

from animegan_client.errors import (
    AnimeganError,
    BusyError,
    DeadlineExceededError,
    Failure,
    FieldViolation,
    ForkedError,
    InvalidArgumentError,
    NotFoundError,
    ServerError,
    UnauthenticatedError,
    UnavailableError,
)
from animegan_client.generator import AsyncGeneratorClient, GeneratorClient
from animegan_client.generator.types import (
    GeneratedImage,
    GenerateOptions,
    GenerateResult,
    ModelInfo,
    NoiseMode,
)
from animegan_client.pictures import EncodedImage, ImageFormat
from animegan_client.similarity import AsyncSimilarityClient, SimilarityClient
from animegan_client.upscaler import AsyncUpscalerClient, UpscalerClient

__all__ = [
    "AnimeganError",
    "AsyncGeneratorClient",
    "AsyncSimilarityClient",
    "AsyncUpscalerClient",
    "BusyError",
    "DeadlineExceededError",
    "EncodedImage",
    "Failure",
    "FieldViolation",
    "ForkedError",
    "GenerateOptions",
    "GenerateResult",
    "GeneratedImage",
    "GeneratorClient",
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
