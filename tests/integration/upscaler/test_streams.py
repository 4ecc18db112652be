"""UpscaleStream: many pictures, in pieces and in order, and nothing after the caller has gone."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import numpy as np
import pytest
from animegan.image.v1 import image_pb2
from animegan.upscaler.v1 import upscaler_pb2 as pb

from services.upscaler.settings import UpscalerSettings
from tests.integration.upscaler.material import CALLS, MADE, MODELS, noise, pixels, png, run
from tests.integration.upscaler.streams import parts, received

TINY = MODELS[0]


async def test_answers_come_whole_and_in_the_order_of_the_pictures(stub):
    images = [noise(5 + i, 40 - i, seed=i) for i in range(30)]
    requests = [part for i, image in enumerate(images) for part in parts(png(image), f"no. {i}")]
    answers = await received(stub.UpscaleStream(iter(requests)))
    assert [answer.id for answer in answers] == [f"no. {i}" for i in range(30)]
    for image, answer in zip(images, answers, strict=True):
        assert np.array_equal(pixels(answer.data), run(TINY, image))
        assert (answer.header.width, answer.header.height) == (
            2 * image.shape[1], 2 * image.shape[0],
        )  # fmt: skip
        fractions = [fraction for _, fraction in answer.progress]
        assert fractions == sorted(fractions)
        assert (fractions[0], fractions[-1]) == (0, 1)


async def test_an_answer_does_not_wait_for_the_next_picture(stub):
    call = stub.UpscaleStream()
    for i in range(3):
        image = noise(8, 8, seed=i)
        for part in parts(png(image), str(i)):
            await call.write(part)
        data = b""
        while (response := await call.read()).WhichOneof("part") != "done":
            data += response.chunk
        assert np.array_equal(pixels(data), run(TINY, image))
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF


async def test_a_chunk_may_end_anywhere(stub):
    """At every byte of a file, and every byte in a chunk of its own."""
    image = noise(3, 3)
    file = png(image)
    requests = [part for cut in range(1, len(file)) for part in _cut(file, cut)]
    requests += parts(file, chunk=1)
    answers = await received(stub.UpscaleStream(iter(requests)))
    assert len(answers) == len(file)
    assert {answer.data for answer in answers} == {answers[0].data}
    assert np.array_equal(pixels(answers[0].data), run(TINY, image))


def _cut(file: bytes, cut: int) -> list[pb.UpscaleStreamRequest]:
    start, *_, end = parts(b"")
    chunks = [pb.UpscaleStreamRequest(chunk=piece) for piece in (file[:cut], file[cut:])]
    return [start, *chunks, end]


async def test_a_large_picture_comes_in_pieces_as_it_grows(stub):
    image = noise(900, 1200)
    raw = {
        "format": image_pb2.IMAGE_FORMAT_RAW,
        "height": 900,
        "width": 1200,
        "channels": 3,
        "size_bytes": image.nbytes,
        "options": pb.UpscaleOptions(format=image_pb2.IMAGE_FORMAT_RAW),
    }
    kinds = []
    data = b""
    async for response in stub.UpscaleStream(parts(image.tobytes(), chunk=2**18, **raw)):
        assert len(response.chunk) <= 2**18
        kinds.append(response.WhichOneof("part"))
        data += response.chunk
    assert data == run(TINY, image).tobytes()
    assert kinds.count("progress") > 3
    assert kinds.index("chunk") < kinds.index("progress", kinds.index("chunk"))


@pytest.mark.parametrize("name", ["jpeg", "webp"])
async def test_what_cannot_grow_is_encoded_at_the_end(stub, name):
    number = image_pb2.ImageFormat.Value(f"IMAGE_FORMAT_{name.upper()}")
    options = pb.UpscaleOptions(format=number)
    (answer,) = await received(stub.UpscaleStream(parts(png(noise(64, 64)), options=options)))
    assert answer.progress[-1] == (pb.STAGE_ENCODING, 1)
    assert pixels(answer.data).shape == (128, 128, 3)


@pytest.mark.parametrize(
    ("wrong", "field", "message"),
    [
        (parts(b"GIF89a, they said"), "chunk", "no picture that can be read"),
        (parts(png(noise(9, 9))[:-40]), "chunk", "cannot be decoded"),
        (parts(b""), "chunk", "no picture was sent"),
        (parts(b"12", size_bytes=3), "size_bytes", "3 were announced, 2 came"),
        (parts(b"12", size_bytes=2**40), "size_bytes", "over the limit of 268435456"),
        (parts(b"12", format=99), "format", "leave it out, or RAW"),
        (parts(b"12", format=4, width=2**15, height=2**15, channels=3), "width", "over the limit"),
        (parts(b"12", format=4, width=1, height=1, channels=3), "chunk", "pixels take 3"),
        (parts(png(noise(9, 9)), options=pb.UpscaleOptions(scale=9)), "options.scale", "1 and 8"),
        (parts(png(noise(9, 9)), options=pb.UpscaleOptions(noise=3)), "options.noise",
         "tiny cannot remove noise 3; it has 1x noise 1; 2x noise -1, 1"),
        (parts(png(noise(9, 9, 4)), options=pb.UpscaleOptions(format=3)), "options.format",
         "JPEG holds no transparency"),
    ],
)  # fmt: skip
async def test_a_wrong_picture_fails_alone(stub, wrong, field, message):
    good = png(noise(6, 6))
    requests = [*parts(good, "before"), *wrong, *parts(good, "after")]
    before, failed, after = await received(stub.UpscaleStream(iter(requests)))
    assert before.data == after.data != b""
    assert (failed.failure.code, failed.failure.field) == (3, field)
    assert message in failed.failure.message


async def test_an_unknown_method_fails_alone_and_those_there_are_are_listed(stub):
    wrong = parts(png(noise(6, 6)), options=pb.UpscaleOptions(method="magic"))
    requests = [*wrong, *parts(png(noise(6, 6)))]
    failed, good = await received(stub.UpscaleStream(iter(requests)))
    assert failed.failure == pb.Failure(
        code=5,
        message="no method 'magic'; there are: other, tiny, nearest, bilinear, bicubic, lanczos",
    )
    assert good.done


START, CHUNK, END = (
    pb.UpscaleStreamRequest(start=pb.Start()),
    pb.UpscaleStreamRequest(chunk=b"x"),
    pb.UpscaleStreamRequest(end=pb.End()),
)


@pytest.mark.parametrize(
    ("requests", "field"),
    [
        ([CHUNK], "start"),
        ([END], "start"),
        ([pb.UpscaleStreamRequest()], "start"),
        ([START], "end"),
        ([START, CHUNK], "end"),
        ([START, CHUNK, START], "end"),
        ([pb.UpscaleStreamRequest(start=pb.Start(id="x" * 129))], "start.id"),
    ],
)
async def test_pieces_in_a_wrong_order_end_the_stream_after_the_answers_before(
    stub, requests, field
):
    call = stub.UpscaleStream(iter([*parts(png(noise(4, 4)), "good"), *requests]))
    done = []
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        async for response in call:
            done.append((response.id, response.WhichOneof("part")))
    assert done[-1] == ("good", "done")
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert failed.value.details().startswith(f"{field}: ")


async def test_a_cancelled_stream_stops_costing(stub, service, triton):
    cancelled = service.metric(CALLS, method="UpscaleStream", code="CANCELLED")
    # Not the default method, to which canaries go all the time.
    options = pb.UpscaleOptions(method="other", scale=8)

    async def endless() -> AsyncIterator[pb.UpscaleStreamRequest]:
        while True:
            for part in parts(png(noise(600, 600)), chunk=2**18, options=options):
                yield part

    call = stub.UpscaleStream(endless())
    while (await call.read()).WhichOneof("part") != "chunk":
        pass
    assert service.metric("animegan_upscaler_pixels_in_flight") > 0
    call.cancel()
    async with asyncio.timeout(30):
        while service.metric(CALLS, method="UpscaleStream", code="CANCELLED") == cancelled:
            await asyncio.sleep(0.01)
    assert service.metric("animegan_upscaler_pixels_in_flight") == 0
    assert service.metric("animegan_upscaler_in_flight") == 0
    with triton.admin() as admin:
        executions = admin.executions("upscale_other_2x")
        await asyncio.sleep(0.5)
        # What Triton has got already is finished there.
        sent = UpscalerSettings.model_fields["triton_requests"].default
        assert admin.executions("upscale_other_2x") <= executions + sent


async def test_a_caller_that_does_not_read_stops_the_work(stub, service):
    options = pb.UpscaleOptions(format=image_pb2.IMAGE_FORMAT_RAW, scale=8)
    call = stub.UpscaleStream(parts(png(noise(900, 900)), chunk=2**18, options=options))
    await call.read()
    async with asyncio.timeout(60):
        while True:
            made = service.metric(MADE, model=TINY.name)
            await asyncio.sleep(1)
            if service.metric(MADE, model=TINY.name) == made:
                break
    assert made < 900 * 900 * (4 + 16 + 64)
    call.cancel()
