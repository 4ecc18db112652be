"""What callers send as metadata gets into no log, however odd it is, and stops nobody."""

import grpc
import pytest
from animegan.generator.v1 import generator_pb2 as pb
from animegan.generator.v1 import generator_pb2_grpc

from tests.integration.generator.service import ServiceProcess
from tests.unit.services.common.rpc.raw_http2 import connected

NOBODY = "127.0.0.1:9"  # the port of "discard": no Triton listens there
LIST_MODELS = b"/animegan.generator.v1.GeneratorService/ListModels"
TOKEN = "s3cret-token-of-ours"
OTHER = b"token-of-another-service"
UNAUTHENTICATED, UNAVAILABLE = b"grpc-status\x0216", b"grpc-status\x0214"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    log = tmp_path_factory.mktemp("secrets") / "log"
    environment = {"ANIMEGAN_GENERATOR_AUTH_TOKEN": TOKEN}
    with ServiceProcess(NOBODY, log, "--log-level", "debug", **environment) as process:
        yield process


@pytest.mark.parametrize(
    ("metadata", "status"),
    [
        ([(b"authorization", b"Bearer " + TOKEN.encode() + b"\xff")], UNAUTHENTICATED),
        ([(b"authorization", OTHER + b"\xff")], UNAUTHENTICATED),
        ([(b"authorization", b"\xfebearer " + OTHER)], UNAUTHENTICATED),
        ([(b"x-api-key", OTHER + b"\x80")], UNAUTHENTICATED),
        ([(b"cookie", OTHER + b"\xc3\x28" * 500)], UNAUTHENTICATED),
        (
            [(b"x-request-id", OTHER + b"\xff"), (b"authorization", b"Bearer " + TOKEN.encode())],
            UNAVAILABLE,  # it is let in, and no model can be reached
        ),
    ],
)
def test_metadata_that_is_no_text_is_not_logged(service, metadata, status):
    with connected(service.ports["port"]) as caller:
        assert status in caller.answer(caller.call(LIST_MODELS, b"", metadata))
    log = service.log_text()
    assert TOKEN not in log
    assert OTHER.decode() not in log
    assert any("Invalid encoding" in event["event"] for event in service.events())
    assert not [event for event in service.events() if event["level"] == "error"]


async def test_a_path_that_is_no_text_stops_nobody(service):
    with connected(service.ports["port"]) as caller:
        assert b"grpc-status\x012" in caller.answer(caller.call(LIST_MODELS + b"\xff", b""))
    async with grpc.aio.insecure_channel(service.target) as channel:
        stub = generator_pb2_grpc.GeneratorServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await stub.ListModels(pb.ListModelsRequest())
        assert failed.value.code() is grpc.StatusCode.UNAUTHENTICATED
