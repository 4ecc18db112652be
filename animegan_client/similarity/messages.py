"""Python values to requests of the similarity API."""

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from animegan.image.v1 import image_pb2
from animegan.similarity.v1 import similarity_pb2 as pb

from animegan_client.channel import MAX_REQUEST_BYTES
from animegan_client.errors import InvalidArgumentError
from animegan_client.generator.messages import FORMATS, check_names, chosen, write
from animegan_client.generator.types import Failure
from animegan_client.pictures import Picture, image
from animegan_client.similarity.types import SearchOptions
from animegan_client.status import too_large

# A request has room for its picture beside the other fields.
_MAX_PICTURE_BYTES = MAX_REQUEST_BYTES - 2**12


def search_options(options: SearchOptions) -> pb.SearchQuery:
    """A query that lacks its picture.

    Raises:
        InvalidArgumentError: a value cannot be written into its field.
    """
    check_names(options, SearchOptions)
    message = pb.SearchQuery()
    for name, value in options.items():
        if value is not None and name != "thumbnail_format":
            write(message, name, value)
    if (thumbnail_format := options.get("thumbnail_format")) is not None:
        message.thumbnail_format = chosen("thumbnail_format", thumbnail_format, FORMATS)
    return message


def query(picture: Picture, options: pb.SearchQuery) -> pb.SearchQuery:
    """The query for one picture.

    Raises:
        InvalidArgumentError: the picture is too large to be sent.
        OSError: the picture's file cannot be read.
    """
    message = pb.SearchQuery(image=_image("query.image.data", picture))
    message.MergeFrom(options)
    return message


class StreamQueries:
    """The queries of a stream, and in their turn failures of pictures that are not sent."""

    def __init__(self, options: pb.SearchQuery) -> None:
        """Ask all of them with the same `options`."""
        self._options = options
        # A place for each picture that was taken and not yet answered; None: it was sent.
        self._places: deque[Failure | None] = deque()

    def next(self, picture: Picture) -> Iterator[pb.SearchStreamRequest]:
        """The message for the next picture; none if it cannot be sent.

        Pictures that are not sent wait for nobody: of an endless source there should be others.

        Raises:
            OSError: the picture's file cannot be read.
        """
        try:
            request = pb.SearchStreamRequest(query=query(picture, self._options))
        except InvalidArgumentError as error:
            self._places.append(Failure(error))
        else:
            self._places.append(None)
            yield request

    def failures(self) -> Iterator[Failure]:
        """Those whose turn it is, before the answer to the next query that was sent or at the end.

        To be taken whole before that answer is given out.
        """
        while self._places:
            place = self._places.popleft()
            if place is None:
                return
            yield place


def explain_request(
    picture: Picture, other: int | Picture, index: str | None, definition: str | None
) -> pb.ExplainRequest:
    """The request for a pair.

    Raises:
        InvalidArgumentError: a value cannot be written into its field, or a picture is too large.
        OSError: a picture's file cannot be read.
    """
    request = pb.ExplainRequest(
        image=_image("image.data", picture), index=index or "", definition=definition or ""
    )
    if isinstance(other, int):
        write(request, "id", other)
    else:
        request.other_image.CopyFrom(_image("other_image.data", other))
    if (size := request.ByteSize()) > MAX_REQUEST_BYTES:
        raise too_large("other_image.data", size, MAX_REQUEST_BYTES)
    return request


def image_request(image_id: int, index: str | None) -> pb.GetImageRequest:
    """The request for an image of an index.

    Raises:
        InvalidArgumentError: `image_id` is no id.
    """
    request = pb.GetImageRequest(index=index or "")
    write(request, "id", image_id)
    return request


def _image(field: str, picture: Picture) -> image_pb2.Image:
    """The picture in one message; a file that is too large is not even read."""
    if isinstance(picture, str | os.PathLike):
        _check_size(field, Path(picture).stat().st_size)
    message = image(picture)
    _check_size(field, len(message.data))
    return message


def _check_size(field: str, size: int) -> None:
    if size > _MAX_PICTURE_BYTES:
        raise too_large(field, size, _MAX_PICTURE_BYTES)
