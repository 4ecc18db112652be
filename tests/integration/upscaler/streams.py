"""Pictures into the pieces of a stream, and answers out of them."""

from collections.abc import AsyncIterable, Iterator
from dataclasses import dataclass, field

import grpc
import pytest
from animegan.upscaler.v1 import upscaler_pb2 as pb
from animegan.upscaler.v1 import upscaler_pb2_grpc


@dataclass
class Received:
    """An answer as it came."""

    id: str
    data: bytes = b""
    header: pb.Header | None = None
    failure: pb.Failure | None = None
    done: bool = False
    progress: list[tuple[int, float]] = field(default_factory=list)


def parts(
    data: bytes, picture_id: str = "", chunk: int = 1000, **start
) -> Iterator[pb.UpscaleStreamRequest]:
    """The pieces that bring a picture; options are the keyword argument `options`."""
    yield pb.UpscaleStreamRequest(start=pb.Start(id=picture_id, **start))
    for first in range(0, len(data), chunk):
        yield pb.UpscaleStreamRequest(chunk=data[first : first + chunk])
    yield pb.UpscaleStreamRequest(end=pb.End())


async def received(responses: AsyncIterable[pb.UpscaleStreamResponse]) -> list[Received]:
    """The answers of a stream; pieces in a wrong order fail the test."""
    answers: list[Received] = []
    current: Received | None = None
    async for response in responses:
        if current is None:
            current = Received(response.id)
            answers.append(current)
        assert response.id == current.id
        _take(current, response)
        if current.done or current.failure:
            current = None
    assert current is None
    return answers


def refusal(target: str, requests: Iterator[pb.UpscaleStreamRequest]) -> grpc.RpcError:
    """How a stream fails that is ended while its requests are still being sent.

    By a synchronous call: one of grpc.aio may report INTERNAL in place of the service's status
    when it is ended while it writes (github.com/grpc/grpc/issues/36066).
    """
    with grpc.insecure_channel(target) as channel, pytest.raises(grpc.RpcError) as failed:
        _ = list(upscaler_pb2_grpc.UpscalerServiceStub(channel).UpscaleStream(requests))
    return failed.value


def _take(answer: Received, response: pb.UpscaleStreamResponse) -> None:
    match response.WhichOneof("part"):
        case "progress":
            answer.progress.append((response.progress.stage, response.progress.fraction))
        case "header":
            assert answer.header is None
            answer.header = response.header
        case "chunk":
            assert answer.header is not None
            answer.data += response.chunk
        case "done":
            assert response.done.size_bytes == len(answer.data)
            answer.done = True
        case "failure":
            answer.failure = response.failure
        case other:
            raise AssertionError(f"a piece {other!r}")
