"""Whatever bytes come: an Order that can be worked on, or an InvalidField that names the field."""

import math

import pytest
from animegan.generator.v1 import generator_pb2 as pb
from animegan.image.v1 import image_pb2
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st

from services.common.pictures.encoding import Encoding, Format
from services.common.rpc.errors import InvalidField
from services.generator.latents import NoiseMode
from services.generator.request import MAX_STREAM_IMAGES, parse_order
from services.generator.types import Order

MAX = 256
FIELDS = {field.name for field in pb.GenerateRequest.DESCRIPTOR.fields}
uint64 = st.integers(0, 2**64 - 1)


def parse(**fields) -> Order:
    return parse_order(pb.GenerateRequest(**fields), MAX)


def test_the_least_request_takes_all_defaults():
    assert parse(count=1) == Order(
        model="",
        seeds=range(1),
        truncation=None,
        noise_mode=NoiseMode.CONSTANT,
        encoding=Encoding(Format.PNG, None),
    )


def test_every_field_arrives():
    order = parse(
        model="stylegan",
        seeds=[3, 1, 3, 2**64 - 1],
        truncation=0.5,
        noise_mode=pb.NOISE_MODE_RANDOM,
        format=image_pb2.IMAGE_FORMAT_JPEG,
        quality=80,
    )
    encoding = Encoding(Format.JPEG, 80)
    assert order == Order("stylegan", (3, 1, 3, 2**64 - 1), 0.5, NoiseMode.RANDOM, encoding)


@pytest.mark.parametrize("base", [0, 7, 2**64 - 256])
def test_count_and_base_seed_give_a_range(base):
    assert list(parse(count=256, base_seed=base).seeds) == list(range(base, base + 256))


def test_a_stream_may_ask_for_more_than_memory_holds():
    request = pb.GenerateStreamRequest(count=2**32 - 1, base_seed=2**63)
    seeds = parse_order(request, MAX_STREAM_IMAGES).seeds
    assert len(seeds) == 2**32 - 1
    assert seeds[-1] == 2**63 + 2**32 - 2


@pytest.mark.parametrize(
    ("fields", "field", "remedy"),
    [
        ({}, "count", "give seeds, or a count"),
        ({"count": 0, "base_seed": 5}, "count", "give seeds, or a count"),
        ({"count": 257}, "count", "limit of 256 per call; use GenerateStream"),
        ({"count": 2**32 - 1}, "count", "limit of 256"),
        ({"seeds": range(257)}, "seeds", "limit of 256 per call; use GenerateStream"),
        ({"seeds": [1], "count": 1}, "count", "give one of them"),
        ({"seeds": [1], "base_seed": 1}, "base_seed", "put all seeds into seeds"),
        ({"count": 2, "base_seed": 2**64 - 1}, "base_seed", "over 2^64; lower"),
        ({"count": 1, "model": "x" * 129}, "model", "see ListModels"),
        ({"count": 1, "truncation": -0.001}, "truncation", "within 0 and 2"),
        ({"count": 1, "truncation": 2.001}, "truncation", "within 0 and 2"),
        ({"count": 1, "truncation": math.nan}, "truncation", "nan is not within 0 and 2"),
        ({"count": 1, "truncation": math.inf}, "truncation", "within 0 and 2"),
        ({"count": 1, "noise_mode": 4}, "noise_mode", "CONSTANT, RANDOM or NONE"),
        ({"count": 1, "noise_mode": -1}, "noise_mode", "CONSTANT, RANDOM or NONE"),
        ({"count": 1, "format": 5}, "format", "PNG, WEBP, JPEG or RAW"),
        ({"count": 1, "quality": 90}, "quality", "PNG has none"),
        ({"count": 1, "quality": 0, "format": 4}, "quality", "RAW has none"),
        ({"count": 1, "quality": 0, "format": 3}, "quality", "within 1 and 100"),
        ({"count": 1, "quality": 101, "format": 2}, "quality", "within 1 and 100"),
    ],
)
def test_complaints_name_field_and_remedy(fields, field, remedy):
    with pytest.raises(InvalidField) as refused:
        parse(**fields)
    assert refused.value.field == field
    assert remedy in refused.value.message


@pytest.mark.parametrize(
    "fields",
    [
        {"truncation": 0.0},
        {"truncation": 2.0},
        {"quality": 1, "format": image_pb2.IMAGE_FORMAT_JPEG},
        {"quality": 100, "format": image_pb2.IMAGE_FORMAT_WEBP},
        {"model": "x" * 128},
    ],
)
def test_the_limits_themselves_are_allowed(fields):
    assert isinstance(parse(count=1, **fields), Order)


requests = st.builds(
    pb.GenerateRequest,
    model=st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    seeds=st.lists(uint64, max_size=300),
    count=st.integers(0, 2**32 - 1),
    base_seed=uint64,
    truncation=st.none() | st.floats(width=32),
    noise_mode=st.integers(-(2**31), 2**31 - 1) | st.integers(0, 3),
    format=st.integers(-(2**31), 2**31 - 1) | st.integers(0, 4),
    quality=st.none() | st.integers(0, 2**32 - 1),
)


def check(request: pb.GenerateRequest) -> None:
    try:
        order = parse_order(request, MAX)
    except InvalidField as refused:
        assert refused.field in FIELDS
        assert refused.message
        return
    assert 1 <= len(order.seeds) <= MAX
    assert all(0 <= seed < 2**64 for seed in order.seeds)
    assert order.truncation is None or 0 <= order.truncation <= 2


@given(requests)
def test_any_field_values(request_):
    check(request_)


@given(st.binary(max_size=200))
@example(b"")
@example(b"\x12\x01\x05")  # packed seeds [5]
def test_any_bytes(data):
    try:
        request = pb.GenerateRequest.FromString(data)
    except DecodeError:
        return  # the interceptor answers these
    check(request)
