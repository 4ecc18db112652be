"""Checks requests and turns them into orders. Every complaint names the field and the remedy."""

import re

from animegan.image.v1 import image_pb2
from animegan.similarity.v1 import similarity_pb2 as pb

from services.common.pictures.encoding import Encoding
from services.common.pictures.headers import (
    PictureError,
    PictureFile,
    raw_picture,
    read_header_aside,
)
from services.common.rpc.errors import InvalidField
from services.common.rpc.messages import is_raw, parse_format
from services.similarity.types import DEFAULT_K, ExplainOrder, ImageOrder, Limits, SearchOrder

# Longer names are not looked up, and not repeated in messages and logs.
_MAX_NAME = 64
_MODEL = re.compile(rf"[A-Za-z0-9._-]{{0,{_MAX_NAME}}}")
_LAST_ID = 2**63 - 1  # ids are int64 in the index


async def parse_search(query: pb.SearchQuery, limits: Limits) -> SearchOrder:
    """Check everything that can be checked without decoding the picture or knowing the index.

    Raises:
        InvalidField: names the first wrong field.
    """
    encoding = Encoding(parse_format("query.thumbnail_format", query.thumbnail_format))
    return SearchOrder(
        picture=await _picture("query.image", query.image, limits.max_pixels),
        index=_name("query.index", query.index),
        k=_k(query, limits.max_k),
        definition=_name("query.definition", query.definition),
        false_alarm_rate=_false_alarm_rate(query),
        thumbnails=None if query.omit_thumbnails else encoding,
        include_scores=query.include_scores,
        model=_model(query),
        find_copies=query.find_copies,
    )


async def parse_explain(request: pb.ExplainRequest, limits: Limits) -> ExplainOrder:
    """The same for a pair.

    Raises:
        InvalidField: names the first wrong field.
    """
    return ExplainOrder(
        picture=await _picture("image", request.image, limits.max_pixels),
        other=await _other(request, limits),
        index=_name("index", request.index),
        definition=_name("definition", request.definition),
    )


def parse_image(request: pb.GetImageRequest) -> ImageOrder:
    """The same for an image of an index.

    Raises:
        InvalidField: names the first wrong field.
    """
    return ImageOrder(
        id=_id(request.id),
        index=_name("index", request.index),
        encoding=Encoding(parse_format("format", request.format)),
    )


async def _picture(field: str, image: image_pb2.Image, max_pixels: int) -> PictureFile:
    if not image.data:
        raise InvalidField(f"{field}.data", "no picture was sent; put its file there")
    raw = is_raw(f"{field}.format", image.format)
    try:
        if raw:
            size = (image.width, image.height, image.channels)
            return raw_picture(image.data, *size, max_pixels)
        return await read_header_aside(image.data, max_pixels)
    except PictureError as error:
        raise InvalidField(f"{field}.data", str(error)) from error


def _name(field: str, name: str) -> str:
    if len(name) > _MAX_NAME:
        raise InvalidField(field, f"longer than {_MAX_NAME} characters; see ListIndexes")
    return name


def _k(query: pb.SearchQuery, max_k: int) -> int:
    k = query.k if query.HasField("k") else min(DEFAULT_K, max_k)
    if not 1 <= k <= max_k:
        raise InvalidField(
            "query.k", f"{k} is not within 1 and {max_k}; include_scores gives every score"
        )
    return k


def _false_alarm_rate(query: pb.SearchQuery) -> float | None:
    if not query.HasField("false_alarm_rate"):
        return None
    if not 0 < query.false_alarm_rate < 1:  # false for NaN, too
        raise InvalidField(
            "query.false_alarm_rate", f"{query.false_alarm_rate:g} is not between 0 and 1"
        )
    return query.false_alarm_rate


def _model(query: pb.SearchQuery) -> str:
    if not _MODEL.fullmatch(query.model):
        raise InvalidField(
            "query.model", f"at most {_MAX_NAME} letters, digits and ._-; or leave it out"
        )
    return query.model


async def _other(request: pb.ExplainRequest, limits: Limits) -> int | PictureFile:
    match request.WhichOneof("other"):
        case "id":
            return _id(request.id)
        case "other_image":
            return await _picture("other_image", request.other_image, limits.max_pixels)
        case _:
            raise InvalidField("id", "nothing to compare with; give id or other_image")


def _id(number: int) -> int:
    if number > _LAST_ID:
        raise InvalidField("id", f"{number} is over 2^63 - 1, the largest id there can be")
    return number
