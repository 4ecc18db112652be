"""The synchronous client."""

from collections.abc import Generator, Iterator
from types import TracebackType
from typing import Self, Unpack

import grpc
from animegan.generator.v1 import generator_pb2
from animegan.generator.v1.generator_pb2_grpc import GeneratorServiceStub

from animegan_client import channel, messages
from animegan_client.status import translated
from animegan_client.types import GeneratedImage, GenerateOptions, GenerateResult, ModelInfo

DEFAULT_TIMEOUT_S = 60.0


class Client:
    """Calls a generator service; threads may share one.

    Busy and unavailable services are tried up to four times within the timeout. Each method
    raises the errors of `animegan_client.errors`.
    """

    def __init__(
        self,
        target: str,
        *,
        token: str | None = None,
        timeout: float = DEFAULT_TIMEOUT_S,
        tls: channel.Tls = False,
    ) -> None:
        """Prepare to call `target`; the connection is made by the first call.

        Args:
            target: "host:port", or any gRPC name such as "dns:///host:port". All addresses
                behind the name share the calls.
            token: sent as `authorization: Bearer <token>`. Use TLS where others can listen.
            timeout: seconds for a call that sets none of its own, retries included.
            tls: True for the system's root certificates, or credentials made by
                `grpc.ssl_channel_credentials`.
        """
        secret = channel.credentials(tls)
        self._channel = (
            grpc.secure_channel(target, secret, channel.OPTIONS)
            if secret
            else grpc.insecure_channel(target, channel.OPTIONS)
        )
        self._stub = GeneratorServiceStub(self._channel)
        self._metadata = channel.metadata(token)
        self._timeout = timeout

    def generate(
        self, *, timeout: float | None = None, **options: Unpack[GenerateOptions]
    ) -> GenerateResult:
        """Make pictures in one call: up to 256 of them unless the service is set otherwise.

        Args:
            timeout: seconds, in place of the client's.
            options: see `GenerateOptions`.
        """
        request = messages.generate_request(options)
        with translated():
            response = self._stub.Generate(
                request,
                timeout=self._timeout if timeout is None else timeout,
                metadata=self._metadata,
            )
        return messages.generate_result(response)

    def generate_stream(
        self, *, timeout: float | None = None, **options: Unpack[GenerateOptions]
    ) -> Generator[GeneratedImage]:
        """Make any number of pictures and give them out, in the order of the seeds, as they come.

        Closing the generator (or leaving `contextlib.closing`) cancels the work that is left.

        Args:
            timeout: seconds for every 4,096 pictures; None: the service's own limit. A service
                that vanished is noticed within a minute in any case.
            options: see `GenerateOptions`. They are checked here, the seeds as they are read.
        """
        return self._stream(messages.stream_requests(options), timeout)

    def list_models(self, *, timeout: float | None = None) -> tuple[ModelInfo, ...]:
        """The models that `generate` may name, sorted by name."""
        with translated():
            response = self._stub.ListModels(
                generator_pb2.ListModelsRequest(),
                timeout=self._timeout if timeout is None else timeout,
                metadata=self._metadata,
            )
        return messages.model_infos(response)

    def close(self) -> None:
        """Close the connection; calls that still run are cancelled."""
        self._channel.close()

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def _stream(
        self, requests: Iterator[generator_pb2.GenerateStreamRequest], timeout: float | None
    ) -> Generator[GeneratedImage]:
        for request in requests:
            call = self._stub.GenerateStream(request, timeout=timeout, metadata=self._metadata)
            try:
                with translated():
                    for response in call:
                        yield from messages.generated_images(response)
            finally:
                call.cancel()  # nothing to cancel where the stream came to its end
