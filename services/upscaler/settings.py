"""Settings of the upscaler service: ANIMEGAN_UPSCALER_<NAME>, or --<name>."""

from typing import Self

from pydantic import PositiveFloat, PositiveInt, model_validator
from pydantic_settings import SettingsConfigDict

from services.common.rpc.settings import MessageBytes, Port, ServiceSettings
from services.upscaler.engine.tiling import TileSettings
from services.upscaler.types import Limits


class UpscalerSettings(ServiceSettings):
    """Serves UpscalerService: enlarges pictures.

    Every flag can be given as an environment variable as well: --default-method is
    ANIMEGAN_UPSCALER_DEFAULT_METHOD.
    """

    model_config = SettingsConfigDict(env_prefix="ANIMEGAN_UPSCALER_")

    port: Port = 50052
    """gRPC port; 0 takes a free one and logs it."""

    metrics_port: Port = 9102
    """HTTP port of /metrics; 0 takes a free one and logs it."""

    default_method: str = "compact"
    """The method of requests that name none. Its canary decides whether the service is ready."""

    max_request_bytes: PositiveInt = 16 * 2**20
    """Limit of one request message in bytes, and so of the file of a unary call."""

    max_message_bytes_in_flight: MessageBytes = 384 * 2**20

    max_picture_bytes: PositiveInt = 256 * 2**20
    """Bytes of a picture's file, or of its raw pixels, in a stream."""

    max_input_pixels: PositiveInt = 2**26
    """Pixels of a picture; larger ones are refused by their header, before they are decoded."""

    max_output_pixels: PositiveInt = 2**28
    """Pixels of an answer in a stream."""

    max_collected_pixels: PositiveInt = 2**26
    """Pixels of an answer in a format that cannot be written as it grows: JPEG and WebP."""

    max_unary_pixels: PositiveInt = 2**22
    """Pixels of the answer of a unary call, which lies in one message."""

    max_pixels_in_flight: PositiveInt = 2**27 + 2**24
    """Pixels held in memory at a time, by all calls: each picture takes its own, and those of its
    answer where that cannot be written as it grows (JPEG, WebP, unary calls). Unary calls that do
    not fit are refused with RESOURCE_EXHAUSTED; pictures of a stream wait, and leave unary calls
    four times max_unary_pixels: two of the largest."""

    max_upload_bytes_in_flight: PositiveInt = 2**29
    """Bytes of the files that streams send, at a time. A file whose size is announced waits for its
    turn; one that is not announced is refused with RESOURCE_EXHAUSTED where it does not fit."""

    max_images_in_flight: PositiveInt = 128
    """Pictures worked on at a time, or waiting for their caller to take them. Unary calls that do
    not fit are refused with RESOURCE_EXHAUSTED; pictures of a stream wait, and leave them a
    quarter."""

    stream_window: PositiveInt = 8
    """Pictures of a stream that are worked on at a time."""

    tile_side: PositiveInt = TileSettings.side
    """Pixels along a side of the tiles that larger pictures are cut into, overlap included."""

    request_pixels: PositiveInt = 2**18
    """Pixels per request to Triton: tiles and small pictures of one shape are joined to that."""

    triton_requests: PositiveInt = 4
    """Requests to Triton at a time: one for each instance of a model and one waiting behind it."""

    encode_threads: PositiveInt = 2
    """Threads that decode, resample and encode pictures."""

    canary_patience_s: PositiveFloat = 30
    """Seconds without a successful canary until the service reports NOT_SERVING. A canary waits
    behind the tiles that were sent to Triton before it."""

    @property
    def pixels_for_unary_calls(self) -> int:
        """The part of `max_pixels_in_flight` that streams leave to unary calls."""
        return 4 * self.max_unary_pixels

    @property
    def limits(self) -> Limits:
        """How much may be asked for."""
        return Limits(
            input_pixels=self.max_input_pixels,
            output_pixels=self.max_output_pixels,
            unary_pixels=self.max_unary_pixels,
            collected_pixels=self.max_collected_pixels,
            picture_bytes=self.max_picture_bytes,
        )

    @model_validator(mode="after")
    def _largest_pictures_fit(self) -> Self:
        unary = self.max_input_pixels + self.max_unary_pixels
        streamed = self.max_input_pixels + self.max_collected_pixels + self.pixels_for_unary_calls
        if self.max_pixels_in_flight < max(unary, streamed):
            raise ValueError(
                f"max_pixels_in_flight must be at least {max(unary, streamed)}: the pixels of the "
                "largest picture, those of its answer, and what is left to unary calls"
            )
        if self.max_upload_bytes_in_flight < self.max_picture_bytes:
            raise ValueError(
                f"max_upload_bytes_in_flight must admit a file of {self.max_picture_bytes} bytes"
            )
        return self
