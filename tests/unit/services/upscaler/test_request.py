"""From messages to orders, and what is told about wrong ones."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from animegan.image.v1 import image_pb2
from animegan.upscaler.v1 import upscaler_pb2 as pb
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from services.common.pictures.encoding import PNG, Encoding, Format
from services.common.rpc.errors import Busy, InvalidField
from services.upscaler.request import OutOfOrder, parse_stream, parse_upscale
from services.upscaler.types import Failure, Limits, Options, Order
from tests.unit.services.rooms import Room

LIMITS = Limits(
    input_pixels=10_000,
    output_pixels=90_000,
    unary_pixels=40_000,
    collected_pixels=20_000,
    picture_bytes=5_000,
)
END = pb.UpscaleStreamRequest(end=pb.End())


def png(width: int = 5, height: int = 4) -> bytes:
    file = BytesIO()
    Image.new("RGB", (width, height), (1, 2, 3)).save(file, "PNG")
    return file.getvalue()


def unary(data: bytes, **options) -> Order:
    request = pb.UpscaleRequest(
        image=image_pb2.Image(data=data), options=pb.UpscaleOptions(**options)
    )
    return asyncio.run(parse_upscale(request, LIMITS))


def start(**fields) -> pb.UpscaleStreamRequest:
    return pb.UpscaleStreamRequest(start=pb.Start(**fields))


def chunk(data: bytes) -> pb.UpscaleStreamRequest:
    return pb.UpscaleStreamRequest(chunk=data)


def streamed(requests: Iterable[pb.UpscaleStreamRequest]) -> list[Order | Failure]:
    async def each() -> AsyncIterator[pb.UpscaleStreamRequest]:
        for request in requests:
            yield request

    async def collect() -> list[Order | Failure]:
        return [item async for item in parse_stream(each(), LIMITS, Room().admission.share())]

    return asyncio.run(collect())


def test_without_options_a_picture_becomes_twice_as_large():
    order = unary(png())
    assert order.options == Options(method="", scale=2.0, noise=-1, tta=False, encoding=PNG)
    assert (order.file.width, order.file.height, order.file.format) == (5, 4, "PNG")
    assert order.field == "image.data"


def test_all_options():
    order = unary(
        png(), method="cunet", scale=3.5, noise=0, test_time_augmentation=True,
        format=image_pb2.IMAGE_FORMAT_WEBP, quality=7, keep_metadata=True,
    )  # fmt: skip
    assert order.options == Options("cunet", 3.5, 0, True, Encoding(Format.WEBP, 7), True)


@pytest.mark.parametrize(
    ("size", "options", "field", "remedy"),
    [
        ((101, 100), {"scale": 1}, "image.data", "send it smaller"),
        ((60, 60), {"scale": 4}, "options.scale", "240x240 .* 40000; use UpscaleStream"),
        ((80, 80), {"format": 2}, "options.format", "choose PNG"),
        ((5, 5), {"scale": 0}, "options.scale", "leave it out: 2"),
        ((5, 5), {"noise": -2}, "options.noise", "-1 .none, as if left out. and 3"),
        ((5, 5), {"method": "x" * 65}, "options.method", "see ListModels"),
        ((5, 5), {"format": 9}, "options.format", "PNG, WEBP, JPEG or RAW"),
        ((5, 5), {"quality": 9}, "options.quality", "leave it out, or use JPEG"),
        ((5, 5), {"format": 4, "keep_metadata": True}, "options.keep_metadata", "leave it out"),
    ],
)
def test_complaints_name_field_and_remedy(size, options, field, remedy):
    with pytest.raises(InvalidField, match=remedy) as refused:
        unary(png(*size), **options)
    assert refused.value.field == field


@given(st.lists(st.integers(0, 200), max_size=5))
def test_a_picture_is_what_its_chunks_are_together(cuts):
    file = png()
    bounds = [0, *sorted(min(cut, len(file)) for cut in cuts), len(file)]
    chunks = [chunk(file[a:b]) for a, b in pairwise(bounds)]
    (order,) = streamed([start(id="a", size_bytes=len(file)), *chunks, END])
    assert isinstance(order, Order)
    assert (order.id, order.file.data, order.field) == ("a", file, "chunk")


def test_what_comes_of_a_rejected_picture_is_forgotten():
    good = [start(id="good"), chunk(png()), END]
    wrong = [start(id="wrong", options=pb.UpscaleOptions(scale=9)), chunk(png()), END]
    items = streamed([*good, *wrong, *good])
    assert [item.id for item in items] == ["good", "wrong", "good"]
    assert [isinstance(item, Failure) for item in items] == [False, True, False]


def test_a_picture_is_rejected_before_the_rest_of_it_comes():
    taken = []

    async def requests() -> AsyncIterator[pb.UpscaleStreamRequest]:
        yield start()
        for number in range(10):
            taken.append(number)
            yield chunk(bytes(2_000))

    async def first() -> Order | Failure:
        return await anext(parse_stream(requests(), LIMITS, Room().admission.share()))

    item = asyncio.run(first())
    assert isinstance(item, Failure)
    assert (item.error.field, taken) == ("chunk", [0, 1, 2])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"size_bytes": 5_001}, "size_bytes"),
        ({"format": 9}, "format"),
        ({"format": 4, "width": 101, "height": 100, "channels": 1}, "width"),
        ({"format": 4, "channels": 1}, "width"),
        ({"options": pb.UpscaleOptions(noise=7)}, "options.noise"),
    ],
)
def test_a_start_is_judged_before_chunks_come(fields, field):
    async def requests() -> AsyncIterator[pb.UpscaleStreamRequest]:
        yield start(**fields)
        pytest.fail("read on")

    async def first() -> Order | Failure:
        return await anext(parse_stream(requests(), LIMITS, Room().admission.share()))

    item = asyncio.run(first())
    assert isinstance(item, Failure)
    assert item.error.field == field


def test_raw_pixels():
    pixels = np.arange(24, dtype=np.uint8).tobytes()
    size = {"format": 4, "width": 3, "height": 2, "channels": 4}
    (order,) = streamed([start(**size), chunk(pixels[:10]), chunk(pixels[10:]), END])
    assert isinstance(order, Order)
    assert (order.file.data, order.file.channels) == (pixels, 4)


@pytest.mark.parametrize(
    ("requests", "field"),
    [([END], "start"), ([chunk(b"x")], "start"), ([start()], "end"), ([start(), start()], "end"),
     ([start(id="x" * 129)], "start.id")],
)  # fmt: skip
def test_parts_in_a_wrong_order(requests, field):
    with pytest.raises(OutOfOrder) as refused:
        streamed(requests)
    assert refused.value.field == field


async def test_a_file_waits_for_its_turn_before_it_is_read():
    room, file, read = Room(1_000, work=False).admission, png(), []

    async def requests() -> AsyncIterator[pb.UpscaleStreamRequest]:
        yield start(size_bytes=len(file))
        read.append("chunk")
        yield chunk(file)
        yield END

    with await room.in_turn(1_000 - len(file) + 1) as other, room.share() as share:
        order = asyncio.ensure_future(anext(parse_stream(requests(), LIMITS, share)))
        await asyncio.sleep(0.02)
        assert read == []
        other.release()
        assert isinstance(await order, Order)
        with pytest.raises(Busy):
            await room.now(1_000 - len(file) + 1)  # it stays until the picture is done
    (await room.now(1_000)).release()


async def test_a_file_of_unknown_size_takes_what_is_there_or_is_refused():
    room, file = Room(1_000, work=False).admission, png()

    async def requests() -> AsyncIterator[pb.UpscaleStreamRequest]:
        for number in range(2):
            yield start(id=str(number))
            for byte in file:
                yield chunk(bytes([byte]))
            yield END

    with room.share() as share:
        items = parse_stream(requests(), LIMITS, share)
        with await room.in_turn(1_000 - len(file) + 1):
            refused = await anext(items)
        accepted = await anext(items)
    assert isinstance(refused, Failure) and isinstance(refused.error, Busy)
    assert isinstance(accepted, Order) and accepted.id == "1"
    (await room.now(1_000)).release()


def test_a_beginning_is_small():
    with pytest.raises(OutOfOrder, match="fewer"):
        streamed([start(options=pb.UpscaleOptions(method="x" * 70_000))])
