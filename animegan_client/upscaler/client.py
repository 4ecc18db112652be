# Generated from async_client.py, by `make client`: change that one.
"""The synchronous client of the upscaler service."""

import os
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Unpack

from animegan.upscaler.v1 import upscaler_pb2 as pb
from animegan.upscaler.v1.upscaler_pb2_grpc import UpscalerServiceStub

from animegan_client import channel
from animegan_client.connection import Connection
from animegan_client.errors import Failure, InvalidArgumentError
from animegan_client.pictures import Picture, Pictures, each
from animegan_client.status import translated
from animegan_client.upscaler import messages
from animegan_client.upscaler.receiving import Answer, FileAnswer
from animegan_client.upscaler.types import (
    Done,
    MethodInfo,
    OnProgress,
    Part,
    SavedImage,
    UpscaleOptions,
    UpscaleResult,
)


class UpscalerClient(Connection):
    """Calls an upscaler service; threads may share one."""

    def __init__(
        self,
        target: str,
        *,
        token: str | None = None,
        timeout: float = channel.DEFAULT_TIMEOUT_S,
        tls: channel.Tls = False,
    ) -> None:
        """Prepare to call `target`. Arguments as in `Connection`."""
        super().__init__(target, token=token, timeout=timeout, tls=tls)
        self._stub = UpscalerServiceStub(self._channel)

    def upscale(
        self,
        picture: Picture,
        *,
        progress: OnProgress | None = None,
        timeout: float | None = None,
        **options: Unpack[UpscaleOptions],
    ) -> UpscaleResult:
        """Enlarge a picture; the answer lies in memory.

        A small picture goes in one message each way, a large one in parts; without Pillow, which
        tells how large they are, all files do.

        Args:
            picture: bytes of a file, a path, a Pillow image, or a picture that a service made.
            progress: is told how far the work on a large picture is.
            timeout: seconds; None: the client's for a small picture, the service's own limit for a
                large one.
            options: see `UpscaleOptions`.

        Raises:
            OSError: the picture's file cannot be read.
            AnimeganError: see `errors`.
        """
        request = messages.unary_request(picture, messages.upscale_options(options))
        if request is None:
            answer = Answer(progress)
            self._receive(picture, answer, timeout, options)
            return answer.result()
        with translated():
            response = self._stub.Upscale(
                request, timeout=self._seconds(timeout), metadata=self._metadata
            )
        return messages.upscale_result(response)

    def upscale_to_file(
        self,
        picture: Picture,
        path: str | os.PathLike[str],
        *,
        progress: OnProgress | None = None,
        timeout: float | None = None,
        **options: Unpack[UpscaleOptions],
    ) -> SavedImage:
        """Enlarge a picture into a file, which appears when it is complete.

        Neither a picture that is a path nor the answer ever lies in memory whole.

        Args:
            picture: as in `upscale`.
            path: of the file to write; its folder is made.
            progress: is told how far the work is.
            timeout: seconds; None: the service's own limit.
            options: see `UpscaleOptions`.

        Raises:
            OSError: a file cannot be read or written.
            AnimeganError: see `errors`.
        """
        with FileAnswer(Path(path), progress) as answer:
            self._receive(picture, answer, timeout, options)
            return answer.saved()

    def upscale_all(
        self,
        pictures: Pictures,
        *,
        timeout: float | None = None,
        **options: Unpack[UpscaleOptions],
    ) -> Generator[UpscaleResult | Failure]:
        """Enlarge any number of pictures in one stream; answers come in their order.

        Pictures are read a little ahead, by a thread. Closing the generator (or leaving
        `contextlib.closing`) cancels the work that is left.

        Args:
            pictures: as in `upscale`.
            timeout: seconds for all of them; None: the service's own limit.
            options: see `UpscaleOptions`.

        Yields:
            For each picture its answer, or what is wrong with it: others are not affected.

        Raises:
            OSError: a picture's file cannot be read; the answers before it have come.
            AnimeganError: see `errors`.
        """
        answer = Answer()
        with closing(self.upscale_stream(pictures, timeout=timeout, **options)) as stream:
            for part in stream:
                if isinstance(part, Failure):
                    yield part
                    answer = Answer()
                    continue
                answer.take(part)
                if isinstance(part, Done):
                    yield answer.result()
                    answer = Answer()

    def upscale_stream(
        self,
        pictures: Pictures,
        *,
        timeout: float | None = None,
        **options: Unpack[UpscaleOptions],
    ) -> Generator[Part]:
        """As `upscale_all`, but each answer comes in parts: the last is a Done or a Failure.

        Nothing that is large lies in memory: not a picture that is a path, and no answer.
        """
        message = messages.upscale_options(options)
        failures: list[Exception] = []

        def requests() -> Iterator[pb.UpscaleStreamRequest]:
            try:
                for picture in each(pictures):
                    yield from messages.stream_requests(picture, message)
            except Exception as error:  # gRPC would cancel the call and tell nobody why
                failures.append(error)

        call = self._stub.UpscaleStream(requests(), timeout=timeout, metadata=self._metadata)
        try:
            with translated(call):
                for response in call:
                    yield messages.part(response)
        except InvalidArgumentError as error:
            if failures:  # in the middle of a picture, which the service complains about
                raise failures[0] from error
            raise
        finally:
            call.cancel()  # nothing to cancel where the stream came to its end
        if failures:
            raise failures[0]

    def list_methods(self, *, timeout: float | None = None) -> tuple[MethodInfo, ...]:
        """The methods that options may name: networks sorted by name, then filters."""
        with translated():
            response = self._stub.ListModels(
                pb.ListModelsRequest(), timeout=self._seconds(timeout), metadata=self._metadata
            )
        return messages.method_infos(response)

    def _receive(
        self, picture: Picture, answer: Answer, timeout: float | None, options: UpscaleOptions
    ) -> None:
        with closing(self.upscale_stream([picture], timeout=timeout, **options)) as stream:
            for part in stream:
                answer.take(part)
