"""tritonclient's errors, whose status is a string, become ours; requests are balanced."""

import grpc
import pytest
from tritonclient.grpc import service_pb2
from tritonclient.utils import InferenceServerException

from services.common import deadline, errors
from services.common.triton_client import Triton, _translated


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        ("StatusCode.UNAVAILABLE", "failed to connect", errors.Unavailable),
        ("StatusCode.CANCELLED", "shutting down", errors.Unavailable),
        ("StatusCode.DEADLINE_EXCEEDED", "Deadline Exceeded", errors.DeadlineExceeded),
        ("StatusCode.NOT_FOUND", "Request for unknown model: 'x'", errors.NotFound),
        ("StatusCode.INTERNAL", "Stub process 'x_0_0' is not healthy.", errors.Unavailable),
        ("StatusCode.INTERNAL", "out of memory", errors.Internal),
        ("StatusCode.INVALID_ARGUMENT", "unexpected shape", errors.Internal),
        (None, "model version must be a string", errors.Internal),
    ],
)
async def test_translation(status, message, expected):
    cause = InferenceServerException(message, status=status)

    async def request():
        raise cause

    with pytest.raises(errors.ServiceError) as raised:
        await _translated(request())
    assert type(raised.value) is expected
    assert raised.value.__cause__ is cause


class CountingTriton:
    """Answers statistics, and counts how often."""

    def __init__(self):
        self.asked = 0
        self.server = grpc.aio.server()
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        handler = grpc.unary_unary_rpc_method_handler(
            self.statistics,
            request_deserializer=service_pb2.ModelStatisticsRequest.FromString,
            response_serializer=service_pb2.ModelStatisticsResponse.SerializeToString,
        )
        methods = {"ModelStatistics": handler}
        self.server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler("inference.GRPCInferenceService", methods)]
        )

    async def statistics(self, request, context):
        self.asked += 1
        return service_pb2.ModelStatisticsResponse()


async def test_requests_go_to_every_address_of_a_name_in_turn():
    """As the addresses of a headless Service do; otherwise one pod has all the work."""
    tritons = [CountingTriton(), CountingTriton()]
    for triton in tritons:
        await triton.server.start()
    addresses = ",".join(f"127.0.0.1:{triton.port}" for triton in tritons)
    try:
        async with Triton(f"ipv4:{addresses}") as client, deadline.within(10):
            while not all(triton.asked for triton in tritons):  # both are connected
                await client.ready_versions()
            before = [triton.asked for triton in tritons]
            for _ in range(10):
                await client.ready_versions()
    finally:
        for triton in tritons:
            await triton.server.stop(None)
    assert [triton.asked - asked for triton, asked in zip(tritons, before, strict=True)] == [5, 5]
