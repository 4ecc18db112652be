"""The asyncio client of the generator service: `GeneratorClient`'s twin, method for method."""

from collections.abc import AsyncGenerator, Iterator
from typing import Unpack

from animegan.generator.v1 import generator_pb2
from animegan.generator.v1.generator_pb2_grpc import GeneratorServiceStub

from animegan_client import channel
from animegan_client.async_connection import AsyncConnection
from animegan_client.generator import messages
from animegan_client.generator.types import (
    GeneratedImage,
    GenerateOptions,
    GenerateResult,
    ModelInfo,
)
from animegan_client.status import translated


class AsyncGeneratorClient(AsyncConnection):
    """Calls a generator service from one event loop; any number of tasks may share one."""

    def __init__(
        self,
        target: str,
        *,
        token: str | None = None,
        timeout: float = channel.DEFAULT_TIMEOUT_S,
        tls: channel.Tls = False,
    ) -> None:
        """Prepare to call `target`, in a running event loop. Arguments as in `AsyncConnection`."""
        super().__init__(target, token=token, timeout=timeout, tls=tls)
        self._stub = GeneratorServiceStub(self._channel)

    async def generate(
        self, *, timeout: float | None = None, **options: Unpack[GenerateOptions]
    ) -> GenerateResult:
        """Make pictures in one call: up to 256 of them unless the service is set otherwise.

        Args:
            timeout: seconds, in place of the client's.
            options: see `GenerateOptions`.
        """
        request = messages.generate_request(options)
        with translated():
            response = await self._stub.Generate(
                request,
                timeout=self._seconds(timeout),
                metadata=self._metadata,
            )
        return messages.generate_result(response)

    def generate_stream(
        self, *, timeout: float | None = None, **options: Unpack[GenerateOptions]
    ) -> AsyncGenerator[GeneratedImage]:
        """Make any number of pictures and give them out, in the order of the seeds, as they come.

        Closing the generator (or leaving `contextlib.aclosing`) cancels the work that is left.

        Args:
            timeout: seconds for every 4,096 pictures; None: the service's own limit. A service
                that vanished is noticed within a minute in any case.
            options: see `GenerateOptions`. They are checked here, the seeds as they are read.
        """
        return self._stream(messages.stream_requests(options), timeout)

    async def list_models(self, *, timeout: float | None = None) -> tuple[ModelInfo, ...]:
        """The models that `generate` may name, sorted by name."""
        with translated():
            response = await self._stub.ListModels(
                generator_pb2.ListModelsRequest(),
                timeout=self._seconds(timeout),
                metadata=self._metadata,
            )
        return messages.model_infos(response)

    async def _stream(
        self, requests: Iterator[generator_pb2.GenerateStreamRequest], timeout: float | None
    ) -> AsyncGenerator[GeneratedImage]:
        for request in requests:
            call = self._stub.GenerateStream(request, timeout=timeout, metadata=self._metadata)
            try:
                with translated():
                    async for response in call:
                        for image in messages.generated_images(response):
                            yield image
            finally:
                call.cancel()  # nothing to cancel where the stream came to its end
