"""Python values to the similarity API's messages and back."""

import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from animegan.image.v1 import image_pb2
from animegan.similarity.v1 import similarity_pb2 as pb

from animegan_client.channel import MAX_REQUEST_BYTES
from animegan_client.errors import Failure, InvalidArgumentError, ServerError
from animegan_client.fields import check_names, chosen, write
from animegan_client.pictures import FORMATS, Picture, encoded_image, image
from animegan_client.similarity.types import (
    CalibrationInfo,
    Copies,
    CopyMatch,
    Explanation,
    IndexInfo,
    Match,
    Preparation,
    SearchOptions,
    SearchResult,
    ShardInfo,
    SourceInfo,
    Step,
    Verdict,
)
from animegan_client.status import from_failure, too_large

# A request has room for its picture beside the other fields.
_MAX_PICTURE_BYTES = MAX_REQUEST_BYTES - 2**12

_STEPS: dict[int, Step] = {
    pb.PREPARATION_STEP_FIRST_FRAME: "first_frame",
    pb.PREPARATION_STEP_ORIENTED: "oriented",
    pb.PREPARATION_STEP_FLATTENED: "flattened",
    pb.PREPARATION_STEP_CONVERTED: "converted",
    pb.PREPARATION_STEP_CROPPED: "cropped",
    pb.PREPARATION_STEP_RESIZED: "resized",
}


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


def search_result(result: pb.SearchResult) -> SearchResult:
    """What `search` returns.

    Raises:
        ServerError: a picture has a format that this client does not know.
    """
    return SearchResult(
        index=result.index,
        index_digest=result.index_digest,
        definition=result.definition,
        preparation=_preparation(result.preparation),
        matches=tuple(_match(match) for match in result.matches),
        count=result.count,
        mean=result.mean,
        quantiles={quantile.share: quantile.ssim for quantile in result.quantiles},
        histogram=tuple(result.histogram),
        verdict=_verdict(result.verdict) if result.HasField("verdict") else None,
        copies=_copies(result.copies) if result.HasField("copies") else None,
        scores=dict(zip(result.score_ids, result.scores, strict=True)),
    )


def stream_answer(response: pb.SearchStreamResponse) -> SearchResult | Failure:
    """What `search_stream` gives out for a picture.

    Raises:
        ServerError: this client does not know such answers, or the format of a picture in it.
    """
    match response.WhichOneof("answer"):
        case "result":
            return search_result(response.result)
        case "failure":
            return Failure(from_failure(response.failure))
        case _:
            raise ServerError("an answer came that this client does not know")


def explanation(response: pb.ExplainResponse) -> Explanation:
    """What `explain` returns.

    Raises:
        ServerError: a picture has a format that this client does not know.
    """
    second = response.other_preparation if response.HasField("other_preparation") else None
    return Explanation(
        index=response.index,
        definition=response.definition,
        ssim=response.ssim,
        channel_ssim=tuple(response.channel_ssim),
        height=response.height,
        width=response.width,
        channels=response.channels,
        values=tuple(response.values),
        heatmap=encoded_image(response.heatmap),
        query=encoded_image(response.query),
        reference=encoded_image(response.reference),
        preparation=_preparation(response.preparation),
        other_preparation=_preparation(second) if second else None,
    )


def index_infos(response: pb.ListIndexesResponse) -> tuple[IndexInfo, ...]:
    """What `list_indexes` returns."""
    return tuple(_index_info(index) for index in response.indexes)


def _match(match: pb.Match) -> Match:
    has_picture = match.HasField("thumbnail")
    return Match(match.id, match.ssim, encoded_image(match.thumbnail) if has_picture else None)


def _preparation(preparation: pb.Preparation) -> Preparation:
    """Steps that this client does not know are left out."""
    return Preparation(
        source_format=preparation.source_format,
        source_width=preparation.source_width,
        source_height=preparation.source_height,
        steps=tuple(_STEPS[step] for step in preparation.steps if step in _STEPS),
    )


def _verdict(verdict: pb.Verdict) -> Verdict:
    return Verdict(
        p_value=verdict.p_value,
        threshold=verdict.threshold,
        false_alarm_rate=verdict.false_alarm_rate,
        original=verdict.original,
    )


def _copies(copies: pb.Copies) -> Copies:
    return Copies(
        matches=tuple(CopyMatch(match.id, match.similarity) for match in copies.matches),
        p_value=copies.p_value,
        threshold=copies.threshold,
        false_alarm_rate=copies.false_alarm_rate,
        copied=copies.copied,
    )


def _index_info(index: pb.Index) -> IndexInfo:
    return IndexInfo(
        name=index.name,
        definition=index.definition,
        height=index.height,
        width=index.width,
        channels=index.channels,
        count=index.count,
        digest=index.digest,
        sources=tuple(
            SourceInfo(one.name, one.digest, one.licence, one.first_id, one.count)
            for one in index.sources
        ),
        shards=tuple(ShardInfo(one.name, one.count, one.available) for one in index.shards),
        calibration=_calibration(index.calibration) if index.HasField("calibration") else None,
        is_default=index.is_default,
    )


def _calibration(calibration: pb.Calibration) -> CalibrationInfo:
    return CalibrationInfo(
        count=calibration.count,
        dataset=calibration.dataset,
        threshold=calibration.threshold,
        false_alarm_rate=calibration.false_alarm_rate,
        false_alarm_interval=(calibration.false_alarm_low, calibration.false_alarm_high),
    )


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
