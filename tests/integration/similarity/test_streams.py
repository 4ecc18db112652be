"""SearchStream: in order, as soon as it is found, and nothing after the caller has gone."""

import asyncio

import grpc
import pytest
from animegan.image.v1 import image_pb2
from animegan.similarity.v1 import similarity_pb2 as pb

from tests.integration.similarity.material import COLOUR, png

CALLS = "animegan_similarity_requests_total"
IMAGES = "animegan_similarity_images_total"


def message(i: int, **fields) -> pb.SearchStreamRequest:
    image = image_pb2.Image(data=png(COLOUR[i]))
    return pb.SearchStreamRequest(query=pb.SearchQuery(image=image, k=1, **fields))


async def test_answers_come_in_the_order_of_the_queries(stub):
    async def queries():
        for i in range(100):
            yield message(i, index="colour", omit_thumbnails=True)

    answers = [answer.result async for answer in stub.SearchStream(queries())]
    assert [answer.matches[0].id for answer in answers] == list(range(100))


async def test_an_answer_does_not_wait_for_the_next_query(stub):
    call = stub.SearchStream()
    for i in (3, 1, 2):
        await call.write(message(i))
        answer = await call.read()
        assert answer.result.matches[0].id == i
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF


@pytest.mark.parametrize(
    ("wrong", "field"),
    [(message(0, index="nobody"), ""), (message(0, definition="gaussian"), "query.definition"),
     (pb.SearchStreamRequest(), "query.image.data")],
)  # fmt: skip
async def test_a_wrong_query_ends_the_stream_after_the_answers_before_it(stub, wrong, field):
    call = stub.SearchStream(iter([message(5), message(6), wrong, message(7)]))
    answers = []
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        async for answer in call:
            answers.append(answer.result.matches[0].id)
    assert answers == [5, 6]
    if field:
        assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert failed.value.details().startswith(f"{field}: message 3 of the stream: ")
    else:
        assert failed.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_cancelled_stream_stops_costing(stub, service):
    cancelled = service.metric(CALLS, method="SearchStream", code="CANCELLED")

    async def endless():
        while True:
            yield message(0)

    call = stub.SearchStream(endless())
    await call.read()
    call.cancel()
    async with asyncio.timeout(30):
        while service.metric(CALLS, method="SearchStream", code="CANCELLED") == cancelled:
            await asyncio.sleep(0.01)
    assert service.metric("animegan_similarity_in_flight") == 0
    searched = service.metric(IMAGES, model="colour")
    await asyncio.sleep(0.5)
    assert service.metric(IMAGES, model="colour") == searched
