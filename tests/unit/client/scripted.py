"""gRPC servers on free ports that answer as a test tells them to."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import grpc
from animegan.generator.v1 import generator_pb2, generator_pb2_grpc
from animegan.image.v1 import image_pb2
from animegan.similarity.v1 import similarity_pb2, similarity_pb2_grpc
from google.protobuf.message import Message
from google.rpc import code_pb2, status_pb2
from grpc_status import rpc_status

Answer = Callable[[Any, grpc.ServicerContext], Any]


@dataclass
class ScriptedService(generator_pb2_grpc.GeneratorServiceServicer):
    """Answers `Generate` with `answers` in turn (the last one again and again); counts calls."""

    answers: list[Answer]
    calls: int = 0
    metadata: dict[str, str | bytes] = field(default_factory=dict)
    target: str = ""
    cancelled: Event = field(default_factory=Event)

    def Generate(self, request, context):
        self.metadata = dict(context.invocation_metadata())
        answer = self.answers[min(self.calls, len(self.answers) - 1)]
        self.calls += 1
        return answer(request, context)

    def GenerateStream(self, request, context):
        self.calls += 1
        context.add_callback(self.cancelled.set)
        seed = 0
        while context.is_active():
            yield generator_pb2.GenerateStreamResponse(images=[picture(seed)])
            seed += 1


@contextmanager
def serving(
    *answers: Answer, port: int = 0, options: Sequence[tuple[str, int]] = ()
) -> Iterator[ScriptedService]:
    service = ScriptedService(list(answers))
    server = grpc.server(ThreadPoolExecutor(4), options=options)
    generator_pb2_grpc.add_GeneratorServiceServicer_to_server(service, server)
    service.target = f"127.0.0.1:{server.add_insecure_port(f'127.0.0.1:{port}')}"
    server.start()
    try:
        yield service
    finally:
        server.stop(grace=0).wait()


def picture(seed: int) -> generator_pb2.GeneratedImage:
    image = image_pb2.Image(
        format=image_pb2.IMAGE_FORMAT_RAW, width=1, height=1, channels=3, data=b"abc"
    )
    return generator_pb2.GeneratedImage(seed=seed, image=image, model_version=1)


def pictures(request, context):
    """The answer of a service in good health."""
    return generator_pb2.GenerateResponse(
        model="stylegan", model_version=1, images=[picture(seed) for seed in request.seeds]
    )


def failing(code: grpc.StatusCode, message: str, *details: Message) -> Answer:
    def answer(request, context):
        status = status_pb2.Status(code=code.value[0], message=message)
        for detail in details:
            status.details.add().Pack(detail)
        context.abort_with_status(rpc_status.to_status(status))

    return answer


_FAILURES = {
    b"broken": similarity_pb2.Failure(
        code=code_pb2.INVALID_ARGUMENT, message="cannot be decoded", field="query.image.data"
    ),
    b"index": similarity_pb2.Failure(code=code_pb2.NOT_FOUND, message="no such index"),
    b"odd": similarity_pb2.Failure(code=code_pb2.DATA_LOSS, message="?"),
}


class ScriptedSearch(similarity_pb2_grpc.SimilarityServiceServicer):
    """Finds an image whose id is the number in the picture; `away` ends the stream."""

    def Search(self, request, context):
        (answer,) = self.SearchStream(iter([request]), context)
        if answer.HasField("failure"):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, answer.failure.message)
        return similarity_pb2.SearchResponse(result=answer.result)

    def SearchStream(self, requests, context):
        for request in requests:
            picture = request.query.image.data
            if picture == b"away":
                context.abort(grpc.StatusCode.UNAVAILABLE, "the shard noise/00001 is away")
            if picture == b"strange":
                yield similarity_pb2.SearchStreamResponse()
            elif picture in _FAILURES:
                yield similarity_pb2.SearchStreamResponse(failure=_FAILURES[picture])
            else:
                match = similarity_pb2.Match(id=int(picture), ssim=0.5)
                result = similarity_pb2.SearchResult(index="noise", count=9, matches=[match])
                yield similarity_pb2.SearchStreamResponse(result=result)


@contextmanager
def searching() -> Iterator[str]:
    """The address of a ScriptedSearch."""
    server = grpc.server(ThreadPoolExecutor(4))
    similarity_pb2_grpc.add_SimilarityServiceServicer_to_server(ScriptedSearch(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(grace=0).wait()
