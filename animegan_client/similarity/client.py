# Generated from async_client.py, by `make client`: change that one.
"""The synchronous client of the similarity service."""

from collections.abc import Generator, Iterator
from typing import Unpack

from animegan.similarity.v1 import similarity_pb2 as pb
from animegan.similarity.v1.similarity_pb2_grpc import SimilarityServiceStub

from animegan_client import channel
from animegan_client.connection import Connection
from animegan_client.errors import Failure
from animegan_client.pictures import (
    EncodedImage,
    Picture,
    Pictures,
    each,
    encoded_image,
)
from animegan_client.similarity import messages
from animegan_client.similarity.types import (
    Explanation,
    IndexInfo,
    SearchOptions,
    SearchResult,
)
from animegan_client.status import translated


class SimilarityClient(Connection):
    """Calls a similarity service; threads may share one."""

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
        self._stub = SimilarityServiceStub(self._channel)

    def search(
        self, picture: Picture, *, timeout: float | None = None, **options: Unpack[SearchOptions]
    ) -> SearchResult:
        """Find the images of an index that are nearest to a picture, and judge it.

        Args:
            picture: bytes of a file, a path, a Pillow image, or a picture that a service made.
            timeout: seconds, in place of the client's.
            options: see `SearchOptions`.

        Raises:
            OSError: the picture's file cannot be read.
            AnimeganError: see `errors`.
        """
        query = messages.query(picture, messages.search_options(options))
        request = pb.SearchRequest(query=query)
        with translated():
            response = self._stub.Search(
                request, timeout=self._seconds(timeout), metadata=self._metadata
            )
        return messages.search_result(response.result)

    def search_stream(
        self,
        pictures: Pictures,
        *,
        timeout: float | None = None,
        **options: Unpack[SearchOptions],
    ) -> Generator[SearchResult | Failure]:
        """Search for any number of pictures; answers come in their order, as they are found.

        Pictures are read a little ahead, by a thread. Closing the generator (or leaving
        `contextlib.closing`) cancels the work that is left.

        Args:
            pictures: as in `search`.
            timeout: seconds for all of them; None: the service's own limit.
            options: see `SearchOptions`.

        Yields:
            For each picture what was found, or what is wrong with it: others are not affected.

        Raises:
            OSError: a picture's file cannot be read; the answers before it have come.
            AnimeganError: see `errors`.
        """
        queries = messages.StreamQueries(messages.search_options(options))
        failures: list[Exception] = []

        def requests() -> Iterator[pb.SearchStreamRequest]:
            try:
                for picture in each(pictures):
                    yield from queries.next(picture)
            except Exception as error:  # gRPC would cancel the call and tell nobody why
                failures.append(error)

        call = self._stub.SearchStream(requests(), timeout=timeout, metadata=self._metadata)
        try:
            with translated(call):
                for response in call:
                    for failure in queries.failures():
                        yield failure
                    yield messages.stream_answer(response)
        finally:
            call.cancel()  # nothing to cancel where the stream came to its end
        for failure in queries.failures():
            yield failure
        if failures:
            raise failures[0]

    def explain(
        self,
        picture: Picture,
        other: int | Picture,
        *,
        index: str | None = None,
        definition: str | None = None,
        timeout: float | None = None,
    ) -> Explanation:
        """Compare a picture with an image of an index, or with another picture.

        Args:
            picture: as in `search`.
            other: the image's id, or a picture.
            index: whose size, colours and definition count; None: the service's default.
            definition: the SSIM that you rely on; None: the index's.
            timeout: seconds, in place of the client's.

        Raises:
            As `search`.
        """
        request = messages.explain_request(picture, other, index, definition)
        with translated():
            response = self._stub.Explain(
                request, timeout=self._seconds(timeout), metadata=self._metadata
            )
        return messages.explanation(response)

    def list_indexes(self, *, timeout: float | None = None) -> tuple[IndexInfo, ...]:
        """The indexes that `search` may name, sorted by name."""
        with translated():
            response = self._stub.ListIndexes(
                pb.ListIndexesRequest(), timeout=self._seconds(timeout), metadata=self._metadata
            )
        return messages.index_infos(response)

    def get_image(
        self, image_id: int, *, index: str | None = None, timeout: float | None = None
    ) -> EncodedImage:
        """An image of an index, as a PNG.

        Args:
            image_id: its id.
            index: None: the service's default.
            timeout: seconds, in place of the client's.
        """
        request = messages.image_request(image_id, index)
        with translated():
            response = self._stub.GetImage(
                request, timeout=self._seconds(timeout), metadata=self._metadata
            )
        return encoded_image(response.image)
