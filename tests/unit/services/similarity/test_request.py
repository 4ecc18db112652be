"""Whatever bytes come: an order that can be worked on, or an InvalidField that names the field."""

import asyncio
import math
from io import BytesIO

import pytest
from animegan.image.v1 import image_pb2
from animegan.similarity.v1 import similarity_pb2 as pb
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from services.common.pictures.encoding import PNG, Encoding, Format
from services.common.pictures.headers import RAW, PictureFile
from services.common.rpc.errors import InvalidField
from services.similarity.request import parse_explain, parse_image, parse_search
from services.similarity.types import ExplainOrder, ImageOrder, Limits, SearchOrder

LIMITS = Limits(max_k=50, max_pixels=10_000)


def png(width: int = 3, height: int = 2) -> bytes:
    file = BytesIO()
    Image.new("RGB", (width, height)).save(file, "PNG")
    return file.getvalue()


IMAGE = image_pb2.Image(data=png())


def parse(**fields) -> SearchOrder:
    return asyncio.run(parse_search(pb.SearchQuery(**{"image": IMAGE} | fields), LIMITS))


def test_the_least_query_takes_all_defaults():
    assert parse() == SearchOrder(
        picture=PictureFile(png(), "PNG", 3, 2),
        index="",
        k=4,
        definition="",
        false_alarm_rate=None,
        thumbnails=PNG,
        include_scores=False,
        model="",
        find_copies=False,
    )


def test_every_field_arrives():
    raw = image_pb2.Image(data=b"abcdef", format=4, width=2, height=1, channels=3)
    order = parse(
        image=raw, index="faces", k=50, definition="gaussian", false_alarm_rate=0.2,
        thumbnail_format=image_pb2.IMAGE_FORMAT_JPEG, include_scores=True, model="style-gan_2.0",
        find_copies=True,
    )  # fmt: skip
    assert order == SearchOrder(
        PictureFile(b"abcdef", RAW, 2, 1, 3), "faces", 50, "gaussian", 0.2, Encoding(Format.JPEG),
        True, "style-gan_2.0", True,
    )  # fmt: skip
    assert parse(omit_thumbnails=True).thumbnails is None


def test_a_generated_picture_can_be_sent_on():
    image = image_pb2.Image(data=png(), format=image_pb2.IMAGE_FORMAT_PNG, width=3, height=2)
    assert parse(image=image).picture.format == "PNG"


@pytest.mark.parametrize(
    ("fields", "field", "remedy"),
    [
        ({"image": None}, "query.image.data", "put its file there"),
        ({"image": image_pb2.Image(data=png(101, 100))}, "query.image.data", "send it smaller"),
        ({"image": image_pb2.Image(data=b"x", format=5)}, "query.image.format", "leave it out"),
        ({"k": 0}, "query.k", "within 1 and 50"),
        ({"k": 51}, "query.k", "within 1 and 50; include_scores"),
        ({"index": "x" * 65}, "query.index", "see ListIndexes"),
        ({"definition": "x" * 65}, "query.definition", "see ListIndexes"),
        ({"false_alarm_rate": 0.0}, "query.false_alarm_rate", "between 0 and 1"),
        ({"false_alarm_rate": 1.0}, "query.false_alarm_rate", "between 0 and 1"),
        ({"false_alarm_rate": math.nan}, "query.false_alarm_rate", "nan is not between"),
        ({"thumbnail_format": -1}, "query.thumbnail_format", "PNG, WEBP, JPEG or RAW"),
        ({"model": "a b"}, "query.model", "letters, digits"),
        ({"model": "x" * 65}, "query.model", "at most 64"),
    ],
)
def test_complaints_name_field_and_remedy(fields, field, remedy):
    with pytest.raises(InvalidField) as refused:
        parse(**fields)
    assert refused.value.field == field
    assert remedy in refused.value.message


def test_pairs():
    by_id = asyncio.run(parse_explain(pb.ExplainRequest(image=IMAGE, id=0, index="faces"), LIMITS))
    assert by_id == ExplainOrder(PictureFile(png(), "PNG", 3, 2), 0, "faces")
    two = asyncio.run(parse_explain(pb.ExplainRequest(image=IMAGE, other_image=IMAGE), LIMITS))
    assert two.other == two.picture
    for fields, field in (
        ({}, "id"),
        ({"id": 2**63}, "id"),
        ({"other_image": image_pb2.Image(data=b"?")}, "other_image.data"),
    ):
        with pytest.raises(InvalidField) as refused:
            asyncio.run(parse_explain(pb.ExplainRequest(image=IMAGE, **fields), LIMITS))
        assert refused.value.field == field


def test_images():
    assert parse_image(pb.GetImageRequest(id=2**63 - 1)) == ImageOrder(2**63 - 1)
    with pytest.raises(InvalidField, match="format"):
        parse_image(pb.GetImageRequest(format=77))


@given(st.binary(max_size=200))
def test_any_bytes(data):
    try:
        query = pb.SearchQuery.FromString(data)
    except DecodeError:
        return  # the interceptor answers these
    try:
        order = asyncio.run(parse_search(query, LIMITS))
    except InvalidField as refused:
        assert refused.field.startswith("query.")
        assert refused.message
        return
    assert 1 <= order.k <= LIMITS.max_k
