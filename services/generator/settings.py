"""Settings of the generator service: ANIMEGAN_GENERATOR_<NAME>, or --<name>."""

from typing import Self

from pydantic import PositiveInt, model_validator
from pydantic_settings import SettingsConfigDict

from services.common.rpc.settings import Port, ServiceSettings


class GeneratorSettings(ServiceSettings):
    """Serves GeneratorService: anime faces from seeds.

    Every flag can be given as an environment variable as well: --max-images is
    ANIMEGAN_GENERATOR_MAX_IMAGES.
    """

    model_config = SettingsConfigDict(env_prefix="ANIMEGAN_GENERATOR_")

    port: Port = 50051
    """gRPC port; 0 takes a free one and logs it."""

    metrics_port: Port = 9101
    """HTTP port of /metrics; 0 takes a free one and logs it."""

    max_request_bytes: PositiveInt = 2**20
    """Limit of one request message in bytes, compressed or not."""

    default_model: str = "stylegan"
    """The model of requests that name none. Its canary decides whether the service is ready."""

    max_images: PositiveInt = 256
    """Images that one unary call may ask for."""

    sub_batch: PositiveInt = 8
    """Images per request to Triton."""

    triton_requests: PositiveInt = 4
    """Requests to Triton at a time: one for each instance of the model and one waiting behind it.
    What comes meanwhile is joined and sent together."""

    stream_window: PositiveInt = 6
    """Sub-batches of a stream that are in the making at a time."""

    @property
    def images_for_unary_calls(self) -> int:
        """A quarter of all, or as many as a unary call may ask for."""
        return max(super().images_for_unary_calls, self.max_images)

    @model_validator(mode="after")
    def _largest_calls_fit(self) -> Self:
        least = self.images_for_unary_calls + self.sub_batch
        if self.max_images_in_flight < least:
            raise ValueError(
                f"max_images_in_flight must be at least {least}: the images of the largest unary "
                "call, and a sub-batch of a stream"
            )
        return self
