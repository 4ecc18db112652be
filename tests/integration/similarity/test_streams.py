"""SearchStream: in order, as soon as it is found, and nothing after the caller has gone."""

import asyncio

import grpc
import pytest
from animegan.image.v1 import image_pb2
from animegan.similarity.v1 import similarity_pb2 as pb
from google.rpc import code_pb2

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


TRUNCATED = pb.SearchStreamRequest(
    query=pb.SearchQuery(image=image_pb2.Image(data=png(COLOUR[0])[:-100]))
)


@pytest.mark.parametrize(
    ("wrong", "field", "told"),
    [
        (message(0, index="nobody"), "", "there are: colour, grey"),
        (message(0, definition="gaussian"), "query.definition", "has the definition uniform7"),
        (message(0, find_copies=True), "query.find_copies", "not embedded"),
        (message(0, false_alarm_rate=1e-9), "query.false_alarm_rate", ""),
        (pb.SearchStreamRequest(), "query.image.data", "no picture was sent"),
        (TRUNCATED, "query.image.data", "cannot be decoded"),
    ],
)
@pytest.mark.parametrize("place", [0, 2, 3])
async def test_a_wrong_query_is_told_in_its_turn_and_the_others_are_answered(
    stub, service, wrong, field, told, place
):
    queries = [message(5), message(6), message(7)]
    queries.insert(place, wrong)
    answers = [answer async for answer in stub.SearchStream(iter(queries))]
    failure = answers.pop(place).failure
    assert [answer.result.matches[0].id for answer in answers] == [5, 6, 7]
    assert failure.code == (code_pb2.INVALID_ARGUMENT if field else code_pb2.NOT_FOUND)
    assert failure.field == field
    assert told in failure.message
    assert service.metric("animegan_similarity_in_flight") == 0


async def test_nothing_but_wrong_queries_is_answered_as_well(stub):
    answers = [answer async for answer in stub.SearchStream(iter([TRUNCATED] * 50))]
    assert [answer.WhichOneof("answer") for answer in answers] == ["failure"] * 50


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
