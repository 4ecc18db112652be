"""Settings of the similarity service: ANIMEGAN_SIMILARITY_<NAME>, or --<name>."""

from typing import Self

from pydantic import PositiveFloat, PositiveInt, model_validator
from pydantic_settings import SettingsConfigDict

from services.common.rpc.settings import MessageBytes, Port, ServiceSettings


class SimilaritySettings(ServiceSettings):
    """Serves SimilarityService: exact SSIM search of training sets.

    Every flag can be given as an environment variable as well: --default-index is
    ANIMEGAN_SIMILARITY_DEFAULT_INDEX.
    """

    model_config = SettingsConfigDict(env_prefix="ANIMEGAN_SIMILARITY_")

    port: Port = 50053
    """gRPC port; 0 takes a free one and logs it."""

    metrics_port: Port = 9103
    """HTTP port of /metrics; 0 takes a free one and logs it."""

    triton_url: str = "127.0.0.1:8000"
    """Triton's HTTP address, host:port; several, separated by commas, where the shards of an index
    are spread over several Tritons. A shard that more than one of them serves is asked for in
    turns."""

    default_index: str = "procedural-64"
    """The index of requests that name none."""

    max_request_bytes: PositiveInt = 16 * 2**20
    """Limit of one request message in bytes, and so of a picture's file."""

    max_message_bytes_in_flight: MessageBytes = 384 * 2**20

    max_picture_bytes_in_flight: PositiveInt = 128 * 2**20
    """Bytes of the pictures that streams sent and that are still to be searched for. More wait."""

    max_images_in_flight: PositiveInt = 64
    """Queries worked on at a time, or whose answers wait for their callers to take them. Unary
    calls that do not fit are refused with RESOURCE_EXHAUSTED; queries of a stream wait, and leave
    them a quarter."""

    canary_patience_s: PositiveFloat = 30
    """Seconds without a successful canary until the service reports NOT_SERVING. A canary waits
    behind the queries that were admitted before it: longer than all of them take."""

    max_pixels: PositiveInt = 2**24
    """Pixels of a picture; larger ones are refused by their header, before they are decoded."""

    max_k: PositiveInt = 1000
    """Nearest images that one query may ask for."""

    decode_threads: PositiveInt = 2
    """Threads that decode pictures and draw explanations: each holds one decoded picture."""

    stream_window: PositiveInt = 16
    """Queries of a stream that are worked on at a time. Triton joins them into one pass."""

    @property
    def images_for_unary_calls(self) -> int:
        """A quarter of all, or the two of Explain."""
        return max(super().images_for_unary_calls, 2)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.max_images_in_flight <= self.images_for_unary_calls:
            raise ValueError(
                "max_images_in_flight must be at least 3: two of Explain, one of a stream"
            )
        if self.max_picture_bytes_in_flight < self.max_request_bytes:
            raise ValueError(
                f"max_picture_bytes_in_flight must admit one of {self.max_request_bytes} bytes"
            )
        return self
