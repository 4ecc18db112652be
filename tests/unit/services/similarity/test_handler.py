"""What a stream of queries does with messages that cannot be read."""

from typing import Any, cast

import pytest
from animegan.similarity.v1 import similarity_pb2 as pb

from services.common.rpc.errors import InvalidField
from services.similarity.handler import Handler
from services.similarity.types import Limits
from tests.unit.services.rooms import Room

NOBODY = cast("Any", None)


class Pipeline:
    """Answers nothing but what is wrong with a query."""

    async def answer(self, item):
        return item


async def test_a_message_that_cannot_be_read_is_counted_from_1_and_told_after_the_answers():
    async def requests():
        for _ in range(2):
            yield pb.SearchStreamRequest()
        raise InvalidField("(message)", "not a valid protobuf message")

    limits = Limits(max_k=4, max_pixels=100)
    handler = Handler(
        cast("Any", Pipeline()), NOBODY, Room().admission, Room().admission, limits, stream_window=3
    )
    answers = []
    with pytest.raises(InvalidField) as refused:
        async for answer in handler.SearchStream(requests(), NOBODY):
            answers.append(answer)
    assert [answer.failure.field for answer in answers] == ["query.image.data"] * 2
    assert refused.value.field == "(message)"
    assert refused.value.message == "message 3 of the stream: not a valid protobuf message"
